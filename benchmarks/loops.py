"""specc's training loop beside Keras's `fit`, as tutorials have it and at its best, and beside a bare compiled loop.

usage: loops.py [--rounds N] [--seconds S] [--who NAME,NAME] [--memory] [NETWORK...]

Each network of `speed/` is trained by all of them in one process, on the same arrays, a second each in turn, round
after round. What counts are medians of the ratios within a round: the machine's noise is shared by its neighbours. For
machines that others use too, the same is told by the processor's time, and of the fastest turn of each.

- `tutorial`: `fit(x, y, batch_size=…)` on arrays
- `best`: tf.data over indices with one gather a batch, prefetched, 32 steps an execution
- `best, step by step`: the same, a step an execution, which is the faster of the two where a network has convolutions
- `best, XLA`: `best` with `jit_compile=True`
- `bare`: a `tf.function` of 64 steps, its data in memory: loss, gradient, optimizer, metric, and nothing else
- `specc`: a run as `specc run` makes it, its pace left to it; also with `xla: true`, `xla: false`, and `precision:
  mixed_bfloat16`

With `--memory`, specc and `best` are run in processes of their own instead, and the peak of each is told.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from specc import driver
from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.backend.training.progress import Place, Silent
from specc.diagnostics import Log
from specc.plan import Plan

HERE = Path(__file__).parent
NETWORKS = ("mlp", "cnn", "lstm", "transformer", "resnet")
STEPS_PER_EXECUTION = 32
BARE_STEPS = 64
MEMORY_SECONDS = 20.0


@dataclass(slots=True)
class Turn:
    """One contender, in a thread of its own that works only when it is its turn; it says `took` after each call.

    `rates` are examples a second, and a second of the processor, of each turn.
    """

    name: str
    work: Callable[[Turn], None]
    seconds: float
    rates: list[tuple[float, float]] = field(default_factory=list)
    examples: int = 0
    began: tuple[float, float] = (0.0, 0.0)
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    failed: Exception | None = None
    _thread: threading.Thread | None = None

    def take(self) -> tuple[float, float]:
        """Work for so many seconds."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._start, daemon=True)
            self._thread.start()
        self.go.release()
        self.done.acquire()
        if self.failed is not None:
            raise self.failed
        return self.rates[-1]

    def _start(self) -> None:
        self._begin()
        try:
            self.work(self)
        except Exception as failed:
            self.failed = failed
            self.done.release()

    def _begin(self) -> None:
        self.go.acquire()
        self.examples = 0
        self.began = time.perf_counter(), time.process_time()

    def took(self, examples: int) -> None:
        """Count a call; when the time is over, wait for the next turn."""
        self.examples += examples
        clock, processor = time.perf_counter() - self.began[0], time.process_time() - self.began[1]
        if clock >= self.seconds:
            self.rates.append((self.examples / clock, self.examples / processor))
            self.done.release()
            self._begin()


