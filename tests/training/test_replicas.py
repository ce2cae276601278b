"""Several devices learn what one device learns: the same optimizer steps, an uneven last batch included."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.parity import ARRAYS, CLASSES, SPECS, X, Y, spec

pytestmark = pytest.mark.xdist_group("replicas")  # one process trains them all, once

ROOT = Path(__file__).parents[2]
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
BUSY = spec(
    "pictures: {type: tensor, shape: [8, 8, 1]}",
    Y,
    """
    - Conv2D: {filters: 128, kernel_size: 3}
    - Conv2D: {filters: 256, kernel_size: 3}
    - GlobalAveragePooling2D
    - Dense: {units: 3, activation: softmax}
    """,
    f"{CLASSES}, optimizer: {{SGD: 0.01}}",
)
# What comes from a disk, the loop does not gather itself.
BUSY = BUSY.replace("epochs: 2", "epochs: 20").replace("batch_size: 16", "batch_size: 16\n  cache: disk")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    folder = tmp_path_factory.mktemp("replicas")
    np.savez(folder / "data.npz", **ARRAYS)
    for name, text in {**SPECS, "batch-norm": BATCH_NORM, "busy": BUSY}.items():
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


def test_a_replica_that_begins_earlier_is_no_waiting_for_data(trained: Mapping[str, Mapping[str, Any]]) -> None:
    # A batch is gathered in some microseconds; the convolutions of the first replica take a hundred times as long.
    assert 0 < float(trained["busy"]["waiting"]) < 0.1


def test_weights_in_bfloat16_are_rounded_alike_on_every_replica(trained: Mapping[str, Mapping[str, Any]]) -> None:
    found = trained["weights in 16 bits"]
    weights = sorted({key.rpartition("-")[0] for key in found if key.startswith("copy-")})
    assert len(weights) == 4
    for weight in weights:
        np.testing.assert_array_equal(found[f"{weight}-1"], found[f"{weight}-0"])
