"""Keras's callbacks do in a run what they do in `fit`, and what they write lands in the run directory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from specc.backend.job import Run
from specc.backend.run import run
from specc.diagnostics import Log, Rejected
from tests.training.conftest import BLOBS, Write, blobs, planned

Train = Callable[..., Run]


@pytest.fixture
def train(write: Write, tmp_path: Path) -> Train:
    path = write(blobs(60), BLOBS)

    def trained(callbacks: list[Any], **sets: Any) -> Run:
        plan = planned(
            path,
            training__callbacks=callbacks,
            dataset__split={"validation": 0.25},
            training__metrics=["accuracy"],
            **sets,
        )
        return run(plan, tmp_path / "run", Log())

    return trained


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_early_stopping_stops_and_puts_the_best_weights_back(train: Train) -> None:
    # Steps this large make it worse and worse: the first epoch stays the best one.
    stopped = train(
        [{"EarlyStopping": {"monitor": "val_loss", "patience": 2, "restore_best_weights": True}}],
        training__optimizer={"SGD": {"learning_rate": 50.0}},
        training__epochs=9,
    )
    history = stopped.history["val_loss"]
    best = int(np.argmin(history))
    assert len(history) == best + 3
    assert stopped.metrics["validation"]["loss"] == pytest.approx(history[best], rel=1e-5)
    assert stopped.metrics["train"]["loss"] == stopped.history["loss"][best]


def test_early_stopping_finds_out_which_way_a_metric_is_better(train: Train) -> None:
    stopping = {"EarlyStopping": {"monitor": "val_accuracy", "patience": 1, "min_delta": 2.0}}
    assert len(train([stopping], training__epochs=9).history["accuracy"]) == 2


def test_the_learning_rate_is_lowered_on_a_plateau_and_noted_in_the_history(train: Train) -> None:
    lowered = train([{"ReduceLROnPlateau": {"patience": 1, "min_delta": 100.0, "factor": 0.1}}], training__epochs=4)
    assert lowered.history["learning_rate"] == pytest.approx([0.01, 0.01, 0.001, 0.0001], rel=1e-5)
    assert lowered.path is not None
    rows = rows_of(lowered.path / "history.csv")
    assert [float(row["learning_rate"]) for row in rows] == lowered.history["learning_rate"]


def test_a_checkpoint_of_the_best_epoch_is_in_the_run_directory(train: Train) -> None:
    saved = train([{"ModelCheckpoint": {"filepath": "best/model.keras", "save_best_only": True}}])
    assert saved.path is not None
    best = keras.saving.load_model(saved.path / "best" / "model.keras")
    assert [v.shape for v in best.variables] == [v.shape for v in saved.model.variables]


def test_a_checkpoint_every_so_many_steps_comes_at_just_these_steps(train: Train) -> None:
    # 45 examples make three batches an epoch: steps 1 to 9.
    name = "at-{epoch}-{batch}.weights.h5"
    saved = train([{"ModelCheckpoint": {"filepath": name, "save_freq": 2, "save_weights_only": True}}])
    assert saved.path is not None
    assert sorted(p.name for p in saved.path.glob("at-*")) == [
        f"at-{epoch}-{batch}.weights.h5" for epoch, batch in [(1, 2), (2, 1), (2, 3), (3, 2)]
    ]


def test_the_csv_logger_writes_what_the_history_holds(train: Train) -> None:
    logged = train([{"CSVLogger": {"filename": "log.csv"}}])
    assert logged.path is not None
    rows = rows_of(logged.path / "log.csv")
    assert [float(row["val_accuracy"]) for row in rows] == logged.history["val_accuracy"]


def test_weights_are_saved_and_swapped_by_the_callbacks_that_do(train: Train) -> None:
    swapped = train(
        [{"SwapEMAWeights": {"swap_on_epoch": True}}, {"BackupAndRestore": {"backup_dir": "backup"}}],
        training__optimizer={"Adam": {"learning_rate": 0.01, "use_ema": True, "ema_momentum": 0.5}},
    )
    assert np.isfinite(swapped.history["val_loss"]).all()


@pytest.mark.parametrize("raise_error", [False, True])
def test_terminate_on_nan_gives_way_to_the_diagnostic(raise_error: bool, train: Train, capfd: Any) -> None:
    with pytest.raises(Rejected) as rejected:
        train(
            [{"TerminateOnNaN": {"raise_error": raise_error}}],
            training__optimizer={"SGD": {"learning_rate": 1e30}},
        )
    assert [d.code.id for d in rejected.value.log.sorted()] == ["S605"]
    assert ("Invalid loss, terminating training" in capfd.readouterr().out) is not raise_error


def test_a_callback_that_fails_at_work_is_a_diagnostic_at_its_line(train: Train) -> None:
    with pytest.raises(Rejected) as rejected:
        train([{"EarlyStopping": "val_loss"}, {"ModelCheckpoint": "{epoch:s}.keras"}])
    (found,) = rejected.value.log.sorted()
    assert (found.code.id, "ModelCheckpoint" in found.message) == ("S105", True)


def test_a_callback_with_a_bad_argument_is_a_diagnostic_and_leaves_no_directory(train: Train, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as rejected:
        train([{"ModelCheckpoint": {"filepath": "best.pickle"}}])
    (found,) = rejected.value.log.sorted()
    assert found.code.id == "S105"
    assert ".keras" in found.message
    assert not (tmp_path / "run").exists()


def test_metrics_json_holds_what_the_run_gives_back(train: Train) -> None:
    done = train([])
    assert done.path is not None
    assert json.loads((done.path / "metrics.json").read_text()) == done.metrics
