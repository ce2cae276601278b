"""How long a spec trains, and how often it validates: steps in place of epochs, validations now and then."""

from __future__ import annotations

import csv
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.diagnostics import Log, Rejected
from tests.training.conftest import BLOBS, Whole, Write, blobs, planned, whole
from tests.training.test_resume import NETWORK, crashed, same

# As in `test_resume`: a crash leaves the file of a `CSVLogger` open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

COUNTED = NETWORK.replace("epochs: 6", "steps: 40")
"""Twelve steps make an epoch: 40 end after four of the fourth."""


def test_steps_end_inside_an_epoch_where_keras_would_be(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(57), BLOBS.replace("epochs: 3", "steps: 6")))
    ours = run(plan, tmp_path / "run", Log())
    assert plan.training is not None
    theirs = build(plan, Log())
    compile_model(theirs, plan, Log())
    batches = open_data(plan, Log()).splits["train"].batches(16)
    first = theirs.fit(batches, epochs=1, verbose=0, shuffle=False)
    second = theirs.fit(batches.take(2), epochs=1, verbose=0, shuffle=False)
    np.testing.assert_allclose(ours.history["loss"], [*first.history["loss"], *second.history["loss"]], rtol=2e-5)
    for a, b in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    checkpoint = {"every": "1 step", "keep": 1}
    return whole(tmp_path_factory.mktemp("counted"), blobs(230), COUNTED, runtime__checkpoint=checkpoint)


@pytest.mark.parametrize("after", [36, 40, *(pytest.param(step, marks=pytest.mark.slow) for step in (35, 38))])
def test_steps_are_gone_on_with_to_the_same_bits(
    counted: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    assert [len(counted.run.history[name]) for name in ("loss", "val_loss")] == [4, 4]
    crashed(counted.plan, tmp_path / "run", monkeypatch, after)
    assert run(counted.plan, tmp_path / "run", Log(), resume=True).history == counted.run.history
    same(counted.path, tmp_path / "run")


def test_what_has_taken_all_its_steps_is_over(counted: Whole, tmp_path: Path) -> None:
    shutil.copytree(counted.path, tmp_path / "run")
    again = run(counted.plan, tmp_path / "run", Log(), resume=True)
    assert again.history == counted.run.history
    assert int(again.model.optimizer.iterations) == 40


def test_the_last_epoch_is_told_as_long_as_it_is(counted: Whole) -> None:
    assert {at.total for at in counted.told} == {40}
    assert {(at.epoch, at.steps) for at in counted.told} == {(0, 12), (1, 12), (2, 12), (3, 4)}
    assert (counted.told[-1].step, counted.told[-1].taken) == (4, 40)


def test_it_is_validated_after_every_so_many_epochs(write: Write, tmp_path: Path) -> None:
    path = write(blobs(60), BLOBS)
    given: dict[str, Any] = {
        "training__epochs": 5,
        "training__validation_freq": 2,
        "training__callbacks": [{"EarlyStopping": {"patience": 9}}, {"ReduceLROnPlateau": {"patience": 1}}],
        "dataset__split": {"validation": 0.25},
    }
    plan = planned(path, **given)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        ours = run(plan, tmp_path / "run", Log())
    theirs = build(plan, Log())
    compile_model(theirs, plan, Log())
    splits = open_data(plan, Log()).splits
    fitted = theirs.fit(
        splits["train"].batches(16),
        epochs=5,
        verbose=0,
        validation_data=splits["validation"].batches(16),
        validation_freq=2,
        shuffle=False,
    )
    for name, values in fitted.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=2e-5, err_msg=name)
    rows = list(csv.DictReader((tmp_path / "run" / "history.csv").read_text().splitlines()))
    second, fourth = map(str, ours.history["val_loss"])
    assert [row["val_loss"] for row in rows] == ["", second, "", fourth, ""]


def test_epochs_and_steps_are_not_both_given(write: Write) -> None:
    with pytest.raises(Rejected) as rejected:
        planned(write(blobs(60), BLOBS), training__steps=6)
    (found,) = rejected.value.log.sorted()
    assert (found.code.id, found.message) == ("S105", "`epochs` and `steps` both say how long to train")
