"""A run that goes wrong is a diagnostic with its place and a remedy, and what was learnt before is kept."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from specc.backend.run import run
from specc.backend.training.checkpoint import read
from specc.backend.training.faults import report
from specc.backend.training.room import Room
from specc.diagnostics import Diagnostic, Log, Rejected
from specc.memory import largest_batch, memory
from specc.plan import Plan
from tests.training.conftest import BLOBS, Write, blobs, planned

ROOT = Path(__file__).parents[2]

INSIDE = """
name: inside
seed: 5
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [6]}}
  targets: {y: {type: category, classes: 3}}
  batch_size: 16
model:
  layers:
    - Dense: {units: 8, activation: relu, use_bias: false}
      name: wide
    - LAYER
      name: culprit
    - Dense: {units: 3, activation: softmax}
      name: last
training: {loss: sparse_categorical_crossentropy, optimizer: {SGD: 0.001}, epochs: 3}
"""


def rejected(plan: Plan, out: Path, **options: Any) -> Diagnostic:
    with pytest.raises(Rejected) as raised:
        run(plan, out, Log(), **options)
    (found,) = raised.value.log.sorted()
    return found


def line(plan: Plan, text: str) -> int:
    """The number of the first line of a spec that holds this text."""
    lines = plan.source.text.splitlines()
    return next(number for number, each in enumerate(lines, 1) if text in each)


def with_zeros(examples: int, row: int) -> dict[str, Any]:
    """Blobs one of which is all zeros, so that a layer without a bias gives zeros for it."""
    arrays = blobs(examples)
    arrays["x"][row] = 0
    return arrays


# Losses that are not finite


def test_the_examples_of_the_step_are_told(write: Write, tmp_path: Path) -> None:
    # In the order of the data, step 2 takes the rows from 16 on.
    plan = planned(write(blobs(70), BLOBS), training__optimizer={"SGD": {"learning_rate": 1e38}})
    found = rejected(plan, tmp_path / "run")
    assert found.code.id == "S605"
    told = re.search(r"at step (\d) of epoch 1", found.message)
    assert told
    first = 16 * (int(told[1]) - 1)
    assert f"data.npz, row {first}, {first + 1}, " in found.help
    assert "and 8 more" in found.help
    assert "--debug" in found.help


def test_of_a_run_that_is_kept_the_manifest_has_them_all_in_the_order_of_that_epoch(
    write: Write, tmp_path: Path
) -> None:
    # One example alone is a problem, wherever the order of an epoch has put it.
    arrays = blobs(70)
    path = write(arrays, BLOBS)
    steep = {"SGD": {"learning_rate": {"PiecewiseConstantDecay": {"boundaries": [7], "values": [0.01, 1e38]}}}}
    plan = planned(path, training__optimizer=steep, dataset__shuffle=True)
    rejected(plan, tmp_path / "run")
    told = json.loads((tmp_path / "run" / "manifest.json").read_text())["diverged"]
    assert told["epoch"] == 2
    assert len(told["examples"]) == len(set(told["examples"])) == (6 if told["step"] == 5 else 16)
    assert told["examples"] != sorted(told["examples"])


def test_debug_names_the_layer_and_the_example_in_which_it_begins(write: Write, tmp_path: Path) -> None:
    arrays = with_zeros(70, 40)
    plan = planned(write(arrays, INSIDE.replace("LAYER", "ops.log: {}")))
    plain = rejected(plan, tmp_path / "plain")
    found = rejected(plan, tmp_path / "run", debug=True)
    assert "it began with `culprit`, whose answer is infinite" in found.message
    assert found.span.line == line(plan, "ops.log")
    assert plain.message in found.message
    assert plain.span.line == line(plan, "SGD")


def test_debug_names_the_examples_where_it_is_of_some_only(write: Write, tmp_path: Path) -> None:
    # Square roots of what is below zero in one example only.
    arrays = {"x": np.ones((70, 6), "float32"), "y": blobs(70)["y"]}
    arrays["x"][40, 3] = -1
    text = INSIDE.replace("- LAYER", "- ops.sqrt: {}").replace(
        "Dense: {units: 8, activation: relu, use_bias: false}", "Rescaling: 2.0"
    )
    found = rejected(planned(write(arrays, text)), tmp_path / "run", debug=True)
    assert "it began with `culprit`, whose answer is NaN for data.npz, row 40" in found.message


def test_debug_names_the_gradient_that_is_not_finite_a_step_before_the_loss(write: Write, tmp_path: Path) -> None:
    # The root of zero is zero, and its slope infinite.
    plan = planned(write(with_zeros(70, 40), INSIDE.replace("LAYER", "ops.sqrt: {}")), dataset__shuffle=False)
    found = rejected(plan, tmp_path / "run", debug=True)
    assert re.search(r"began (at step \d of epoch 1 )?with the gradient through `culprit`", found.message)
    assert found.span.line == line(plan, "ops.sqrt")


def test_debug_follows_only_what_goes_through_a_step(write: Write, tmp_path: Path) -> None:
    # `sum` takes the same tensor as the root does, which has its slope of infinity at zero.
    text = INSIDE.replace("- LAYER", "- ops.sqrt: {}").replace(
        "    - Dense: {units: 3, activation: softmax}",
        "    - Add:\n      name: sum\n      inputs: [wide, culprit]\n    - Dense: {units: 3, activation: softmax}",
    )
    plan = planned(write(with_zeros(70, 40), text), dataset__shuffle=False)
    found = rejected(plan, tmp_path / "run", debug=True)
    assert "with the gradient through `culprit`" in found.message


def test_debug_tells_an_update_too_large_from_a_gradient(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(70), BLOBS), training__optimizer={"SGD": {"learning_rate": 1e38, "momentum": 0.9}})
    found = rejected(plan, tmp_path / "run", debug=True)
    assert "it began" in found.message
    assert "gradients are finite" in found.message or "`dense" in found.message


def test_debug_changes_nothing_of_a_run_that_goes_well(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(70), BLOBS), runtime__deterministic=True)
    plain = run(plan, tmp_path / "plain", Log())
    debugged = run(plan, tmp_path / "debug", Log(), debug=True)
    for a, b in zip(plain.model.get_weights(), debugged.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# Callbacks and metrics


def test_after_a_callback_that_fails_in_the_end_of_an_epoch_everything_is_kept(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = write(blobs(70), BLOBS)
    sets: dict[str, Any] = {
        "training__callbacks": [{"EarlyStopping": {"monitor": "loss", "patience": 9}}],
        "runtime__deterministic": True,
        "training__epochs": 4,
    }
    plan = planned(spec, **sets)

    def fails(self: Any, epoch: int, logs: Any = None) -> None:
        if epoch == 2:
            raise ZeroDivisionError("division by zero")
        healthy(self, epoch, logs)

    with monkeypatch.context() as broken:
        healthy = keras.callbacks.EarlyStopping.on_epoch_end
        broken.setattr(keras.callbacks.EarlyStopping, "on_epoch_end", fails)
        found = rejected(plan, tmp_path / "run")
    assert (found.code.id, found.message) == ("S105", "`EarlyStopping` failed: division by zero")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["status"], manifest["kept"]) == ("failed", "epoch 3")
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 1 + 3
    three = run(planned(spec, **sets | {"training__epochs": 3}), tmp_path / "three", Log())
    kept = keras.saving.load_model(tmp_path / "run" / "model.keras")
    for a, b in zip(kept.get_weights(), three.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # Mended, it goes on from there.
    done = run(plan, tmp_path / "run", Log(), resume=True)
    whole = run(plan, tmp_path / "whole", Log())
    assert done.history == whole.history
    for a, b in zip(done.model.get_weights(), whole.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_after_a_callback_that_fails_at_a_step_the_run_goes_on_from_that_step(write: Write, tmp_path: Path) -> None:
    checkpoint = {"ModelCheckpoint": {"filepath": "{loss:d}.weights.h5", "save_freq": 7, "save_weights_only": True}}
    plan = planned(write(blobs(70), BLOBS), training__callbacks=[checkpoint])
    found = rejected(plan, tmp_path / "run")
    assert found.code.id == "S105"
    assert "`ModelCheckpoint` failed" in found.message
    (file,) = (tmp_path / "run" / "checkpoints").iterdir()
    state = read(file)
    assert (state.epoch, state.step, state.taken) == (1, 2, 7)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["kept"] == "step 2 of epoch 2"


def test_a_metric_that_cannot_be_computed_is_told_at_its_line(write: Write, tmp_path: Path) -> None:
    # The loss passes over the class -1, and the metric of the same name does not.
    arrays = blobs(70)
    arrays["y"][50] = -1
    text = """
    dataset:
      source: {npz: data.npz}
      inputs: {x: {type: tensor, shape: [6]}}
      targets: {y: {type: tensor, shape: [], dtype: int32}}
      batch_size: 16
      shuffle: false
    model:
      layers:
        - Dense: {units: 3, activation: softmax}
    training:
      loss: {SparseCategoricalCrossentropy: {ignore_class: -1}}
      optimizer: sgd
      metrics:
        - sparse_categorical_accuracy
        - sparse_categorical_crossentropy
    """
    plan = planned(write(arrays, text))
    found = rejected(plan, tmp_path / "run")
    assert found.code.id == "S404"
    assert found.span.line == line(plan, "- sparse_categorical_crossentropy")
    assert "label value of -1" in found.message
    assert not (tmp_path / "run").exists()


# Memory


ROOMY = """
name: roomy
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [6]}}
  targets: {y: {type: category, classes: 3}}
  batch_size: 4096
