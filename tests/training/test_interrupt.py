"""What becomes of a run that is stopped: by Ctrl-C, by Ctrl-C twice, by being killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from tests.training.conftest import BLOBS, Write, blobs

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from specc.backend.run import run
from specc.backend.training.progress import Lines
from specc.diagnostics import Log
from tests.training.conftest import planned

plan = planned(Path(sys.argv[1]), training__epochs=1_000_000, dataset__split={"validation": 0.2, "test": 0.2})
done = run(plan, Path(sys.argv[2]), Log(), progress=Lines(sys.stdout))
print("interrupted" if done.status == "interrupted" else "finished", flush=True)
"""


@contextmanager
def training(write: Write, out: Path) -> Iterator[subprocess.Popen[str]]:
    """A run without end in a process of its own, in its third epoch or later."""
    spec = write(blobs(200), BLOBS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(spec), str(out)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("epoch 3/"):
                break
        else:
            raise AssertionError(process.communicate()[1])
        yield process
    finally:
        process.kill()
        process.communicate()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_first_ctrl_c_finishes_with_what_was_learnt(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with training(write, out) as process:
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=120)
        assert process.returncode == 0, complaints
    assert said.splitlines()[-1] == "interrupted"
    assert names(out) == {"spec.yaml", "manifest.json", "metrics.json", "history.csv", "model.keras", "checkpoints"}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["status"] == "interrupted"
    metrics = json.loads((out / "metrics.json").read_text())
    assert set(metrics) == {"train", "validation", "test"}
    # Six features in three well separated clouds are learnt in no time: these are weights that were trained.
    assert metrics["test"]["accuracy"] > 0.5
    assert keras.saving.load_model(out / "model.keras").count_params() == manifest["parameters"]["total"]


def test_the_second_ctrl_c_stops_at_once(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with training(write, out) as process:
        end = time.monotonic() + 120
        while process.poll() is None:
            assert time.monotonic() < end, "it goes on whatever it is told"
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        _, complaints = process.communicate()
    assert process.returncode != 0
    assert "KeyboardInterrupt" in complaints
    assert json.loads((out / "manifest.json").read_text())["status"] == "running"


def test_a_run_that_is_killed_leaves_no_half_file_under_a_final_name(write: Write, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with training(write, out) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
    assert names(out) >= {"spec.yaml", "manifest.json", "history.csv"}
    assert not names(out) & {"model.keras", "metrics.json"}
    assert json.loads((out / "manifest.json").read_text())["status"] == "running"
    header, *rows = (out / "history.csv").read_text().splitlines()
    assert rows
    assert all(row.count(",") == header.count(",") for row in rows)
