"""`specc launch` in real processes: what it leaves behind, what it says, and that it leaves nobody behind."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.conftest import BLOBS, blobs

ROOT = Path(__file__).parents[2]
KEPT = {"spec.yaml", "manifest.json", "metrics.json", "history.csv", "model.keras", "checkpoints"}
SECONDS = 400

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes as Linux lists them")


@dataclass
class Launched:
    """A launch in a process of its own, what it has said so far, and its workers by their names."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    def until(self, told: str) -> None:
        end = time.monotonic() + SECONDS
        while not any(told in line for line in self.said):
            assert self.process.poll() is None, "".join(self.said)
            assert time.monotonic() < end, "".join(self.said)
            time.sleep(0.05)

    def ends(self) -> int:
        return self.process.wait(timeout=SECONDS)

    def members(self) -> dict[str, int]:
        """The ids of the processes that it has started."""
        number = self.process.pid
        found = {}
        for child in Path(f"/proc/{number}/task/{number}/children").read_text().split():
            told = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            task = next(json.loads(item[10:])["task"] for item in told if item.startswith(b"TF_CONFIG="))
            found[f"{task['type']} {task['index']}"] = int(child)
        return found


@contextmanager
def launched(folder: Path, *words: str, **sets: object) -> Iterator[Launched]:
    """`specc launch` of a small spec in `folder`, ended whatever happens."""
    np.savez(folder / "data.npz", **blobs(200))
    (folder / "spec.yaml").write_text(f"specc: 1\n{BLOBS.strip()}\n", encoding="utf-8")
    laid = [word for key, value in sets.items() for word in ("--set", f"{key.replace('__', '.')}={json.dumps(value)}")]
    process = subprocess.Popen(
        [sys.executable, "-m", "specc", "launch", "spec.yaml", *words, *laid],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Launched(process)
    assert process.stdout is not None
    reader = threading.Thread(target=running.said.extend, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        yield running
    finally:
        for _ in range(2):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)  # the second ends all at once
                time.sleep(0.2)
        process.wait(timeout=60)
        reader.join(timeout=10)
        process.stdout.close()


def gone(numbers: dict[str, int]) -> bool:
    return not any(Path(f"/proc/{number}").exists() for number in numbers.values())


def manifest(run: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((run / "manifest.json").read_text())
    return found


def test_two_workers_leave_one_run(tmp_path: Path) -> None:
    with launched(tmp_path, "--out", "run", training__epochs=3) as launch:
        assert launch.ends() == 0, "".join(launch.said)
    assert {path.name for path in tmp_path.iterdir()} == {"data.npz", "spec.yaml", "run"}
    assert {path.name for path in (tmp_path / "run").iterdir()} == KEPT
    told = manifest(tmp_path / "run")
    assert (told["status"], told["strategy"]["replicas"]) == ("finished", 2)  # type: ignore[index]
    assert any(line.startswith("trained on   2 workers with cpu:0 each in float32") for line in launch.said)
    assert told["command"] == "specc launch spec.yaml --workers 2 --set training.epochs=3"
    assert sum(line.startswith("epoch ") for line in launch.said) == 3
    assert "run          run\n" in launch.said
    assert not any("worker 1" in line and ("epoch" in line or "accuracy" in line) for line in launch.said)


@pytest.mark.slow
def test_servers_hold_what_two_workers_learn(tmp_path: Path) -> None:
    """Not one device's result, but every batch once an epoch, nothing lost in counting, and a network that learns."""
    with launched(tmp_path, "-w", "2", "-s", "2", "--out", "run", training__epochs=8) as launch:
        assert launch.ends() == 0, "".join(launch.said)
    assert {path.name for path in (tmp_path / "run").iterdir()} == KEPT
    assert manifest(tmp_path / "run")["strategy"]["workers"] == 2  # type: ignore[index]
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert int(model.optimizer.iterations) == 8 * 13
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    _, loss, accuracy = (float(cell) for cell in rows[-1].split(","))
    assert loss < 0.6
    # Counted by workers side by side, and none of the 200 is missing or counted twice.
    assert accuracy * 200 == pytest.approx(round(accuracy * 200), abs=1e-3)
    arrays = blobs(200)
    answer = model({"x": arrays["x"]})["y"].numpy().argmax(-1)
    assert (answer == arrays["y"]).mean() > 0.75


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_all_at_the_same_step(tmp_path: Path) -> None:
    # Learns for six steps, and then leaps off: of five steps an epoch, the eighth is the first with another loss.
    rate = {"PiecewiseConstantDecay": {"boundaries": [5], "values": [0.01, 1e38]}}
    sets = {"training__optimizer": {"SGD": {"learning_rate": rate}}, "training__epochs": 4, "dataset__batch_size": 40}
    with launched(tmp_path, "--workers", "2", "--out", "run", **sets) as running:
        assert running.ends() == 1, "".join(running.said)
    told = "".join(running.said)
    assert told.count("S605 error") == 1
    assert "became NaN or infinite at step 3 of epoch 2" in told
    assert manifest(tmp_path / "run")["status"] == "diverged"


@pytest.mark.slow
def test_a_worker_that_is_killed_ends_all_and_is_named(tmp_path: Path) -> None:
    with launched(tmp_path, "--out", "run", training__epochs=100_000) as launch:
        launch.until("epoch 3/")
        members = launch.members()
        assert set(members) == {"worker 0", "worker 1"}
        os.kill(members["worker 1"], signal.SIGKILL)
        assert launch.ends() == 1
        assert gone(members)
    assert "error: worker 1 was killed by SIGKILL, and the others were ended\n" in launch.said


@pytest.mark.slow
def test_a_run_whose_worker_died_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    sets = {
        "training__epochs": 12,
        "runtime__deterministic": True,
        "runtime__checkpoint": {"every": "7 steps"},
        "dataset__shuffle": True,
    }
    (tmp_path / "whole").mkdir()
    with launched(tmp_path / "whole", "--out", "run", **sets) as launch:
        assert launch.ends() == 0, "".join(launch.said)
    with launched(tmp_path, "--out", "run", "--restart", "2", **sets) as launch:
        for epoch, worker in (("epoch 2/", "worker 1"), ("going on after step", "worker 0")):
            launch.until(epoch)
            os.kill(launch.members()[worker], signal.SIGKILL)
        assert launch.ends() == 0, "".join(launch.said)
    assert sum(line.startswith("starting all again") for line in launch.said) == 2
    told = manifest(tmp_path / "run")
    assert told["status"] == "finished"
    assert told["resumed"]
    found, expected = (
        keras.saving.load_model(folder / "run" / "model.keras").get_weights()
        for folder in (tmp_path, tmp_path / "whole")
    )
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    histories = [(folder / "run" / "history.csv").read_text() for folder in (tmp_path, tmp_path / "whole")]
    assert histories[0] == histories[1]


@pytest.mark.slow
def test_whoever_is_killed_a_run_on_servers_goes_on_to_its_end(tmp_path: Path) -> None:
    """A worker, the server and the chief, each at a moment that nobody has chosen."""
    chance = random.Random()
    whom = ["worker 0", "ps 0", "chief 0"]
    chance.shuffle(whom)
    sets = {"training__epochs": 40, "runtime__checkpoint": {"every": "7 steps"}, "runtime__steps_per_call": 7}
    words = ("-w", "2", "-s", "1", "--out", "run", "--restart", "3")
    moments = []
    with launched(tmp_path, *words, **sets) as launch:
        for epoch, member in zip((2, 10, 20), whom, strict=True):
            launch.until(f"epoch {epoch}/")
            time.sleep(moments.append(chance.uniform(0.0, 0.2)) or moments[-1])
            os.kill(launch.members()[member], signal.SIGKILL)
            launch.until(f"starting all again, from the last checkpoint: {len(moments)} of 3")
        told = (whom, moments, "".join(launch.said))
        assert launch.ends() == 0, told
    found = manifest(tmp_path / "run")
    assert found["status"] == "finished", told
    assert len(found["resumed"]) == 3, told  # type: ignore[arg-type]
    assert found["command"] == "specc launch spec.yaml --workers 2 --servers 1 " + shlex.join(
        [
            "--set",
            "training.epochs=40",
            "--set",
            'runtime.checkpoint={"every": "7 steps"}',
            "--set",
            "runtime.steps_per_call=7",
        ]
    )
    # No step is lost that a checkpoint has, and none is taken twice.
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert int(model.optimizer.iterations) == 40 * 13, told
    assert len((tmp_path / "run" / "history.csv").read_text().splitlines()) == 1 + 40, told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "status", "told"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_run_on_servers_is_asked_to_end(tmp_path: Path, by: signal.Signals, status: int, told: str) -> None:
    with launched(tmp_path, "-s", "1", "--out", "run", training__epochs=100_000) as launch:
        launch.until("epoch 3/")
        members = launch.members()
        launch.process.send_signal(by)
        assert launch.ends() == status, "".join(launch.said)
        assert gone(members)
    assert manifest(tmp_path / "run")["status"] == told
    assert list((tmp_path / "run" / "checkpoints").glob("step-*.npz"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "status", "told"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
@pytest.mark.parametrize("whom", ["launch", "worker 1"])
def test_who_is_asked_to_end_asks_all(tmp_path: Path, by: signal.Signals, status: int, told: str, whom: str) -> None:
    with launched(tmp_path, "--out", "run", training__epochs=100_000) as launch:
        launch.until("epoch 3/")
        members = launch.members()
        os.kill(launch.process.pid if whom == "launch" else members[whom], by)
        assert launch.ends() == status, "".join(launch.said)
        assert gone(members)
    assert manifest(tmp_path / "run")["status"] == told
    assert list((tmp_path / "run" / "checkpoints").glob("step-*.npz"))
    assert (tmp_path / "run" / "model.keras").exists() == (by == signal.SIGINT)


def test_restarting_needs_a_directory(tmp_path: Path) -> None:
    with launched(tmp_path, "--restart", "1") as launch:
        assert launch.ends() == 2
    assert "error: `--restart` needs `--out`: the run that is gone on with\n" in launch.said


def test_more_workers_than_gpus_are_refused(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(f"specc: 1\n{BLOBS.strip()}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "specc", "launch", "spec.yaml", "-w", "3"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "0,1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "each worker needs a GPU of its own, and 3 have 2" in done.stderr


@pytest.mark.slow
def test_what_brings_back_one_process_of_several_is_refused(tmp_path: Path) -> None:
    callbacks = [{"BackupAndRestore": {"backup_dir": "backup"}}]
    with launched(tmp_path, "-w", "1", "--out", "run", training__callbacks=callbacks) as launch:
        assert launch.ends() == 1
    assert any("S105 error: `BackupAndRestore` cannot bring several processes back" in line for line in launch.said)
    assert not (tmp_path / "run").exists()
