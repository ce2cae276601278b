"""`runtime.xla`: the same numbers by XLA's programs, and what has no kernel told before training begins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from specc.backend import xla
from specc.backend.run import prepared, run
from specc.backend.training import trial
from specc.backend.training.steps import Steps
from specc.diagnostics import Log, Rejected
from specc.plan import Plan
from tests.training.conftest import BLOBS, Write, blobs, planned
from tests.training.test_parity_with_fit import CASES

SAME = (
    "classes by index, with penalties",
    "classes as vectors, with a schedule",
    "sequences under a mask",
    "examples that count differently",
    "two outputs",
)


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow) if case.startswith("sequences") else case for case in SAME]
)
def test_xla_learns_what_tensorflow_learns(case: str, write: Write, tmp_path: Path) -> None:
    arrays, dataset, layers, training = CASES[case]
    outputs = "outputs: {y: head, unit: tail}" if case == "two outputs" else ""
    # XLA draws other numbers.
    layers = layers.replace("- Dropout: {rate: 0.3, seed: 4}", "")
    path = write(arrays, f"{dataset}\nmodel:\n  layers: {layers}\n  {outputs}\ntraining: {training}\n")
    runs = {}
    for asked in (True, False):
        plan = planned(path, training__epochs=2, dataset__split={"validation": 0.25}, runtime__xla=asked)
        runs[asked] = run(plan, tmp_path / str(asked), Log())

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


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[trial.Trial]:
    """Every trial begins as soon as there is something to compare with, and is kept here."""
    monkeypatch.setattr(trial, "WORTH", 0.0)
    monkeypatch.setattr(trial, "TIMES", 0.0)
    begun: list[trial.Trial] = []

    def remembered(plan: Plan, steps: Steps) -> trial.Trial | None:
        made = whether(plan, steps)
        begun.extend([made] if made else [])
        return made

    whether = xla.trial
    monkeypatch.setattr(xla, "trial", remembered)
    return begun


def steps_of(plan: Plan) -> Steps:
    return prepared(plan, Log(), None, tf.distribute.OneDeviceStrategy("cpu:0")).steps


ALONE = {"strategy": "cpu", "steps_per_call": 2}


def test_a_trial_takes_the_same_steps(write: Write, tmp_path: Path, at_once: list[trial.Trial]) -> None:
    path = write(blobs(200), BLOBS)
    runs = {
        asked: run(planned(path, training__epochs=2, runtime=ALONE | {"xla": asked}), tmp_path / str(asked), Log())
        for asked in ("auto", False)
    }

    (tried,) = at_once
    assert len(tried._own) == trial.CALLS
    assert tried._theirs
    for name, values in runs[False].history.items():
        np.testing.assert_allclose(runs["auto"].history[name], values, rtol=1e-4, atol=1e-5, err_msg=name)
    written = json.loads((tmp_path / "auto" / "manifest.json").read_text())["xla"]
    assert written is tried.steps.xla
    assert (" with XLA" in runs["auto"].chosen) is written


def test_what_wins_a_trial_is_kept(write: Write) -> None:
    plan = planned(write(blobs(40), BLOBS), runtime=ALONE)
    for theirs, kept in ((0.5, True), (0.99, False), (2.0, False)):
        steps = steps_of(plan)
        tried = trial.Trial(steps, lambda: True)
        for _ in range(1 + trial.CALLS):
            assert not tried.before(10**6)
            tried.took(10, 10.0)
        assert not tried.before(30)  # which are over before it would pay
        assert tried.before(10**6)
        assert tried.compiling
        tried.took(10, 100.0)
        for _ in range(trial.CALLS):
            tried.took(10, 10 * theirs)
        assert steps.xla is kept
        assert not tried.before(10**6)


def test_a_program_that_cannot_be_made_costs_no_step(
    write: Write, tmp_path: Path, at_once: list[trial.Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(PICTURES, TURNED)
    expected = run(
        planned(path, runtime=ALONE | {"xla": False}, training__epochs=4, dataset__batch_size=8),
        tmp_path / "without",
        Log(),
    )
    monkeypatch.setattr(xla, "lacking", lambda graph: [])

    done = run(
        planned(path, runtime=ALONE | {"xla": "auto"}, training__epochs=4, dataset__batch_size=8),
        tmp_path / "run",
        Log(),
    )

    (tried,) = at_once
    assert len(tried._own) == trial.CALLS
    assert not tried.steps.xla
    assert done.history == expected.history


def test_convolutions_are_not_tried(write: Write, tmp_path: Path, at_once: list[trial.Trial]) -> None:
    text = TURNED.replace("RandomRotation: 0.1", "Conv2D: {filters: 2, kernel_size: 3}")
    run(
        planned(write(PICTURES, text), runtime=ALONE, training__epochs=3, dataset__batch_size=8),
        tmp_path / "run",
        Log(),
    )

    (tried,) = at_once
    assert tried._over
    assert not tried._theirs
    assert not tried.steps.xla


@pytest.mark.parametrize("runtime", [{"deterministic": True}, {"xla": False}, {"xla": True}])
def test_what_is_asked_for_is_not_tried(runtime: dict[str, bool], write: Write) -> None:
    plan = planned(write(blobs(40), BLOBS), runtime={"strategy": "cpu"} | runtime)
    assert xla.trial(plan, steps_of(plan)) is None


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
