"""Runs followed: TensorBoard's event files and MLflow's store hold what the history does, and gaps are told at once."""

from __future__ import annotations

import gc
import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from specc.backend.run import run
from specc.backend.training.checkpoint import Checkpoint, Checkpoints
from specc.diagnostics import Log, Refusal, Rejected
from specc.kinds.trackers import needed
from specc.plan import Plan
from tests.training.conftest import BLOBS, Write, blobs, planned
from tests.training.test_every_callback import scalars

MLFLOW = all(find_spec(name) for name in ("mlflow", "alembic"))


def followed(write: Write, *trackers: Any, **sets: Any) -> Plan:
    return planned(
        write(blobs(60), BLOBS), runtime__tracking=list(trackers), dataset__split={"validation": 0.25}, **sets
    )


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="TensorBoard is not installed")
def test_tensorboard_has_scalars_the_graph_histograms_and_a_profile(write: Write, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    asked = {"tensorboard": {"histogram_freq": 2, "profile": [4, 6]}}
    done = run(followed(write, asked, training__epochs=4), tmp_path / "run", Log())
    folder = tmp_path / "run" / "tensorboard"
    for part, log in (("train", "loss"), ("validation", "val_loss")):
        events = EventAccumulator(str(folder / part), size_guidance={"histograms": 0})
        events.Reload()
        written = [events.Tensors("epoch_loss")[i] for i in range(4)]
        assert [event.step for event in written] == [0, 1, 2, 3]
        values = [float(tf.make_ndarray(event.tensor_proto)) for event in written]
        assert values == pytest.approx(done.history[log], rel=1e-5)
        if part == "train":
            assert [event.step for event in events.Tensors("dense/kernel/histogram")] == [0, 2]
            assert "keras" in events.Tags()["tensors"]
    assert list((folder / "plugins" / "profile").glob("*/*.xplane.pb"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.skipif(not MLFLOW, reason="MLflow, or what its store needs, is not installed")
def test_mlflow_has_the_spec_the_figures_and_the_artefacts_of_one_run_that_was_gone_on_with(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/store.db"
    stopping = [{"EarlyStopping": {"monitor": "loss", "patience": 9}}]
    plan = followed(write, {"mlflow": {"uri": uri}}, export=["keras"], training__callbacks=stopping)

    def fails(self: Any, epoch: int, logs: Any = None) -> None:
        if epoch == 1:
            raise ZeroDivisionError("division by zero")

    with monkeypatch.context() as broken:
        broken.setattr(keras.callbacks.EarlyStopping, "on_epoch_end", fails)
        with pytest.raises(Rejected):
            run(plan, tmp_path / "run", Log())
    client = MlflowClient(tracking_uri=uri)
    known = json.loads((tmp_path / "run" / "mlflow.json").read_text())["run"]
    assert client.get_run(known).info.status == "FAILED"
    done = run(plan, tmp_path / "run", Log(), resume=True)
    experiment = client.get_experiment_by_name("blobs")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    assert (found.info.run_id, found.info.status) == (known, "FINISHED")
    assert found.data.params["training.optimizer.Adam.learning_rate"] == "0.01"
    assert found.data.params["model.layers.0.Dense.units"] == "12"
    assert found.data.tags["specc.run"] == str(tmp_path / "run")
    assert Path(found.data.tags["specc.artefact.keras"]).exists()
    losses = {metric.step: metric.value for metric in client.get_metric_history(known, "val_loss")}
    # The second epoch was counted when a callback before had failed in its end.
    assert losses[1] == pytest.approx(done.history["val_loss"][0])
    assert losses[3] == pytest.approx(done.history["val_loss"][2])


@pytest.mark.skipif(MLFLOW, reason="MLflow is installed")
def test_a_package_that_is_missing_is_told_before_training_begins(write: Write, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as raised:
        run(followed(write, "mlflow"), tmp_path / "run", Log())
    (found,) = raised.value.log.sorted()
    assert (found.code.id, found.help) == ("S606", "pip install 'specc[mlflow]'")
    assert "`mlflow` needs" in found.message
    assert not (tmp_path / "run").exists()


def test_all_packages_that_are_missing_are_named() -> None:
    with pytest.raises(Refusal, match="needs `a-package` and `another`, which are not installed"):
        needed({"no_such_module": "a-package", "json": "json", "nor_this_one": "another"}, "mlflow", "mlflow")


def test_a_tracker_that_fails_is_told_at_its_line(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Any, epoch: int, logs: Any = None) -> None:
        raise RuntimeError("the store is gone")

    if find_spec("tensorboard") is None:
        pytest.skip("TensorBoard is not installed")
    monkeypatch.setattr(keras.callbacks.TensorBoard, "on_epoch_end", fails)
    with pytest.raises(Rejected) as raised:
        run(followed(write, "tensorboard"), tmp_path / "run", Log())
    (found,) = raised.value.log.sorted()
    assert (found.code.id, found.message) == ("S105", "`tensorboard` failed: the store is gone")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["kept"] == "epoch 1"


def test_a_run_may_be_gone_on_with_under_other_trackers(write: Write, tmp_path: Path) -> None:
    if find_spec("tensorboard") is None:
        pytest.skip("TensorBoard is not installed")
    run(followed(write), tmp_path / "run", Log())
    assert run(followed(write, "tensorboard"), tmp_path / "run", Log(), resume=True).status == "finished"


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="TensorBoard is not installed")
def test_a_run_that_is_killed_and_gone_on_with_has_no_gap_in_tensorboard(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = followed(
        write,
        {"tensorboard": {"update_freq": "batch", "histogram_freq": 0}},
        training__epochs=4,
        runtime__checkpoint={"every": "1 step"},
    )
    run(plan, tmp_path / "whole", Log())
    keep, board, left = Checkpoints.keep, tmp_path / "run" / "tensorboard", tmp_path / "left"

    def killed(self: Checkpoints, checkpoint: Checkpoint) -> None:
        keep(self, checkpoint)
        self.settle()
        if checkpoint.taken == 8:  # of three steps an epoch: inside the third
            shutil.copytree(board, left)  # what is on disk now is all that a kill would leave
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "keep", killed)
        with pytest.raises(KeyboardInterrupt):
            run(plan, tmp_path / "run", Log())
    gc.collect()
    shutil.rmtree(board)
    left.rename(board)
    run(plan, tmp_path / "run", Log(), resume=True)
    found, whole = scalars(tmp_path / "run"), scalars(tmp_path / "whole")
    assert sorted(whole["train/batch_loss"]) == list(range(1, 13))
    assert found.keys() == whole.keys()
    for tag, values in whole.items():
        assert found[tag] == pytest.approx(values), tag
