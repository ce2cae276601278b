"""A run that was stopped goes on as if it had not been, whatever stopped it."""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from specc.backend import rundir
from specc.backend.run import run
from specc.backend.training.checkpoint import Checkpoint, Checkpoints, DamagedError, read
from specc.diagnostics import Log, Refusal, Rejected
from specc.plan import Plan, Schedule
from tests.training.conftest import BLOBS, Whole, Write, blobs, planned, whole

ROOT = Path(__file__).parents[2]

# A crash leaves the file of a `CSVLogger` open; here the process that is to have crashed goes on.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

NETWORK = """
name: lasting
seed: 11
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [6]}}
  targets: {y: {type: category, classes: 3}}
  split: {validation: 0.2}
  batch_size: 16
model:
  layers:
    - Dense: {units: 24, activation: relu}
    - BatchNormalization
    - Dropout: 0.3
    - Dense: {units: 3, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: {learning_rate: 0.01, use_ema: true}}
  metrics: [accuracy]
  epochs: 6
  callbacks:
    - ReduceLROnPlateau: {monitor: val_loss, patience: 1, factor: 0.7}
    - EarlyStopping: {monitor: val_loss, patience: 4, restore_best_weights: true}
    - CSVLogger: {filename: log.csv}
runtime:
  deterministic: true
  checkpoint: {every: 7 steps, keep: 3}
"""
"""All that has a state: seeds of dropout, moving averages, moments, averages of weights, callbacks, order of data."""

PROGRAM = """
import sys
from pathlib import Path
from specc.backend.run import run
from specc.backend.training.progress import Lines
from specc.diagnostics import Log
from tests.training.conftest import planned

print("ready", flush=True)
done = run(planned(Path(sys.argv[1])), Path(sys.argv[2]), Log(), resume=True, progress=Lines(sys.stdout))
print(done.status, flush=True)
sys.exit({"finished": 0, "interrupted": 130, "terminated": 143}[done.status])
"""


def start(spec: Path, out: Path, program: str = PROGRAM) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", program, str(spec), str(out)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def weights(out: Path) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(w) for w in keras.saving.load_model(out / "model.keras").get_weights()]


def same(one: Path, other: Path) -> None:
    """Two runs came to the same, to the last bit."""
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)
    for name in ("history.csv", "metrics.json", "log.csv"):
        assert (one / name).read_text() == (other / name).read_text(), name


def crashed(plan: Plan, out: Path | None, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """A run that ends at once when the checkpoint of that step has been written."""
    keep = Checkpoints.keep

    def kept(self: Checkpoints, checkpoint: Checkpoint) -> None:
        keep(self, checkpoint)
        self.settle()
        if checkpoint.taken >= after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "keep", kept)
        with pytest.raises(KeyboardInterrupt):
            run(plan, out, Log())
    gc.collect()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return whole(tmp_path_factory.mktemp("uninterrupted"), blobs(230), NETWORK)


@pytest.mark.parametrize("after", [7, 35, 70])
def test_a_run_goes_on_inside_an_epoch_to_the_same_bits(
    uninterrupted: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    plan = uninterrupted.plan
    crashed(plan, tmp_path / "run", monkeypatch, after)
    assert (tmp_path / "run" / "checkpoints" / f"step-{after:08}.npz").is_file()
    done = run(plan, tmp_path / "run", Log(), resume=True)
    same(uninterrupted.path, tmp_path / "run")
    assert done.history == uninterrupted.run.history
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [each["steps"] for each in manifest["resumed"]] == [after]
    assert manifest["steps"] == json.loads((uninterrupted.path / "manifest.json").read_text())["steps"]


def test_what_is_finished_goes_on_to_the_same_end(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(230), NETWORK), export=["keras"])
    first = run(plan, tmp_path / "run", Log())
    before = weights(tmp_path / "run")
    (tmp_path / "run" / "export" / "model.keras").unlink()
    again = run(plan, tmp_path / "run", Log(), resume=True)
    assert again.history == first.history
    assert again.metrics == first.metrics
    for a, b in zip(before, weights(tmp_path / "run"), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "run" / "export" / "model.keras").is_file()


