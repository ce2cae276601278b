"""A loss that is not finite ends a run at once, is told with its step, and costs nothing that was learnt before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.diagnostics import Diagnostic, Log, Rejected
from specc.plan import Plan
from specc.tensors import PRECISIONS
from tests.training.conftest import BLOBS, Write, blobs, planned

STEEP = {"SGD": {"learning_rate": {"PiecewiseConstantDecay": {"boundaries": [5], "values": [0.01, 1e38]}}}}
"""Learns for six steps, and then leaps off."""


def rejected(plan: Plan, out: Path) -> Diagnostic:
    with pytest.raises(Rejected) as raised:
        run(plan, out, Log())
    (found,) = raised.value.log.sorted()
    return found


def first_bad_step(plan: Plan) -> int:
    """The first step whose loss is not finite, counted from 1, when Keras takes them one by one."""
    log = Log()
    model = build(plan, log)
    compile_model(model, plan, log)
    assert plan.dataset is not None
    batches = open_data(plan, log).splits["train"].batches(plan.dataset.batch_size).repeat()
    for step, (inputs, targets) in enumerate(batches, 1):
        model.reset_metrics()
        if not np.isfinite(model.train_on_batch(inputs, targets, return_dict=True)["loss"]):
            return step
    raise AssertionError


@pytest.fixture(params=["stops", "goes on"])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On CPUs a loss that is not finite ends the call; with a GPU in the machine the call goes on to its end."""
    if request.param == "goes on":
        listed = tf.config.list_logical_devices
        gpu = tf.config.LogicalDevice("/device:GPU:0", "GPU")
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: listed(kind) + [gpu] * (kind is None))


@pytest.mark.parametrize("steps_per_call", [1, 3, 7, None])
@pytest.mark.usefixtures("anywhere")
def test_the_step_is_told_however_many_are_taken_in_a_call(
    steps_per_call: int | None, write: Write, tmp_path: Path
) -> None:
    # Five batches an epoch, so that step 8 is step 3 of the second.
    path = write(blobs(70), BLOBS)
    sets = {"training__optimizer": STEEP, "training__epochs": 4}
    if steps_per_call is not None:
        sets["runtime__steps_per_call"] = steps_per_call
    plan = planned(path, **sets)
    expected = first_bad_step(plan)
    found = rejected(plan, tmp_path / "run")
    assert found.code.id == "S605"
    assert f"at step {expected - 5} of epoch 2" in found.message
    assert "learning_rate" in found.help


@pytest.mark.parametrize("precision", PRECISIONS)
def test_only_where_float16_is_computed_in_its_end_is_told(precision: str, write: Write, tmp_path: Path) -> None:
    path = write(blobs(70), BLOBS)
    plan = planned(path, runtime__precision=precision, training__optimizer=STEEP, training__epochs=4)
    found = rejected(plan, tmp_path / "run")
    assert ("65,504" in found.help) == (precision == "mixed_float16")


def test_the_network_of_the_last_whole_epoch_is_kept(write: Write, tmp_path: Path) -> None:
    import keras

    path = write(blobs(70), BLOBS)
    found = rejected(planned(path, training__optimizer=STEEP, training__epochs=4), tmp_path / "run")
    assert str(tmp_path / "run") in found.message
    whole = run(planned(path, training__optimizer=STEEP, training__epochs=1), tmp_path / "one", Log())
    kept = keras.saving.load_model(tmp_path / "run" / "model.keras")
    for a, b in zip(kept.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["status"] == "diverged"
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 2
    assert not (tmp_path / "run" / "metrics.json").exists()


def test_a_run_that_diverges_in_its_first_epoch_leaves_no_directory(write: Write, tmp_path: Path) -> None:
    path = write(blobs(70), BLOBS)
    found = rejected(planned(path, training__optimizer={"SGD": {"learning_rate": 1e38}}), tmp_path / "run")
    assert found.code.id == "S605"
    assert "epoch 1" in found.message
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("anywhere")
def test_the_output_whose_loss_is_not_finite_first_is_named(write: Write, tmp_path: Path) -> None:
    arrays = blobs(32)
    path = write(
        arrays | {"big": np.full(32, 1e30, "float32")},  # its square is infinite, and so are all weights after it
        """
        dataset:
          source: {npz: data.npz}
          inputs: {x: {type: tensor, shape: [6]}}
          targets: {y: {type: category, classes: 3}, big: {type: number}}
          batch_size: 4
        model:
          layers:
            - Dense: 8
              name: both
            - Dense: {units: 3, activation: softmax}
              name: head
            - Dense: 1
              name: tail
              inputs: both
          outputs: {y: head, big: tail}
        training: {loss: {y: sparse_categorical_crossentropy, big: mse}, optimizer: sgd}
        runtime: {steps_per_call: 8}
        """,
    )
    assert "the loss of `big` became NaN or infinite" in rejected(planned(path), tmp_path / "run").message
