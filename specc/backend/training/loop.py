"""The training loop, one for every strategy: epochs, validation, callbacks, and what stops them early."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import keras
import tensorflow as tf

from specc.backend.training.interrupt import Interrupt
from specc.backend.training.pace import Pace, stride
from specc.backend.training.progress import Progress
from specc.backend.training.steps import Steps

Logs = dict[str, float]


@dataclass(frozen=True, slots=True)
class Feed:
    """An endless dataset of global batches `(inputs, targets)`, and how many examples make one pass over it."""

    dataset: tf.data.Dataset
    examples: int
    batch_size: int

    @property
    def steps(self) -> int:
        """Batches of one pass; the last may be smaller."""
        return -(-self.examples // self.batch_size)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training came to. `history` has a value per epoch under each of Keras's log names.

    `waiting` is the share of the time of its steps in which they waited for data.
    """

    history: Mapping[str, Sequence[float]]
    steps: int
    steps_per_call: int
    examples_per_second: float
    waiting: float
    interrupted: bool


class Diverged(Exception):
    """The loss became NaN or infinite. `weights` are those after the last whole epoch, None in the first.

    `epoch` and `step` count from 1, the step within its epoch; `outputs` are those whose loss is not finite.
    """

    def __init__(self, epoch: int, step: int, outputs: Sequence[str], weights: list[Any] | None) -> None:
        super().__init__(f"step {step} of epoch {epoch}")
        self.epoch = epoch
        self.step = step
        self.outputs = tuple(outputs)
        self.weights = weights


class Meter:
    """Losses of one pass, averaged over its examples, beside the metrics that the model keeps."""

    def __init__(self, steps: Steps) -> None:
        outputs = [term.output for term in steps.objective.terms]
        self.names = ["loss", *(f"{name}_loss" for name in outputs if len(outputs) > 1)]
        self.model = steps.model
        self.sums = [0.0] * len(self.names)
        self.examples = 0.0
        self.model.reset_metrics()

    def add(self, losses: Sequence[float], examples: float) -> None:
        """Count what a call of many steps came to."""
        self.sums = [total + float(loss) for total, loss in zip(self.sums, losses, strict=False)]
        self.examples += examples

    def logs(self) -> Logs:
        """Keras's logs so far, under Keras's names."""
        losses = {name: total / max(self.examples, 1.0) for name, total in zip(self.names, self.sums, strict=True)}
        metrics = {name: _number(value) for name, value in self.model.get_metrics_result().items()}
        return {"loss": losses["loss"], **metrics, **losses}


def evaluate(
    steps: Steps,
    iterator: Any,
    batches: int,
    callbacks: keras.callbacks.CallbackList | None = None,
    pace: Pace | None = None,
) -> Logs:
    """Losses and metrics over the next `batches` of an iterator that `Steps.feed` made."""
    meter, pace, done = Meter(steps), pace or Pace(), 0
    if callbacks is not None:
        callbacks.on_test_begin()
    while done < batches:
        count = pace.steps(done, batches - done)
        if callbacks is not None:
            callbacks.on_test_batch_begin(done)
        started = perf_counter()
        tally = steps.evaluate(iterator, tf.constant(count))
        meter.add(tally.losses.numpy(), float(tally.examples))
        pace.took(count, perf_counter() - started)
        done += count
        if callbacks is not None:
            callbacks.on_test_batch_end(done - 1, meter.logs())
    logs = meter.logs()
    if callbacks is not None:
        callbacks.on_test_end(logs)
    return logs


