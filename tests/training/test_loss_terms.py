"""A loss of several terms trains as Keras's `fit` does with lists of losses and `loss_weights`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.diagnostics import Log
from tests.training.conftest import Write, blobs, planned

SPEC = """
seed: 3
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [6]}}
  targets: {y: {type: category, classes: 3}, unit: {type: number}}
  split: {validation: 0.25}
  batch_size: 16
  shuffle: false
model:
  layers:
    - Dense: {units: 12, activation: relu}
      name: body
    - Dense: {units: 3, activation: softmax}
      name: side
    - Dense: {units: 3, activation: softmax}
      name: head
      inputs: body
    - Dense: 1
      name: tail
      inputs: body
  outputs: {y: head, unit: tail}
training:
  loss:
    - {loss: sparse_categorical_crossentropy, target: y}
    - {loss: {Huber: {delta: 0.5}}, output: unit, weight: 0.5}
    - {loss: mae, output: tail, weight: 2}
    - {loss: sparse_categorical_crossentropy, output: side, target: y, weight: 0.3}
  optimizer: {Adam: 0.01}
  metrics: {y: [accuracy], unit: [mae], side: [accuracy]}
  epochs: 2
"""

WEIGHED = """
seed: 3
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [6]}}
  targets: {y: {type: category, classes: 3}}
  batch_size: 16
  shuffle: false
model:
  layers:
    - Dense: {units: 12, activation: relu}
    - Dense: {units: 3, activation: softmax}
      name: side
    - Dense: {units: 3, activation: softmax}
training:
  loss:
    - {loss: sparse_categorical_crossentropy}
    - {loss: sparse_categorical_crossentropy, output: side, target: y, weight: 0.3}
  optimizer: {Adam: 0.01}
  epochs: 2
  class_weight: {0: 1.0, 1: 3.5, 2: 0.5}
"""
NUMBERS = np.random.default_rng(2).random(64).astype("float32")


def test_it_ends_where_fit_ends(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(64) | {"unit": NUMBERS}, SPEC))
    ours = run(plan, tmp_path / "run", Log())

    theirs = build(plan, Log())
    compile_model(theirs, plan, Log())
    assert theirs.loss["unit"][1].name == "mean_absolute_error"
    splits = open_data(plan, Log()).splits
    train, held_out = (
        splits[name].batches(16).map(lambda x, y: (x, {**y, "side": y["y"]})) for name in ("train", "validation")
    )
    fitted = theirs.fit(train, epochs=2, verbose=0, validation_data=held_out, shuffle=False)

    # Keras has one name for both losses of `unit`, and the value of the second under it.
    renamed = {"unit_loss": "unit_loss_1", "val_unit_loss": "val_unit_loss_1"}
    assert set(ours.history) == {*fitted.history, *renamed.values()}
    for name, values in fitted.history.items():
        np.testing.assert_allclose(ours.history[renamed.get(name, name)], values, rtol=2e-5, atol=1e-6, err_msg=name)
    for a, b in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    loaded = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert loaded.compiled


def test_the_loss_is_the_weighted_sum_of_its_terms(write: Write, tmp_path: Path) -> None:
    history = run(planned(write(blobs(64) | {"unit": NUMBERS}, SPEC)), tmp_path / "run", Log()).history
    parts = [1.0, 0.5, 2.0, 0.3]
    terms = [history[name] for name in ("y_loss", "unit_loss", "unit_loss_1", "side_loss")]
    assert history["loss"] == pytest.approx(np.dot(parts, terms), rel=1e-5)


def test_a_loss_towards_a_second_target(write: Write, tmp_path: Path) -> None:
    text = SPEC.replace("{loss: mae, output: tail, weight: 2}", "{loss: mae, output: side, target: one_hot}")
    text = text.replace("unit: {type: number}}", "unit: {type: number}, one_hot: {type: tensor, shape: [3]}}")
    data = blobs(64) | {"unit": NUMBERS}
    done = run(planned(write(data | {"one_hot": np.eye(3, dtype="float32")[data["y"]]}, text)), tmp_path / "run", Log())
    assert list(done.history)[:1] == ["loss"]
    assert np.isfinite(done.history["val_side_loss_1"]).all()
    table = run(planned(tmp_path / "spec.yaml"), None, Log(), dry_run=True)
    assert table.checked


def test_classes_are_weighed_in_every_term_of_their_target(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(64), WEIGHED))
    ours = run(plan, tmp_path / "run", Log())

    theirs = build(plan, Log())
    compile_model(theirs, plan, Log())
    weights = keras.ops.convert_to_tensor([1.0, 3.5, 0.5])

    def weighed(x: Any, y: Any) -> Any:
        each = keras.ops.take(weights, keras.ops.cast(y["y"], "int32"))
        return x, {**y, "side": y["y"]}, {"y": each, "side": each}

    fitted = theirs.fit(
        open_data(plan, Log()).splits["train"].batches(16).map(weighed), epochs=2, verbose=0, shuffle=False
    )
    np.testing.assert_allclose(ours.history["loss"], fitted.history["loss"], rtol=2e-5)
    for a, b in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
