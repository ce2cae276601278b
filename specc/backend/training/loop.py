"""The training loop, one for every strategy: epochs, validation, callbacks, and what stops them early."""

from __future__ import annotations

import contextlib
import signal
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, Literal

import keras
import tensorflow as tf

from specc.backend.training.checkpoint import (
    Checkpoint,
    Checkpoints,
    Memory,
    append,
    flush,
    restore,
    values_of,
    variables_of,
)
from specc.backend.training.debug import Beginning, Trail
from specc.backend.training.faults import LOST
from specc.backend.training.feed import Feed
from specc.backend.training.interrupt import Interrupt
from specc.backend.training.pace import Clock, Pace, stride
from specc.backend.training.progress import Place, Progress, Silent
from specc.backend.training.steps import Steps
from specc.backend.training.trial import Trial

Logs = dict[str, float]
AfterEpoch = Callable[[Mapping[str, Sequence[float]]], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training came to: its steps, and its epochs, the last of which may have ended early.

    `history` has a value per epoch under each of Keras's log names; one for each validation where not all epochs end
    with one. `waiting` is the share of the time of its steps in which they waited for data; NaN in a deterministic run.
    """

    history: Mapping[str, Sequence[float]]
    steps: int
    epochs: int
    steps_per_call: int
    examples_per_second: float
    waiting: float
    interrupted: bool


class Diverged(Exception):
    """The loss became NaN or infinite.

    `epoch` and `step` count from 1, the step within its epoch; `outputs` are those whose loss is not finite. `begun`
    is where it began, None where nobody looked or nothing was found.
    """

    def __init__(self, epoch: int, step: int, outputs: Sequence[str] = (), begun: Beginning | None = None) -> None:
        super().__init__(f"step {step} of epoch {epoch}")
        self.epoch = epoch
        self.step = step
        self.outputs = tuple(outputs)
        self.begun = begun
        self.phase = 0
        """Of several, counted from 0."""


class Terminated(Exception):
    """The machine asked the run to end, and it did between two steps; `epoch` and `step` count from 1 and are done."""

    def __init__(self, epoch: int, step: int) -> None:
        super().__init__(f"step {step} of epoch {epoch}")
        self.epoch = epoch
        self.step = step


class Meter:
    """Losses of one pass, averaged over its examples, beside the metrics that the model keeps."""

    def __init__(self, steps: Steps) -> None:
        self.names = ["loss", *steps.objective.loss_names]
        self.steps = steps
        self.tally = steps.nothing()
        steps.model.reset_metrics()

    @property
    def losses(self) -> list[float]:
        """The total loss and that of each output, each summed over the examples so far."""
        return [float(loss) for loss in self.tally.losses.numpy()]

    @property
    def examples(self) -> float:
        return float(self.tally.examples)

    @property
    def waited(self) -> float:
        """Seconds that steps stood still until their batch was there."""
        return float(self.tally.waited)

    def logs(self) -> Logs:
        """Keras's logs so far, under Keras's names."""
        examples = max(self.examples, 1.0)
        losses = {name: total / examples for name, total in zip(self.names, self.losses, strict=False)}
        metrics = {name: _number(value) for name, value in self.steps.results().items()}
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
        count = steps.together.lead(pace.steps(done, batches - done))
        if callbacks is not None:
            callbacks.on_test_batch_begin(done)
        started = perf_counter()
        meter.tally = steps.evaluate(iterator, tf.constant(count), meter.tally)
        _ = meter.examples  # there when the call is over
        pace.took(count, perf_counter() - started)
        done += count
        if callbacks is not None:
            callbacks.on_test_batch_end(done - 1, meter.logs())
    logs = meter.logs()
    if callbacks is not None:
        callbacks.on_test_end(logs)
    return logs


@dataclass(slots=True)
class Fit:
    """One training, from its first step or from a checkpoint to its end; or a phase of one, as a call of `fit` is.

    `until` is the number of steps after which it ends, inside the last epoch, where that is not all of `epochs`. Of a
    phase that is not the first, `phase` is the number and `before` what came of the one before it: epochs are counted
    through, and there is one history. `total` are the epochs of all phases, `later` the steps of those after this one;
    `clock` measures over all of them.
    `after_epoch` gets the history after each epoch. Without `checkpoints` none are taken.
    """

    steps: Steps
    feed: Feed
    validation: Feed | None = None
    _: KW_ONLY
    epochs: int
    until: int | None = None
    validation_freq: int = 1
    callbacks: Sequence[Any] = ()
    trackers: Sequence[Any] = ()
    """Callbacks that only look on: what they know is in no checkpoint."""
    steps_per_call: int | None = None
    progress: Progress = field(default_factory=Silent)
    interrupt: Interrupt = field(default_factory=Interrupt)
    after_epoch: AfterEpoch = lambda history: None
    checkpoints: Checkpoints | None = None
    phase: int = 0
    before: Outcome | None = None
    total: int | None = None
    later: int = 0
    clock: Clock = field(default_factory=Clock)
    trail: Trail | None = None
    """Marks the way, so that one can go back to where a loss that is not finite began."""
    trial: Trial | None = None
    """Whether XLA is faster, where that is left to us."""
    kept: str = ""
    """After something has failed: the last epoch or step that the model has learnt from; empty where there is none."""

    _chain: Any = field(init=False)
    _memory: Memory = field(init=False)
    _meter: Meter = field(init=False)
    _iterator: Any = field(init=False)
    _pace: Pace = field(init=False)
    _began: int = 0
    _next: int = 0
    _taken: int = 0
    _at: tuple[int, int] = (0, 0)
    """The epoch and step of the next batch."""
    _whole: Literal["all", "epoch", "weights", "nothing"] = "nothing"
    """What is as it is between two steps: all that changes; all but what the end of an epoch does; or the weights."""
    _kept: tuple[str, list[Any]] | None = None
    """The last whole epoch, and the weights after it."""

    def run(self, since: Checkpoint | None = None) -> Outcome:
        """Train for so many epochs, or until a callback, a person or a loss that is not finite ends it.

        Args:
            since: the checkpoint to go on from. It must be of the same network, data and training.

        Raises:
            Diverged: the loss of a step is NaN or infinite.
            Terminated: the machine asked the run to end. A checkpoint was taken.
            DamagedError: `since` is of another network.
            OSError: a checkpoint could not be written.
        """
        model, logs = self.steps.model, Logs()
        validating = Pace()
        try:
            self._begin(since)
            held_out = self.steps.feed(partial(self.validation.stream, 0, 0)) if self.validation else None
            first, end = since.step if since else 0, self._began + self.epochs
            for epoch in range(self._next, end):
                if model.stop_training:
                    break
                began = perf_counter()
                done = self._epoch(epoch, first)
                first = 0
                if not done:
                    break  # asked to stop before the first step
                self._next = epoch + 1
                self.steps.average_state()
                logs = self._meter.logs()
                self._whole = "weights"
                validates = (epoch + 1) % self.validation_freq == 0
                if held_out is not None and self.validation is not None and validates:
                    found = evaluate(self.steps, held_out, self.validation.steps, self._chain, validating)
                    logs |= {f"val_{name}": value for name, value in found.items()}
                if done == self._length(epoch):
                    self._at, self._whole = (epoch + 1, 0), "epoch"
                with warnings.catch_warnings():
                    if not validates:
                        # Callbacks that monitor a validation wait for the next one, and would say so.
                        warnings.simplefilter("ignore", UserWarning)
                    self._chain.on_epoch_end(epoch, logs)
                self.progress.epoch(epoch, self.clock.rate, perf_counter() - began, logs, self.clock.waiting)
                self.after_epoch(self._history)
                if done < self._length(epoch) and self.steps.together.asked:
                    break
                self._meter = Meter(self.steps)
                self._goes_on(1)
                if self._ends(epoch + 1, 0):
                    break
                last = model.stop_training or epoch + 1 == end
                if self.checkpoints and self._due(epochs=epoch + 1, at_once=last):
                    self.checkpoints.keep(self._now(epoch + 1, 0))
                self._kept = _place(epoch + 1, 0), model.get_weights()
            self._whole = "weights"
            self.steps.finish()
            self._chain.on_train_end(logs)
            if self.checkpoints:
                self.checkpoints.settle()
        except OSError:
            # A full disk, most often. Files that callbacks hold open are closed, or are not to be closed either.
            with contextlib.suppress(OSError):
                self._chain.on_train_end(logs)
            raise
        except Terminated:
            raise
        except Exception as error:
            # With a server that is gone the weights are, and only a checkpoint has them.
            self.kept = self._rescue(logs) if self.steps.here or not isinstance(error, LOST) else ""
            raise
        finally:
            self.progress.stop()
        clock, asked = self.clock, self.steps.together.asked is not None
        return Outcome(self._history, self._taken, self._next, self._pace.chosen, clock.rate, clock.waiting, asked)

    def _begin(self, since: Checkpoint | None) -> None:
        steps, feed = self.steps, self.feed
        self._began = since.began if since else self.before.epochs if self.before else 0
        end = self._began + self.epochs
        self._chain = keras.callbacks.CallbackList(
            [*self.callbacks, *self.trackers],
            add_history=True,
            model=steps.model,
            epochs=end,
            steps=feed.steps,
            verbose=0,
        )
        strides = [stride([*self.callbacks, *self.trackers]), self.checkpoints.stride if self.checkpoints else None]
        self._pace = Pace(self.steps_per_call, [each for each in strides if each])
        self.clock.compiling()
        steps.model.stop_training = False
        steps.build()
        first, step = (since.epoch, since.step) if since else (self._began, 0)
        self._taken = since.taken if since else self.before.steps if self.before else 0
        self.progress.start(self.total or end, self._here(first, step))
        if since or self.before:
            append(self.callbacks, since.callbacks if since else None)
        self._chain.on_train_begin()
        self._memory = Memory(self.callbacks)
        self._meter = Meter(steps)
        if since:
            self._resume(since)
        elif self.before:
            self._kept = _place(self._began, 0), steps.model.get_weights()
            self._remember(self.before.history, self._began)
        # Each time that training begins TensorBoard counts anew, and would draw over what is there.
        for board in self.trackers if since else [*self.callbacks, *self.trackers]:
            if isinstance(board, keras.callbacks.TensorBoard):
                board._global_train_batch = self._taken
        # `BackupAndRestore` says where it has resumed, in the first phase.
        resumed = 0 if self.phase else steps.model._initial_epoch or 0
        self._next = since.epoch if since else max(self._began, resumed)
        self._iterator = steps.feed(partial(feed.stream, self._next, since.step if since else 0))

    def _resume(self, since: Checkpoint) -> None:
        steps = self.steps
        with steps.strategy.scope():
            restore(variables_of(steps.model, steps.objective.optimizer), since.variables)
        self._memory.give(since.callbacks)
        self._meter.tally = steps.sums(since.losses, since.examples)
        self._kept = _place(since.epoch, since.step), steps.model.get_weights()
        self._remember(since.history, since.epoch)
        steps.model.stop_training = since.stopped

    def _remember(self, history: Mapping[str, Sequence[float]], epochs: int) -> None:
        self._history.update({name: list(values) for name, values in history.items()})
        self.steps.model.history.epoch = list(range(epochs))

    @property
    def _history(self) -> dict[str, list[float]]:
        history: dict[str, list[float]] = self.steps.model.history.history
        return history

    def _epoch(self, epoch: int, first: int) -> int:
        """Take the steps of an epoch from `first` on; how many of it are done then."""
        steps, meter, done = self.steps, self._meter, first
        self._at, self._whole = (epoch, first), "all"
        self._chain.on_epoch_begin(epoch)
        length = self._length(epoch)
        while done < length:
            count = self._goes_on(self._pace.steps(self._taken, length - done))
            if not count:
                break
            self._chain.on_train_batch_begin(done)
            if self.trail:
                self.trail.mark(self.steps, epoch, done)
            self._whole = "nothing"
            started, examples, waited = perf_counter(), meter.examples, meter.waited
            meter.tally = self._take(count, epoch, done)
            bad = int(meter.tally.bad)
            self._pace.took(count, perf_counter() - started)
            if self.trial:
                self.trial.took(count, perf_counter() - started)
            self.clock.took(meter.examples - examples, perf_counter() - started, meter.waited - waited)
            logs = meter.logs()
            if bad >= 0:
                _farewell(self._chain, done + bad, logs)
                at = epoch, done + bad
                begun = self.trail.follow(steps, self.feed.stream, self.feed.steps, *at) if self.trail else None
                raise Diverged(epoch + 1, done + bad + 1, _culprits(steps, meter.losses), begun)
            done += count
            self._taken += count
            self._at, self._whole = (epoch, done), "all"
            self._chain.on_train_batch_end(done - 1, logs)
            self.progress.advance(self._here(epoch, done), self.clock.rate, logs, self.clock.waiting)
            if self.checkpoints and self._due():
                self.checkpoints.keep(self._now(epoch, done))
        if done < length:
            self._ends(epoch, done)  # before what is left of the epoch counts as one
        return done

    def _take(self, count: int, epoch: int, done: int) -> Any:
        """So many optimizer steps; the tally after them."""
        steps, trial = self.steps, self.trial
        if trial and trial.before(self._left(epoch, done)):
            self.clock.compiling()
        try:
            return steps.train(self._iterator, tf.constant(count), self._meter.tally)
        except Exception:
            if trial is None or not trial.compiling:
                raise
        trial.give_up()
        self._iterator = steps.feed(partial(self.feed.stream, epoch, done))
        return steps.train(self._iterator, tf.constant(count), self._meter.tally)

    def _left(self, epoch: int, done: int) -> int:
        """The steps that are left, of this epoch and those after it."""
        behind = (epoch - self._began) * self.feed.steps + done
        return (self.until or self.epochs * self.feed.steps) - behind

    def _length(self, epoch: int) -> int:
        """The steps of an epoch: of the last one only those that are left."""
        steps = self.feed.steps
        return steps if self.until is None else min(steps, self.until - (epoch - self._began) * steps)

    def _here(self, epoch: int, step: int) -> Place:
        """How far training is when it is at a step of an epoch, should nothing end it early."""
        # At the end of a phase of steps there may be no epoch for a next one.
        length, left = max(self._length(epoch), step), max(0, self._left(epoch, step))
        return Place(epoch, step, length, self._taken, self._taken + left + self.later)

    def _goes_on(self, wanted: int) -> int:
        """The steps that come next, 0 when training is to end: as all processes of the run have it."""
        model, together = self.steps.model, self.steps.together
        count = together.agree(wanted, stop=model.stop_training, asked=self.interrupt.asked)
        model.stop_training = together.stopped
        return count

    def _due(self, *, epochs: int | None = None, at_once: bool = False) -> bool:
        """Whether it is time for a checkpoint, as the process that writes it has it: each has a clock of its own."""
        assert self.checkpoints is not None
        due = at_once or self.checkpoints.due(taken=self._taken, epochs=epochs)
        return bool(self.steps.together.lead(due)) if self.checkpoints.timed else due

    def _ends(self, epoch: int, step: int) -> bool:
        """Whether somebody asked to stop; then there is a checkpoint of just here."""
        if self.steps.together.asked is None:
            return False
        if self.checkpoints:
            self.checkpoints.keep(self._now(epoch, step))
            self.checkpoints.settle()
        if self.steps.together.asked == signal.SIGTERM:
            self._chain.on_train_end(self._meter.logs())  # files that callbacks hold open
            raise Terminated(epoch + 1, step)
        return True

    def _rescue(self, logs: Logs) -> str:
        """After a failure: leave the model as it last was whole, and a checkpoint where all is; say how far it came."""
        model, (epoch, step) = self.steps.model, self._at
        if self._whole == "nothing":
            if self._kept is None:
                return ""
            place, weights = self._kept
            model.set_weights(weights)
            return place
        if not self._taken:
            return ""
        if self._whole == "epoch" and len(model.history.epoch) < epoch:
            model.history.on_epoch_end(epoch - 1, logs)  # comes after all other callbacks
        # Of several processes only one may have failed, and the others do not come here to add up with it.
        if self._whole != "weights" and self.checkpoints and self.steps.together.alone:
            if self._whole == "epoch":
                self._meter = Meter(self.steps)
            with contextlib.suppress(OSError):
                self.checkpoints.keep(self._now(epoch, step))
                self.checkpoints.settle()
        for callback in self._chain.callbacks:
            with contextlib.suppress(Exception):
                callback.on_train_end(logs)  # files that it holds open
        return _place(epoch, step)

    def _now(self, epoch: int, step: int) -> Checkpoint:
        steps, meter = self.steps, self._meter
        # What has no gradient differs between replicas; its averages follow the same averages, so none is disturbed.
        steps.average_state()
        flush([*self.callbacks, *self.trackers])
        return Checkpoint(
            phase=self.phase,
            began=self._began,
            epoch=epoch,
            step=step,
            taken=self._taken,
            losses=meter.losses,
            examples=meter.examples,
            history={name: list(values) for name, values in self._history.items()},
            stopped=bool(steps.model.stop_training),
            callbacks=self._memory.take(),
            variables=values_of(variables_of(steps.model, steps.objective.optimizer)),
        )


def _number(value: Any) -> Any:
    """A metric's result as a float; one with several values, like per-class F1, as a list."""
    array = keras.ops.convert_to_numpy(value)
    return float(array) if array.ndim == 0 else array.tolist()


def _place(epoch: int, step: int) -> str:
    """The last of so many whole epochs, or of so many steps of the one after them."""
    return f"step {step} of epoch {epoch + 1}" if step else f"epoch {epoch}"


def _culprits(steps: Steps, losses: Sequence[float]) -> list[str]:
    terms = steps.objective.terms
    bad = [term.output for term, loss in zip(terms, losses[1:], strict=True) if not abs(float(loss)) < float("inf")]
    return list(dict.fromkeys(bad))


def _farewell(chain: keras.callbacks.CallbackList, step: int, logs: Logs) -> None:
    """Let callbacks see the loss that is not finite and close what they hold open."""
    # `TerminateOnNaN(raise_error=True)` raises here what is about to be reported with its place anyway.
    with contextlib.suppress(RuntimeError):
        chain.on_train_batch_end(step, logs)
    chain.on_train_end(logs)
