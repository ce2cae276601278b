"""Two workers on two cores beside one worker on one core: the same network, a worker with the same share of a batch.

usage: scaling.py [NETWORK...]

Each of `specc launch --workers 1` and `--workers 2` is bound to as many cores as it has workers. A worker keeps its
batch: of two the global batch is twice as large. The efficiency is what two do in a second, over twice what one does.
Pairs in turn, medians of three.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SPEED = Path(__file__).parent / "speed"
PAIRS = 3
EPOCHS = {"mlp": 20, "cnn": 3, "lstm": 3, "transformer": 3, "resnet": 2}


def rate(network: str, workers: int) -> float:
    """Examples a second of a run."""
    batch = next(
        int(line.split(":")[1]) for line in (SPEED / f"{network}.yaml").read_text().splitlines() if "batch_size" in line
    )
    with tempfile.TemporaryDirectory(prefix="specc-scaling-") as made:
        sets = {
            "runtime.strategy": "multi_worker",
            "runtime.xla": "false",
            "training.epochs": EPOCHS[network],
            "dataset.batch_size": batch * workers,
        }
        command = [sys.executable, "-m", "specc", "launch", str(SPEED / f"{network}.yaml"), "--workers", str(workers)]
        command += ["--out", f"{made}/run"]
        command += [part for name, value in sets.items() for part in ("--set", f"{name}={value}")]
        cores = sorted(os.sched_getaffinity(0))[:workers]
        done = subprocess.run(
            command,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            text=True,
            capture_output=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        manifest = json.loads(Path(made, "run", "manifest.json").read_text())
        return float(manifest["examples_per_second"])


def main(*networks: str) -> None:
    print("| network | one worker, examples/s | two workers | efficiency |\n| --- | --- | --- | --- |")
    for network in networks or ("mlp", "cnn", "transformer"):
        pairs = [(rate(network, 1), rate(network, 2)) for _ in range(PAIRS)]
        one, two = (statistics.median(rates) for rates in zip(*pairs, strict=True))
        efficiency = statistics.median(both / (2 * alone) for alone, both in pairs)
        print(f"| {network} | {one:,.0f} | {two:,.0f} | {efficiency:.2f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
