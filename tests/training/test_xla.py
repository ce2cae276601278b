"""`runtime.xla`: the same numbers by XLA's programs, and what has no kernel told before training begins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from specc.backend.run import run
from specc.diagnostics import Log, Rejected
from tests.training.conftest import BLOBS, Write, blobs, planned
from tests.training.test_parity_with_fit import CASES

SAME = (
    "classes by index, with penalties",
    "classes as vectors, with a schedule",
    "sequences under a mask",
    "examples that count differently",
    "two outputs",
)


@pytest.mark.parametrize("case", SAME)
def test_xla_learns_what_tensorflow_learns(case: str, write: Write, tmp_path: Path) -> None:
    arrays, dataset, layers, training = CASES[case]
    outputs = "outputs: {y: head, unit: tail}" if case == "two outputs" else ""
    # XLA draws other numbers.
    layers = layers.replace("- Dropout: {rate: 0.3, seed: 4}", "")
    path = write(arrays, f"{dataset}\nmodel:\n  layers: {layers}\n  {outputs}\ntraining: {training}\n")
    runs = {}
    for xla in (True, False):
        plan = planned(path, training__epochs=2, dataset__split={"validation": 0.25}, runtime__xla=xla)
        runs[xla] = run(plan, tmp_path / str(xla), Log())

    assert "with XLA" in runs[True].chosen
    assert "without XLA" in runs[False].chosen
    for name, values in runs[False].history.items():
        np.testing.assert_allclose(runs[True].history[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    for a, b in zip(runs[True].model.get_weights(), runs[False].model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_left_to_us_a_cpu_does_without(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(40), BLOBS), training__epochs=1, runtime={"strategy": "cpu", "xla": "auto"})

    done = run(plan, tmp_path / "run", Log())

    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["xla"] is False
    assert done.chosen.startswith("cpu:0 in float32, without XLA, ")


PICTURES = {
    "pixels": np.random.default_rng(1).random((40, 8, 8, 3)).astype("float32"),
    "y": np.arange(40, dtype="int32") % 3,
}
TURNED = """
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [8, 8, 3], column: pixels}}
  targets: {y: {type: category, classes: 3}}
model:
  layers:
    - Rescaling: 0.5
    - RandomRotation: 0.1
    - Flatten
    - Dense: 3
training:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  optimizer: adam
runtime: {xla: true}
"""
LOOKED_UP = """
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [1], column: y, dtype: int64}}
  targets: {y: {type: category, classes: 3}}
model:
  layers:
    - IntegerLookup: {vocabulary: [0, 1, 2]}
    - Embedding: {input_dim: 4, output_dim: 3}
    - Flatten
    - Dense: 3
training:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  optimizer: adam
runtime: {xla: true}
"""


@pytest.mark.parametrize(
    ("text", "step", "operation"),
    [(TURNED, "RandomRotation", "ImageProjectiveTransformV3"), (LOOKED_UP, "IntegerLookup", "LookupTableFindV2")],
)
def test_what_has_no_kernel_is_told_at_its_step_before_training(
    text: str, step: str, operation: str, write: Write, tmp_path: Path
) -> None:
    arrays = PICTURES | ({"y": PICTURES["y"][:, None]} if step == "IntegerLookup" else {})
    path = write(arrays, text)
    log = Log()

    with pytest.raises(Rejected):
        run(planned(path), tmp_path / "run", log)

    line = next(n for n, content in enumerate(path.read_text().splitlines(), 1) if step in content)
    assert [(found.code.id, found.span.line) for found in log.diagnostics] == [("S611", line)]
    told = f"`{step}` cannot be compiled by XLA: there is no kernel for TensorFlow's `{operation}`"
    assert log.diagnostics[0].message == told
    assert not (tmp_path / "run").exists()


def test_without_xla_it_trains(write: Write, tmp_path: Path) -> None:
    done = run(planned(write(PICTURES, TURNED), runtime={"xla": "auto"}), tmp_path / "run", Log())
    assert done.status == "finished"