class Ticking(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells a turn of Keras's steps."""

    def __init__(self, turn: Turn, batch: int) -> None:
        super().__init__()
        self.turn, self.batch, self.at = turn, batch, -1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.at = -1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        steps, self.at = batch - self.at, batch
        self.turn.took(steps * self.batch)


class Telling(Silent):
    """Tells a turn of specc's steps."""

    def __init__(self, turn: Turn, batch: int) -> None:
        self.turn, self.batch, self.taken = turn, batch, 0

    def advance(self, at: Place, rate: float, logs: Any, waiting: float) -> None:
        steps, self.taken = at.taken - self.taken, at.taken
        self.turn.took(steps * self.batch)


@dataclass(frozen=True, slots=True)
class Race:
    """One network, and everything that trains it."""

    plan: Plan
    x: np.ndarray[Any, Any]
    y: np.ndarray[Any, Any]

    @classmethod
    def of(cls, name: str) -> Race:
        log = Log()
        plan = driver.check(driver.open_spec(HERE / "speed" / f"{name}.yaml", log), log)
        split = open_data(plan, log).splits["train"]
        (x,), (y,) = (
            [kept.take(tf.range(split.examples)).numpy() for kept in side.values()]
            for side in (split.inputs, split.targets)
        )
        return cls(plan, x, y)

    @property
    def batch(self) -> int:
        return self.plan.dataset.batch_size if self.plan.dataset else 0

    def contenders(self) -> dict[str, Callable[[Turn], None]]:
        return {
            "tutorial": self.tutorial,
            "best": lambda turn: self.best(turn),
            "best, step by step": lambda turn: self.best(turn, steps=1),
            "best, XLA": lambda turn: self.best(turn, xla=True),
            "bare": self.bare,
            "specc": lambda turn: self.specc(turn),
            "specc, XLA": lambda turn: self.specc(turn, xla=True),
            "specc, no XLA": lambda turn: self.specc(turn, xla=False),
            "specc, bfloat16": lambda turn: self.specc(turn, precision="mixed_bfloat16"),
        }

    def model(self, **how: Any) -> keras.Model:
        """The network with one input and one output, compiled as the plan says."""
        built = build(self.plan, Log())
        objective = compile_model(built, self.plan, Log())
        model = keras.Model(built.inputs[0], built.outputs[0])
        model.compile(objective.optimizer, objective.terms[0].loss, metrics=["accuracy"], **how)
        return model

    def tutorial(self, turn: Turn) -> None:
        ticking = Ticking(turn, self.batch)
        self.model().fit(self.x, self.y, batch_size=self.batch, epochs=10**6, verbose=0, callbacks=[ticking])

    def best(self, turn: Turn, *, steps: int = STEPS_PER_EXECUTION, xla: bool = False) -> None:
        x, y = tf.constant(self.x), tf.constant(self.y)
        data = (
            tf.data.Dataset.range(len(self.x))
            .shuffle(len(self.x))
            .batch(self.batch)
            .map(lambda i: (tf.gather(x, i), tf.gather(y, i)), num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
        )
        model = self.model(steps_per_execution=steps, jit_compile=xla)
        model.fit(data, epochs=10**6, verbose=0, callbacks=[Ticking(turn, self.batch)])

    def bare(self, turn: Turn) -> None:
        model = self.model()
        x, y, variables = tf.constant(self.x), tf.constant(self.y), model.trainable_variables
        optimizer, loss = model.optimizer, keras.losses.get(model.loss)
        yes_or_no = self.y.dtype.kind == "f"
        metric = keras.metrics.BinaryAccuracy() if yes_or_no else keras.metrics.SparseCategoricalAccuracy()
        optimizer.build(variables)
        steps = len(self.x) // self.batch

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]
        def many(order: Any, start: Any) -> Any:
            def body(i: Any, total: Any) -> Any:
                rows = order[i * self.batch : (i + 1) * self.batch]
                inputs, targets = tf.gather(x, rows), tf.gather(y, rows)
                with tf.GradientTape() as tape:
                    answer = model(inputs, training=True)
                    value = loss(targets, answer)
                optimizer.apply(tape.gradient(value, [v.value for v in variables]), variables)
                metric.update_state(targets, answer)
                return i + 1, total + value

            stop = tf.minimum(start + BARE_STEPS, steps)
            return tf.while_loop(lambda i, _: i < stop, body, (start, tf.zeros([])))[1]

        while True:
            order = tf.random.shuffle(tf.range(len(self.x)))
            for start in range(0, steps, BARE_STEPS):
                float(many(order, tf.constant(start)))
                turn.took(min(BARE_STEPS, steps - start) * self.batch)

    def specc(self, turn: Turn, **runtime: Any) -> None:
        plan = replace(self.plan, runtime=replace(self.plan.runtime, **runtime))
        with TemporaryDirectory() as folder:
            run(plan, Path(folder) / "run", Log(), progress=Telling(turn, self.batch))


def race(name: str, who: Sequence[str], rounds: int, seconds: float) -> Iterator[str]:
    """Rows of the table: each contender's median examples a second, and specc's ratio to it, by clock and processor."""
    found = Race.of(name)
    everybody = found.contenders()
    turns = {one: Turn(one, everybody[one], seconds) for one in (who or everybody)}
    for _ in range(5):  # what compiles, a pace to be found, and whether XLA is faster
        for turn in turns.values():
            turn.take()
            turn.rates.clear()
    for number in range(rounds):
        # Who goes first changes, so that a machine that slows down favours none.
        order = list(turns.values())
        for turn in (*order[number % len(order) :], *order[: number % len(order)]):
            turn.take()
    ours = turns["specc"].rates
    for one, turn in turns.items():
        ratios = [[mine[k] / theirs[k] for mine, theirs in zip(ours, turn.rates, strict=True)] for k in (0, 1)]
        clock, processor = map(statistics.median, ratios)
        best, rate = (most([rate for rate, _ in turn.rates]) for most in (max, statistics.median))
        fastest = max(rate for rate, _ in ours) / best
        yield f"| {name} {found.batch} | {one} | {rate:,.0f} | {clock:.2f} | {processor:.2f} | {fastest:.2f} |"


def peak(name: str, who: str) -> None:
    """Train for a while, and print the peak of this process in MB."""
    found = Race.of(name)
    turn = Turn(who, found.contenders()[who], MEMORY_SECONDS)
    turn.take()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    sys.stdout.flush()
    os._exit(0)


def measured_peak(name: str, who: str) -> float:
    command = [sys.executable, __file__, "--peak", who, name]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--who", type=lambda names: names.split(";"), default=())
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        peak(given.networks[0], given.peak)
    if given.memory:
        print("| network | specc, peak | best `fit`, peak | ratio |\n| --- | --- | --- | --- |")
        for name in given.networks:
            ours, theirs = measured_peak(name, "specc"), measured_peak(name, "best")
            print(f"| {name} | {ours:,.0f} MB | {theirs:,.0f} MB | {ours / theirs:.2f} |", flush=True)
        return
    print("| network, batch | who | examples/s | specc ÷ it | by processor | best turns |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in given.networks:
        for row in race(name, given.who, given.rounds, given.seconds):
            print(row, flush=True)
    sys.stdout.flush()
    os._exit(0)  # The contenders' threads would go on for ever.


if __name__ == "__main__":
    main()