def train(
    steps: Steps,
    feed: Feed,
    validation: Feed | None,
    *,
    epochs: int,
    callbacks: Sequence[Any],
    steps_per_call: int | None,
    progress: Progress,
    interrupt: Interrupt,
    after_epoch: Callable[[Mapping[str, Sequence[float]]], None],
) -> Outcome:
    """Train for so many epochs, or until a callback, a person or a loss that is not finite ends it.

    `after_epoch` gets the history after each epoch.

    Raises:
        Diverged: the loss of a step is NaN or infinite.
    """
    model = steps.model
    chain = keras.callbacks.CallbackList(
        list(callbacks), add_history=True, model=model, epochs=epochs, steps=feed.steps, verbose=0
    )
    history = model.history.history
    pace, validating = Pace(steps_per_call, stride(callbacks)), Pace()
    iterator = steps.feed(feed.dataset)
    held_out = steps.feed(validation.dataset) if validation else None
    clock = Clock()
    kept: list[Any] | None = None
    taken = 0
    logs: Logs = {}
    model.stop_training = False
    progress.start(epochs, feed.steps)
    chain.on_train_begin()
    try:
        # `BackupAndRestore` says here where it has resumed.
        for epoch in range(model._initial_epoch or 0, epochs):
            began = perf_counter()
            meter, done = Meter(steps), 0
            chain.on_epoch_begin(epoch)
            while done < feed.steps and not model.stop_training and not interrupt.asked:
                count = pace.steps(taken + done, feed.steps - done)
                chain.on_train_batch_begin(done)
                started = perf_counter()
                tally = steps.train(iterator, tf.constant(count))
                losses, examples, bad = tally.losses.numpy(), float(tally.examples), int(tally.bad)
                pace.took(count, perf_counter() - started)
                clock.took(examples, perf_counter() - started, float(tally.waited))
                meter.add(losses, examples)
                logs = meter.logs()
                if bad >= 0:
                    _farewell(chain, done + bad, logs)
                    raise Diverged(epoch + 1, done + bad + 1, _culprits(steps, losses), kept)
                done += count
                chain.on_train_batch_end(done - 1, logs)
                progress.advance(epoch, done, clock.rate, logs)
            if not done:
                break  # asked to stop before the first step
            taken += done
            steps.average_state()
            logs = meter.logs()
            if held_out is not None and validation is not None:
                found = evaluate(steps, held_out, validation.steps, chain, validating)
                logs |= {f"val_{name}": value for name, value in found.items()}
            chain.on_epoch_end(epoch, logs)
            progress.epoch(epoch, clock.rate, perf_counter() - began, logs, clock.waiting)
            after_epoch(history)
            if model.stop_training or interrupt.asked:
                break
            kept = model.get_weights()
        steps.finish()
        chain.on_train_end(logs)
    finally:
        progress.stop()
    return Outcome(history, taken, pace.chosen, clock.rate, clock.waiting, interrupt.asked)


@dataclass(slots=True)
class Clock:
    """Examples a second of training and the share of waiting, the first call left out because it compiles."""

    examples: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    _started: bool = False

    def took(self, examples: float, seconds: float, waited: float) -> None:
        """Count a call of the compiled loop."""
        if self._started:
            self.examples += examples
            self.seconds += seconds
            self.waited += waited
        self._started = True

    @property
    def rate(self) -> float:
        """Examples a second so far, 0 before the second call."""
        return self.examples / self.seconds if self.seconds else 0.0

    @property
    def waiting(self) -> float:
        """What part of the time was spent waiting for data, 0 before the second call."""
        return min(1.0, self.waited / self.seconds) if self.seconds else 0.0


def _number(value: Any) -> Any:
    """A metric's result as a float; one with several values, like per-class F1, as a list."""
    array = keras.ops.convert_to_numpy(value)
    return float(array) if array.ndim == 0 else array.tolist()


def _culprits(steps: Steps, losses: Sequence[float]) -> list[str]:
    terms = steps.objective.terms
    return [term.output for term, loss in zip(terms, losses[1:], strict=True) if not abs(float(loss)) < float("inf")]


def _farewell(chain: keras.callbacks.CallbackList, step: int, logs: Logs) -> None:
    """Let callbacks see the loss that is not finite and close what they hold open."""
    # `TerminateOnNaN(raise_error=True)` raises here what is about to be reported with its place anyway.
    with contextlib.suppress(RuntimeError):
        chain.on_train_batch_end(step, logs)
    chain.on_train_end(logs)
