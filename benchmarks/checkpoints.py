"""What a checkpoint costs: the same training with one after every so many steps, and with none before its end.

usage: checkpoints.py [RUNS]

Processes in turn, medians. The time of a step is that of the whole training by its steps, checkpoints included.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

EVERY = 25
STEPS = 500

SPEC = """
specc: 1
name: wide
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [256]}}
  targets: {y: {type: category, classes: 10}}
  batch_size: 128
model:
  layers:
    - Dense: {units: 1024, activation: relu}
    - Dense: {units: 1024, activation: relu}
    - Dense: {units: 10, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam, steps: 500}
"""
"""1.3 million weights, and two moments of each: 16 MB."""

TIMED = """
import sys, time
from specc.backend.training.loop import Fit
whole = Fit.run
def run(self, since=None):
    # Compiled before the clock starts.
    self.steps.train(self.steps.feed(lambda cut: self.feed.stream(0, 0, cut)), 1, self.steps.nothing())
    began = time.perf_counter()
    done = whole(self, since)
    print("seconds", time.perf_counter() - began)
    return done
Fit.run = run
from specc.cli.entry import main
main(sys.argv[1:])
"""


def seconds(folder: Path, number: int, every: str) -> tuple[float, int]:
    """How long training takes, and the bytes of its last checkpoint."""
    out = folder / f"run-{number}"
    command = [sys.executable, "-c", TIMED, "run", str(folder / "wide.yaml"), "--out", str(out)]
    command += ["--set", f"runtime.checkpoint={json.dumps({'every': every})}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (line,) = [line for line in said.splitlines() if line.startswith("seconds")]
    return float(line.split()[1]), max(path.stat().st_size for path in (out / "checkpoints").iterdir())


def main(runs: int = 3) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = np.random.default_rng(0)
        np.savez(folder / "data.npz", x=rng.normal(size=(12_800, 256)).astype("float32"), y=rng.integers(0, 10, 12_800))
        (folder / "wide.yaml").write_text(SPEC)
        taken: dict[str, list[float]] = {f"{EVERY} steps": [], "1000 epochs": []}
        size = 0
        for run in range(runs):
            for i, every in enumerate(taken):
                time, size = seconds(folder, 2 * run + i, every)
                taken[every].append(time)
    many, one = (statistics.median(times) for times in taken.values())
    print(f"a checkpoint of {size / 1e6:.1f} MB after every {EVERY} steps: {1e3 * many / STEPS:.2f} ms a step")
    print(f"one in the end: {1e3 * one / STEPS:.2f} ms a step")
    print(
        f"a checkpoint costs {1e3 * (many - one) / (STEPS / EVERY - 1):.1f} ms, {(many / one - 1):.1%} of the time here"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