def test_a_run_that_was_asked_to_end_early_goes_on_in_the_same_epoch(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends an epoch early and calls it done; what comes after it does not begin there."""
    plan = planned(write(blobs(230), NETWORK), runtime__steps_per_call=3)
    run(plan, tmp_path / "whole", Log())
    due = Checkpoints.due

    def ask(self: Checkpoints, *, taken: int, epochs: int | None = None) -> bool:
        if taken == 28 and epochs is None:
            signal.raise_signal(signal.SIGINT)
        return due(self, taken=taken, epochs=epochs)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "due", ask)
        assert run(plan, tmp_path / "run", Log()).status == "interrupted"
    assert run(plan, tmp_path / "run", Log(), resume=True).status == "finished"
    same(tmp_path / "whole", tmp_path / "run")


@pytest.mark.slow
def test_twenty_kills_at_any_moment_change_no_bit(write: Write, tmp_path: Path) -> None:
    spec = write(blobs(4000), NETWORK.replace("epochs: 6", "epochs: 12") + "export: [keras]")
    run(planned(spec), tmp_path / "whole", Log())
    number = random.randrange(2**32)
    print(f"seed {number}")
    chance = random.Random(number)
    kills = 0
    while kills < 20:
        process = start(spec, tmp_path / "run")
        assert process.stdout is not None
        try:
            process.stdout.readline()
            # From before the first step to the export: a process takes some four to eight seconds from here.
            time.sleep(chance.uniform(0.5, 7.0))
            process.kill()
            _, errors = process.communicate()
            assert process.returncode in (-signal.SIGKILL, 0), errors
            if process.returncode == 0:
                shutil.rmtree(tmp_path / "run")  # it was over already: once more from the beginning
            else:
                kills += 1
        finally:
            process.kill()
    process = start(spec, tmp_path / "run")
    assert process.wait(300) == 0, process.communicate()[1]
    same(tmp_path / "whole", tmp_path / "run")


def test_sigterm_leaves_a_checkpoint_and_a_status_for_schedulers(write: Write, tmp_path: Path) -> None:
    spec = write(blobs(2000), NETWORK.replace("epochs: 6", "epochs: 100000").replace("patience: 4", "patience: 99999"))
    process = start(spec, tmp_path / "run")
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("epoch 2/"):
                break
        process.terminate()
        said, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143, errors
    assert said.splitlines()[-1] == "terminated"
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["status"] == "terminated"
    assert not (tmp_path / "run" / "model.keras").exists()
    files = sorted((tmp_path / "run" / "checkpoints").iterdir())
    assert read(files[-1]).taken >= 200


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty"])
def test_a_damaged_checkpoint_is_passed_over_and_told(write: Write, tmp_path: Path, harm: str) -> None:
    plan = planned(write(blobs(230), NETWORK))
    run(plan, tmp_path / "run", Log())
    *_, before, last = sorted((tmp_path / "run" / "checkpoints").iterdir())
    content = bytearray(last.read_bytes())
    match harm:
        case "cut":
            del content[len(content) // 2 :]
        case "flipped":
            content[len(content) // 2] ^= 1
        case _:
            content.clear()
    last.write_bytes(content)
    shutil.copytree(tmp_path / "run", tmp_path / "whole")
    log = Log()
    run(plan, tmp_path / "run", log, resume=True)
    (found,) = log.diagnostics
    assert found.code.id == "W602"
    assert found.span.path == str(last)
    same(tmp_path / "whole", tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert f"step-{manifest['resumed'][-1]['steps']:08}.npz" == before.name


def test_a_run_of_another_spec_is_refused_with_the_difference(write: Write, tmp_path: Path) -> None:
    spec = write(blobs(64), BLOBS)
    run(planned(spec), tmp_path / "run", Log())
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    other = planned(spec, training__epochs=7, model__layers__0__Dense__units=13)
    with pytest.raises(Refusal) as refused:
        run(other, tmp_path / "run", Log(), resume=True)
    assert refused.value.code.id == "S608"
    assert "training.epochs: 3 there, 7 here" in refused.value.help
    assert "model.layers.0.Dense.units: 12 there, 13 here" in refused.value.help
    assert before == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}


def test_where_it_runs_and_what_it_exports_may_be_another(write: Write, tmp_path: Path) -> None:
    spec = write(blobs(64), BLOBS)
    run(planned(spec), tmp_path / "run", Log())
    done = run(planned(spec, export=["keras"], runtime__steps_per_call=2), tmp_path / "run", Log(), resume=True)
    assert set(done.artefacts) == {"keras"}


def test_other_data_is_refused(write: Write, tmp_path: Path) -> None:
    spec = write(blobs(64), BLOBS)
    run(planned(spec), tmp_path / "run", Log())
    write(blobs(80), BLOBS)
    log = Log()
    with pytest.raises(Rejected):
        run(planned(spec), tmp_path / "run", log, resume=True)
    assert [found.code.id for found in log.diagnostics] == ["S608"]
    assert (tmp_path / "run" / "model.keras").is_file()


def test_a_run_that_another_process_is_at_work_in_is_left_alone(write: Write, tmp_path: Path) -> None:
    spec = write(blobs(64), BLOBS)
    run(planned(spec), tmp_path / "run", Log())
    with rundir.claim(tmp_path / "run", "blobs") as held:
        assert held.resumed
        with pytest.raises(Refusal, match="another process"):
            run(planned(spec), tmp_path / "run", Log(), resume=True)
    run(planned(spec), tmp_path / "run", Log(), resume=True)


def test_without_a_directory_the_last_unfinished_run_goes_on(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = planned(write(blobs(230), NETWORK))
    crashed(plan, None, monkeypatch, 7)
    first = run(plan, None, Log(), resume=True)
    assert first.path == Path("runs/lasting-1")
    assert run(plan, None, Log(), resume=True).path == Path("runs/lasting-2")


def test_resuming_where_there_is_nothing_begins(write: Write, tmp_path: Path) -> None:
    done = run(planned(write(blobs(64), BLOBS)), tmp_path / "new", Log(), resume=True)
    assert (done.status, done.path) == ("finished", tmp_path / "new")


def test_a_directory_that_holds_no_run_is_not_resumed(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(Refusal, match="not a run"):
        run(planned(write(blobs(64), BLOBS)), tmp_path / "mine", Log(), resume=True)


def test_when_the_disk_is_full_the_checkpoint_before_stays_whole(
    uninterrupted: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = uninterrupted.plan
    written = []
    savez = np.savez

    def full(file: Any, **arrays: Any) -> None:
        if len(written) == 3:
            file.write(b"half")
            raise OSError(28, "No space left on device")
        savez(file, **arrays)
        written.append(file.name)

    log = Log()
    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", full)
        with pytest.raises(Rejected):
            run(plan, tmp_path / "run", log)
    (found,) = log.diagnostics
    assert found.code.id == "S609"
    assert "No space left" in found.message
    assert [path.name for path in sorted((tmp_path / "run" / "checkpoints").iterdir())] == [
        "step-00000007.npz",
        "step-00000014.npz",
        "step-00000021.npz",
    ]
    run(plan, tmp_path / "run", Log(), resume=True)
    same(uninterrupted.path, tmp_path / "run")


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [
        (Schedule(1, "epoch", 9), [12, 24, 36]),
        (Schedule(2, "epoch", 9), [24, 36]),
        (Schedule(5, "step", 9), [5, 10, 15, 20, 25, 30, 35, 36]),
        (Schedule(5, "step", 2), [35, 36]),
        (Schedule(10, "minute", 2), [36]),
    ],
)
def test_checkpoints_are_taken_and_kept_as_the_spec_says(
    write: Write, tmp_path: Path, schedule: Schedule, steps: list[int]
) -> None:
    asked = {"every": f"{schedule.every} {schedule.unit}s", "keep": schedule.keep}
    run(planned(write(blobs(192), BLOBS), runtime__checkpoint=asked), tmp_path / "run", Log())
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == [f"step-{step:08}.npz" for step in steps]
    assert [read(tmp_path / "run" / "checkpoints" / name).taken for name in kept] == steps


def test_a_checkpoint_of_another_network_is_no_checkpoint_of_this_one(tmp_path: Path) -> None:
    (tmp_path / "step-00000001.npz").write_bytes(b"PK")
    with pytest.raises(DamagedError):
        read(tmp_path / "step-00000001.npz")
