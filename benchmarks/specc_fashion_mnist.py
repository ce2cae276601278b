"""`examples/fashion_mnist.yaml` by specc, told as `keras_fashion_mnist.py` tells its own figures.

usage: specc_fashion_mnist.py DATA EPOCHS

It takes the way of `specc run`, with a progress that reads the clock instead of writing lines. The first call is also
the first step here: specc takes one step at first, to fail early.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from specc import driver
from specc.backend.training.progress import Place, Silent
from specc.diagnostics import Log

EXAMPLE = Path(__file__).parents[1] / "examples" / "fashion_mnist.yaml"


class Clock(Silent):
    """Reads the clock after the first call, and at the end of every epoch's training, validation left out."""

    first_call = 0.0
    began = 0.0

    def start(self, epochs: int, at: Place) -> None:
        self.rates: list[float] = []

    def advance(self, at: Place, rate: float, logs: Any, waiting: float) -> None:
        now = time.perf_counter()
        if not self.first_call:
            self.first_call = time.time()
        if at.step == at.steps and at.epoch:
            self.rates.append(54000 / (now - self.began))

    def epoch(self, epoch: int, rate: float, seconds: float, logs: Any, waiting: float = 0.0) -> None:
        self.began = time.perf_counter()


files = {
    f"dataset.source.{split}.idx.{field}": str(Path(sys.argv[1]) / f"{stem}-{kind}-ubyte.gz")
    for split, stem in (("train", "train"), ("test", "t10k"))
    for field, kind in (("images", "images-idx3"), ("labels", "labels-idx1"))
}
log, clock = Log(), Clock()
source = driver.open_spec(EXAMPLE, log, params={"epochs": int(sys.argv[2])}, sets=files)
plan = driver.check(source, log)
with tempfile.TemporaryDirectory() as out:
    work = driver.backend("run", log, source.path)
    run = work.run(plan, Path(out) / "run", log, progress=clock)
print(json.dumps({"first_call": clock.first_call, "rates": clock.rates, "accuracy": run.history["val_accuracy"][-1]}))
