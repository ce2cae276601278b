"""specc beside hand-written Keras on Fashion-MNIST: pairs of runs in turn, medians of their ratios.

usage: training.py [PAIRS] [EPOCHS]
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE.parent / "examples" / "data" / "fashion_mnist"
STEPS_PER_CALL = 32
BATCH = 128


def measured(script: str, *arguments: object) -> dict[str, float]:
    """Seconds from the start of a process to the end of its first training step, and its median examples a second.

    Keras tells of a call only, which is `STEPS_PER_CALL` steps: the time that all but one take is taken off. specc
    takes one step in its first call.
    """
    began = time.time()
    command = [sys.executable, str(HERE / script), str(DATA), *map(str, arguments)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    out = subprocess.run(command, env=quiet, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    told = json.loads(out.stdout.splitlines()[-1])
    rate = statistics.median(told["rates"])
    more = (STEPS_PER_CALL - 1) * BATCH / rate if script.startswith("keras") else 0
    return {"first": told["first_call"] - began - more, "rate": rate}


def main(pairs: int = 5, epochs: int = 3) -> None:
    print(f"Fashion-MNIST, the CNN of examples/fashion_mnist.yaml, {epochs} epochs, {os.cpu_count()} cores")
    print("pair   examples/s: Keras   specc  ratio    first step: Keras   specc  ratio")
    rates, firsts = [], []
    for pair in range(pairs):
        runs = {}
        # Who goes first changes, so that a machine that slows down favours neither.
        for script in ("keras", "specc") if pair % 2 == 0 else ("specc", "keras"):
            more = [epochs, STEPS_PER_CALL] if script == "keras" else [epochs]
            runs[script] = measured(f"{script}_fashion_mnist.py", *more)
        keras, specc = runs["keras"], runs["specc"]
        rates.append(specc["rate"] / keras["rate"])
        firsts.append(specc["first"] / keras["first"])
        print(
            f"{pair + 1:>4} {keras['rate']:>19,.0f} {specc['rate']:>7,.0f} {rates[-1]:>6.2f} "
            f"{keras['first']:>18.1f} s {specc['first']:>5.1f} s {firsts[-1]:>6.2f}",
            flush=True,
        )
    print(f"median ratio: {statistics.median(rates):.2f} of the examples a second (at least 1.00 is wanted)")
    print(f"median ratio: {statistics.median(firsts):.2f} of the time to the first step (at most 1.15 is wanted)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
