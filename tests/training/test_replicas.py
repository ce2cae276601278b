"""Several devices learn what one device learns: the same optimizer steps, an uneven last batch included."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import blobs

pytestmark = pytest.mark.xdist_group("replicas")  # one process trains them all, once

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(2)

# 49 remain to train on, three batches of 16 and one of 1: of that, some replicas have nothing.
EXAMPLES = 61
ARRAYS = blobs(EXAMPLES) | {
    "pictures": RNG.random((EXAMPLES, 8, 8, 1)).astype("float32"),
    "words": (RNG.integers(1, 20, (EXAMPLES, 7)) * (np.arange(7) < RNG.integers(1, 8, (EXAMPLES, 1)))).astype("int32"),
    "tags": RNG.integers(0, 5, (EXAMPLES, 7)).astype("int32"),
    "unit": RNG.random(EXAMPLES).astype("float32"),
}
X = "x: {type: tensor, shape: [6]}"
Y = "y: {type: category, classes: 3}"
MLP = """
    - Dense: {units: 16, activation: relu, kernel_regularizer: {L2: 0.01}, activity_regularizer: {L2: 0.01}}
    - Dense: {units: 3, activation: softmax}
"""
CLASSES = "loss: sparse_categorical_crossentropy, metrics: [accuracy, SparseCategoricalCrossentropy]"


def spec(inputs: str, targets: str, layers: str, training: str, replicas: int = 2, more: str = "") -> str:
    devices = ", ".join(f"cpu:{i}" for i in range(replicas))
    return f"""specc: 1
dataset:
  source: {{npz: data.npz}}
  inputs: {{{inputs}}}
  targets: {{{targets}}}
  split: {{validation: 0.2}}
  batch_size: 16
model:
  layers:{textwrap.indent(textwrap.dedent(layers), "    ")}
training: {{{training}, epochs: 2}}
runtime: {{strategy: {{mirrored: [{devices}]}}{more}}}
"""


def mlp(optimizer: str, replicas: int = 2, more: str = "") -> str:
    return spec(X, Y, MLP, f"{CLASSES}, optimizer: {optimizer}", replicas, more)


def masked(more: str = "") -> str:
    return spec(
        "words: {type: tensor, shape: [7], dtype: int32}",
        "tags: {type: tensor, shape: [7], dtype: int32}",
        """
        - Embedding: {input_dim: 20, output_dim: 6, mask_zero: true}
        - GRU: {units: 8, return_sequences: true}
        - Dense: {units: 5, activation: softmax}
        """,
        f"{CLASSES}, optimizer: {{Adam: 0.01}}",
        more=more,
    )


SPECS = {
    "mlp": mlp("{Adam: 0.01}", replicas=3),
    "cnn": spec(
        "pictures: {type: tensor, shape: [8, 8, 1]}",
        Y,
        """
        - Conv2D: {filters: 8, kernel_size: 3, use_bias: false}
        - BatchNormalization: {synchronized: true}
        - ReLU
        - MaxPooling2D: 2
        - Flatten
        - Dense: {units: 3, activation: softmax}
        """,
        f"{CLASSES}, optimizer: {{Adam: 0.01}}",
    ),
    "masked": masked(),
    "masked, by XLA": masked(", xla: true"),
    "in 16 bits": mlp("{Adam: 0.01}", more=", precision: mixed_float16"),
    "in 16 bits, clipped": mlp("{SGD: {learning_rate: 0.1, clipnorm: 0.05}}", more=", precision: mixed_float16"),
    "sum": spec(
        X, "unit: {type: number}", "[{Dense: 1}]", "loss: {MeanSquaredError: {reduction: sum}}, optimizer: sgd"
    ),
    "gathered": mlp("{Adam: {learning_rate: 0.01, gradient_accumulation_steps: 2, clipnorm: 0.05}}"),
    "weighted": mlp("{Adam: 0.01}").replace("  batch_size", "  weight: unit\n  batch_size"),
    "terms-and-phases": spec(
        X,
        Y,
        MLP,
        """loss: [{loss: sparse_categorical_crossentropy, weight: 0.7}, {loss: {SparseCategoricalCrossentropy: {}}}],
            metrics: [accuracy], optimizer: {Adam: 0.01}, phases: [{freeze: [dense], steps: 6}, {unfreeze: [dense],
            optimizer: {SGD: {learning_rate: 0.1, clipnorm: 0.5}}}]""",
    ),
    "averaged": mlp("{SGD: {learning_rate: 0.1, use_ema: true, ema_momentum: 0.9, global_clipnorm: 0.05}}"),
}
BATCH_NORM = spec(
    X,
    Y,
    """
    - Dense: 8
    - BatchNormalization: {momentum: 0.5}
    - Dense: {units: 3, activation: softmax}
    """,
    f"{CLASSES}, optimizer: {{Adam: 0.01}}",
    replicas=3,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    folder = tmp_path_factory.mktemp("replicas")
    np.savez(folder / "data.npz", **ARRAYS)
    for name, text in {**SPECS, "batch-norm": BATCH_NORM}.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    program = ROOT / "tests" / "training" / "on_replicas.py"
    done = subprocess.run(
        [sys.executable, str(program), str(folder)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return {path.stem: dict(np.load(path)) for path in folder.glob("*.npz") if path.stem != "data"}


@pytest.mark.parametrize("name", SPECS)
def test_weights_and_logs_are_those_of_one_device(name: str, trained: Mapping[str, Mapping[str, Any]]) -> None:
    found = trained[name]
    exact = "16 bits" not in name  # where every product rounds, in another order on each side
    weights = [key for key in found if key.startswith("one-")]
    logs = [key for key in found if key.startswith("one ")]
    assert len(weights) >= 2
    assert len(logs) >= 2
    for key in weights:
        np.testing.assert_allclose(
            found[key.replace("one", "several")], found[key], rtol=0, atol=1e-5 if exact else 4e-3
        )
    for key in logs:
        np.testing.assert_allclose(
            found[key.replace("one", "several")], found[key], rtol=1e-4 if exact else 2e-3, atol=1e-5
        )


def test_replicas_agree_on_moving_averages(trained: Mapping[str, Mapping[str, Any]]) -> None:
    found = trained["batch-norm"]
    copies = {key: value for key, value in found.items() if key.startswith("replica-") and value.dtype.kind == "f"}
    assert len(copies) == 6  # a mean and a variance on each of three replicas
    for variable in ("00", "01"):
        first, *others = (copies[f"replica-{variable}-{r}"] for r in range(3))
        assert np.isfinite(first).all()
        assert np.ptp(first) > 0
        for other in others:
            np.testing.assert_array_equal(other, first)
