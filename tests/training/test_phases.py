"""Phases follow one another as calls of Keras's `fit` do: other optimizers, other layers to train, one history."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.diagnostics import Log
from tests.training.conftest import Whole, Write, blobs, planned, whole
from tests.training.test_every_callback import scalars
from tests.training.test_resume import crashed, same

# As in `test_resume`: a crash leaves the file of a `CSVLogger` open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SPEC = """
name: tuned
seed: 11
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [6]}}
  targets: {y: {type: category, classes: 3}}
  split: {validation: 0.25}
  batch_size: 16
  shuffle: false
model:
  layers:
    - layers:
        - Dense: {units: 12, activation: relu, use_bias: false}
        - BatchNormalization
      name: body
      freeze: true
    - Dense: {units: 3, activation: softmax}
      name: head
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: 0.01}
  metrics: [accuracy]
  phases:
    - {epochs: 2}
    - {epochs: 3, unfreeze: [body], optimizer: {SGD: {learning_rate: 0.05, momentum: 0.9}}}
"""

LASTING = (
    SPEC.replace("shuffle: false", "shuffle: true")
    .replace("      freeze: true\n", "      freeze: true\n    - Dropout: 0.2\n")
    .split("  phases:")[0]
    + """
  callbacks:
    - CSVLogger: {filename: log.csv}
    - EarlyStopping: {monitor: val_loss, patience: 1, min_delta: 9.0}
  phases:
    - {epochs: 9}
    - steps: 10
      unfreeze: [body]
      optimizer: {SGD: {learning_rate: 0.05, momentum: 0.9, use_ema: true}}
      callbacks:
        - CSVLogger: {filename: log.csv}
        - ReduceLROnPlateau: {monitor: val_loss, patience: 1, min_delta: 9.0, factor: 0.5}
    - {epochs: 2, freeze: [body.batch_normalization], callbacks: [{CSVLogger: {filename: last.csv}}]}
runtime:
  deterministic: true
  checkpoint: {every: 1 step, keep: 1}
"""
)
"""Three steps make an epoch. The first phase is stopped after 2 of 9 epochs, the second ends in an epoch."""


def test_they_end_where_two_calls_of_fit_end(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(57), SPEC))
    ours = run(plan, tmp_path / "run", Log())

    theirs = build(plan, Log())
    splits = open_data(plan, Log()).splits
    given: dict[str, Any] = {
        "x": splits["train"].batches(16),
        "validation_data": splits["validation"].batches(16),
        "verbose": 0,
        "shuffle": False,
    }
    assert plan.training is not None
    compile_model(theirs, plan, Log())
    first = theirs.fit(epochs=2, **given)
    for layer in theirs.layers:
        layer.trainable = True
    compile_model(theirs, plan, Log(), plan.training.phases[1])
    second = theirs.fit(initial_epoch=2, epochs=5, **given)

    assert set(ours.history) == set(first.history)
    for name in ours.history:
        np.testing.assert_allclose(ours.history[name], [*first.history[name], *second.history[name]], rtol=2e-5)
    for a, b in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole(tmp_path_factory.mktemp("lasting"), blobs(57), LASTING)


@pytest.mark.parametrize("after", [6, 15, 22, *(pytest.param(step, marks=pytest.mark.slow) for step in (4, 8, 16, 17))])
def test_a_run_goes_on_in_any_phase_to_the_same_bits(
    lasting: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    crashed(lasting.plan, tmp_path / "run", monkeypatch, after)
    assert run(lasting.plan, tmp_path / "run", Log(), resume=True).history == lasting.run.history
    same(lasting.path, tmp_path / "run")
    assert (lasting.path / "last.csv").read_text() == (tmp_path / "run" / "last.csv").read_text()


def test_each_phase_has_its_length_its_callbacks_and_files_that_are_gone_on_with(lasting: Whole) -> None:
    # 2 epochs, until the callback stops them; 10 steps, which are 3 epochs and a step; 2 epochs.
    assert len(lasting.run.history["loss"]) == 2 + 4 + 2
    assert json.loads((lasting.path / "manifest.json").read_text())["steps"] == 6 + 10 + 6
    epochs = {
        name: [int(row["epoch"]) for row in csv.DictReader((lasting.path / name).read_text().splitlines())]
        for name in ("log.csv", "last.csv")
    }
    assert epochs == {"log.csv": [0, 1, 2, 3, 4, 5], "last.csv": [6, 7]}
    assert len(lasting.run.history["learning_rate"]) == 4


def test_how_far_it_is_is_reckoned_over_all_phases(lasting: Whole) -> None:
    # The first phase may take 27 steps, and takes 6: from then on it is known how many there are in all.
    assert {(at.total, at.taken < 6) for at in lasting.told if at.taken != 6} == {(43, True), (22, False)}
    assert [(at.step, at.steps) for at in lasting.told if at.taken in (16, 22)] == [(1, 1), (0, 3), (3, 3)]


def test_a_layer_that_is_frozen_keeps_its_weights_and_what_is_thawed_does_not(write: Write, tmp_path: Path) -> None:
    text = SPEC.replace(
        "    - {epochs: 3, unfreeze: [body]", "    - {epochs: 3, unfreeze: [body.dense], freeze: [head]"
    )
    path = write(blobs(57), text)
    one = run(planned(path, training__phases=[{"epochs": 2}]), tmp_path / "one", Log()).model
    two = run(planned(path), tmp_path / "two", Log()).model

    def changed(layer: str) -> bool:
        before, after = (model.get_layer(layer).get_weights() for model in (one, two))
        return any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))

    assert [changed(name) for name in ("body.dense", "body.batch_normalization", "head")] == [True, False, False]
    assert [variable.path for variable in two.trainable_variables] == ["body.dense/kernel"]


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="TensorBoard is not installed")
def test_tensorboard_counts_steps_through(write: Write, tmp_path: Path) -> None:
    told = [{"TensorBoard": {"update_freq": "batch"}}]
    run(planned(write(blobs(57), SPEC), training__callbacks=told), tmp_path / "run", Log())
    assert sorted(scalars(tmp_path / "run")["train/batch_loss"]) == list(range(1, 16))


def test_a_dry_run_tries_each_phase(write: Write) -> None:
    tried = run(planned(write(blobs(57), SPEC)), None, Log(), dry_run=True).checked
    assert [line.partition(" on ")[0] for line in tried[-2:]] == [
        "one training step of phase 1",
        "one training step of phase 2",
    ]
