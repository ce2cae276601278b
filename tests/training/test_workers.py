"""Processes that share every batch learn what one device learns, and all know it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from specc.backend.run import run
from specc.cluster.members import members
from specc.cluster.watch import run_together
from specc.diagnostics import Log
from tests.training.conftest import planned
from tests.training.parity import ARRAYS, SPECS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("workers")]  # two processes train them all, once

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "training" / "on_workers.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes have trained every spec."""
    folder = tmp_path_factory.mktemp("workers")
    np.savez(folder / "data.npz", **ARRAYS)
    for name, text in SPECS.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        ended = run_together([sys.executable, str(PROGRAM), str(folder)], members(2, 0), told.append)
    assert ended.status == 0, (ended, told)
    return folder


@pytest.fixture(params=SPECS)
def trained(request: pytest.FixtureRequest, folder: Path) -> tuple[str, list[Mapping[str, Any]]]:
    """The name of a spec and what each process came to."""
    return request.param, [dict(np.load(folder / f"{request.param}-worker-{i}.npz")) for i in range(2)]


def test_two_workers_learn_what_one_device_learns(
    trained: tuple[str, list[Mapping[str, Any]]], folder: Path, tmp_path: Path
) -> None:
    name, (found, _) = trained
    exact = "16 bits" not in name  # where every product rounds, in another order on each side
    one = run(planned(folder / f"{name}.yaml", runtime__strategy="cpu"), tmp_path / "one", Log())
    for i, weights in enumerate(one.model.get_weights()):
        np.testing.assert_allclose(found[f"weights-{i:02}"], weights, rtol=0, atol=1e-5 if exact else 4e-3)
    for key, values in one.history.items():
        np.testing.assert_allclose(found[f"log {key}"], values, rtol=1e-4 if exact else 2e-3, atol=1e-5)
    for split, logs in one.metrics.items():
        for key, value in logs.items():
            where = found[f"metric {split} {key}"]
            np.testing.assert_allclose(where, value, rtol=1e-4 if exact else 2e-3, atol=1e-5)


def test_the_workers_agree_bit_for_bit(trained: tuple[str, list[Mapping[str, Any]]]) -> None:
    _, (first, second) = trained
    assert set(first) == set(second)
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