model:
  layers:
    - Dense: {units: 500, activation: relu}
    - RepeatVector: 1000
      name: repeated
    - Dense: {units: 500, activation: relu}
      name: many
    - GlobalAveragePooling1D
    - Dense: {units: 3, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: sgd}
"""

LIMITED = """
import resource, sys
from specc.cli.entry import status
from specc.kinds.room import _held
import tensorflow
tensorflow.linalg.matmul(tensorflow.zeros([64, 64]), tensorflow.zeros([64, 64]))
resource.setrlimit(resource.RLIMIT_DATA, (_held()["VmData"] + 3 * 2**30,) * 2)
sys.exit(status(sys.argv[1:]))
"""


LEFT = 3 * 2**30
"""Bytes that `LIMITED` leaves to a run."""


def limited(spec: Path, out: Path, batch: int, *more: str) -> subprocess.CompletedProcess[str]:
    words = ["run", str(spec), "--out", str(out), "--set", f"dataset.batch_size={batch}", *more]
    return subprocess.run(
        [sys.executable, "-c", LIMITED, *words], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of a process's memory is Linux's")
@pytest.mark.parametrize("times", [1.3, 3.0])
def test_where_memory_runs_out_the_estimate_is_told_and_the_batch_that_fits(
    times: float, write: Write, tmp_path: Path
) -> None:
    spec = write(blobs(4096), ROOMY)
    plan = planned(spec)
    batch = largest_batch(plan, int(times * LEFT))
    done = limited(spec, tmp_path / "run", batch)
    assert done.returncode == 1, done.stderr
    assert "S604" in done.stderr
    # What is foretold to take far more than there is is not tried.
    assert ("does not fit in memory" in done.stderr) is (times > 2)
    assert ("memory may run out" in done.stderr) is (times < 2)
    assert times < 2 or "what `repeated` answers" in done.stderr
    told = re.search(r"`batch_size: (\d+)`\s+is\s+the\s+largest\s+that\s+fits", done.stderr)
    assert told, done.stderr
    fits = int(told[1])
    assert memory(plan, fits).training <= LEFT < memory(plan, 2 * fits).training
    # Near the limit TensorFlow itself may not get what it needs, and ends: half of it is well within.
    less = limited(spec, tmp_path / "less", fits // 2, "--dry-run")
    assert less.returncode == 0, less.stderr


ONEDNN = "Operation received an exception:Status: 5, message: could not execute a primitive, in file mkl_matmul.cc:306"


@pytest.mark.parametrize(("free", "code"), [(2**20, "S604"), (2**40, "S105")])
def test_what_onednn_cannot_compute_is_no_fault_of_a_cluster(free: int, code: str, write: Write) -> None:
    plan, log = planned(write(blobs(64), BLOBS)), Log()
    assert plan.training is not None
    message = f"Graph execution error:\n{ONEDNN}\n\t [[{{{{node while/body/{plan.network.steps[1].name}_1/BiasAdd}}}}]]"
    report(tf.errors.AbortedError(None, None, message), Room(plan, 10**4, free=free), plan.training, log)
    (found,) = log.sorted()
    assert found.code.id == code
    assert plan.network.steps[1].name in found.message or "`Dense`" in found.message
    assert found.span == plan.network.steps[1].span


def test_what_cannot_fit_is_not_tried(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(64), ROOMY), model__layers__1__RepeatVector=10**9)
    found = rejected(plan, tmp_path / "run")
    assert (found.code.id, found.span.line) == ("S604", line(plan, "RepeatVector"))
    assert "what `repeated` answers" in found.message
    assert "one example alone is too much" in found.help
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("xla", [True, False])
def test_what_xla_compiles_is_tried_since_it_may_take_less(
    xla: bool, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("specc.backend.devices.free", lambda: 2**10)
    plan, log = planned(write(blobs(64), BLOBS), runtime__xla=xla), Log()
    if xla:
        assert run(plan, tmp_path / "run", log).status == "finished"
    else:
        assert rejected(plan, tmp_path / "run").code.id == "S604"


def test_no_more_is_foretold_than_there_are_examples(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(64), BLOBS), dataset__batch_size=10**12)
    assert run(plan, tmp_path / "run", Log()).status == "finished"


def test_replicas_on_devices_of_their_own_share_what_a_batch_takes(write: Write) -> None:
    plan = planned(write(blobs(64), ROOMY))
    free = memory(plan, 1024).training
    one, two = Room(plan, 4096, free=free), Room(plan, 4096, 2, free)
    assert two.needed.training == memory(plan, 2048).training < one.needed.training
    assert two.largest == 2 * one.largest < 2048


def test_weights_that_there_is_no_memory_for_are_told(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(64), BLOBS), model__layers__0__Dense__units=10**12)
    found = rejected(plan, tmp_path / "run")
    assert found.code.id == "S604"
    assert "one example alone is too much" in found.help


def test_the_largest_batch_is_the_last_that_the_estimate_lets_through(write: Write) -> None:
    plan = planned(write(blobs(64), ROOMY))
    room = memory(plan, 77).training
    assert largest_batch(plan, room) == 77
    assert largest_batch(plan, room - 1) == 76
    assert largest_batch(plan, 0) == 0
    assert largest_batch(plan, 2**60) == 4096


# Epochs without a batch


@pytest.mark.parametrize("split", [{"validation": 0.49, "test": 0.49}, {"validation": 0.001}])
def test_an_epoch_without_a_batch_is_told_before_it_begins(
    write: Write, tmp_path: Path, split: dict[str, float]
) -> None:
    found = rejected(planned(write(blobs(2), BLOBS), dataset__split=split), tmp_path / "run")
    assert (found.code.id, "split is empty" in found.message) == ("S505", True)
    assert not (tmp_path / "run").exists()
