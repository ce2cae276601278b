"""One run at work: its phases one after the other, what it keeps as it goes, and how it ends, well or not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter
from typing import Any, Literal, NoReturn

import keras
import tensorflow as tf

from specc import codes
from specc.backend import manifest, resuming, rundir, xla
from specc.backend.data import Data
from specc.backend.devices import peak_memory
from specc.backend.export import Artefact, export
from specc.backend.objective import make_callbacks
from specc.backend.tracking import follow
from specc.backend.training import divergence, faults
from specc.backend.training.checkpoint import Checkpoint, Checkpoints, read, write
from specc.backend.training.debug import Trail
from specc.backend.training.feed import Feed, feed
from specc.backend.training.interrupt import Interrupt, listening
from specc.backend.training.loop import AfterEpoch, Diverged, Fit, Logs, Outcome, Terminated, evaluate
from specc.backend.training.pace import Clock
from specc.backend.training.progress import Progress, Silent
from specc.backend.training.rates import Sweep, sweep
from specc.backend.training.room import Room
from specc.backend.training.start import Begun, start_from
from specc.backend.training.steps import Steps
from specc.diagnostics import Log, Refusal, Rejected
from specc.plan import Dataset, Phase, Plan, Training

Status = Literal["running", "finished", "interrupted", "terminated", "diverged", "failed"]

HISTORY_EVERY = 1.0
"""Seconds between two writings of `history.csv` while training goes on."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run came to.

    `metrics` has Keras's logs for each split: `train` as they were while the weights that are kept were learnt,
    `validation` and `test` of the model as it is. `history` has a value an epoch, or a validation, under each log name.
    `path` is the run directory, None after a dry run and where another process keeps it; `checked` says what a dry run
    has tried. `skipped` has a line for each source of which rows were passed over. `waiting` is the share of the
    training steps' time in which they waited for data. `chosen` says on what it ran, and how: devices, precision, XLA,
    steps in a call. What was terminated has a checkpoint and a history as yet.
    """

    path: Path | None
    metrics: Mapping[str, Logs]
    history: Mapping[str, Sequence[float]]
    model: keras.Model
    artefacts: Mapping[str, Artefact] = field(default_factory=dict)
    status: Status = "finished"
    checked: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    chosen: str = ""
    waiting: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A run that has everything it needs."""

    plan: Plan
    dataset: Dataset
    training: Training
    data: Data
    steps: Steps
    """Those of the first phase."""
    compiled: Callable[[Phase], Steps]
    """The network compiled as a phase trains it."""
    room: Room
    """What memory there was for training when it began."""
    log: Log
    started: float
    debug: bool = False
    resumed: list[dict[str, int]] = field(default_factory=list)
    """Where this run has gone on from a checkpoint, each time that it did."""
    begun: list[Begun] = field(default_factory=list)
    """What its weights began with, where that is another network."""
    trackers: list[Any] = field(default_factory=list)
    """What follows this run."""
    fits: list[Fit] = field(default_factory=list)
    """The training of each phase that has begun."""

    @property
    def kept(self) -> str:
        """After something has failed: how far the network came that is left."""
        return self.fits[-1].kept if self.fits else ""

    def rehearse(self, converted: Sequence[str] = ()) -> Run:
        """One step and one evaluation on one batch each; `converted` are the formats that can hold the network."""
        steps, model, phases = self.steps, self.steps.model, self.training.phases
        with TemporaryDirectory(prefix="specc-dry-run-") as folder:
            make_callbacks(self.plan, Path(folder), self.log)
        first = partial(self._feed("train").stream, 0, 0)
        begun = start_from(model, self.plan, self.log)
        tried = []
        for number, phase in enumerate(phases):
            steps = self.compiled(phase) if number else steps
            with self._explained([() for _ in phases]):
                tally = steps.train(steps.feed(first), tf.constant(1), steps.nothing())
                if int(tally.bad) >= 0:
                    self._diverged(Diverged(1, 1), "", phase)
                logs = evaluate(steps, steps.feed(first), 1)
            loss = float(tally.losses[0] / tally.examples)
            of_phase = f" of phase {number + 1}" if len(phases) > 1 else ""
            tried.append(f"one training step{of_phase} on {int(tally.examples)} examples: loss {loss:.4g}")
        sizes = ", ".join(f"{split.examples:,} {name}" for name, split in self.data.splits.items())
        checked = (
            f"data: {sizes}",
            f"network: {model.count_params():,} parameters",
            f"devices: {self._how()}",
            *([f"weights: {begun}"] if begun else []),
            *tried,
            *([f"formats: {', '.join(converted)} can hold the network"] if converted else []),
        )
        return Run(None, {"train": logs}, {}, model, checked=checked, skipped=self.data.skipped())

    def try_rates(self, progress: Progress) -> Sweep:
        """Train with ever greater learning rates. Raises `Rejected` where the first loss is not finite already."""
        start_from(self.steps.model, self.plan, self.log)
        with self._explained([() for _ in self.training.phases]):
            found = sweep(self.steps, partial(self._feed("train").stream, 0, 0), progress)
        if not found.rates:
            self._diverged(Diverged(1, 1), "", self.training.phases[0])
        return found

    def perform(self, path: Path, progress: Progress, *, resumed: bool = False) -> Run:
        """Train in full and fill the run directory; `resumed`: from its last checkpoint on."""
        plan, model = self.plan, self.steps.model
        learnt = resumed
        last = monotonic()

        def keep(history: Mapping[str, Sequence[float]]) -> None:
            nonlocal learnt, last
            if not learnt or monotonic() - last > HISTORY_EVERY:
                self._write_history(path, history)
                learnt, last = True, monotonic()

        checkpoints = Checkpoints(path / "checkpoints", plan.runtime.checkpoint)
        try:
            since = self._since(path, checkpoints, progress) if resumed else None
            written = BytesIO()
            if since:
                write(written, since)
            self.steps.together.share(written.getvalue())
            if since is None and (begun := start_from(model, plan, self.log)):
                self.begun.append(begun)
                progress.say(str(begun))
            if self.steps.on_cpus and (word := self.room.warning):
                progress.say(word)
            rundir.write_text(path / rundir.SPEC, rundir.spec_text(plan))
            self._describe(path, "running")
            callbacks = make_callbacks(plan, path, self.log)
            self.trackers.extend(follow(plan, path, self.log))
            with listening() as interrupt, self._explained(callbacks):
                fit, outcome = self._fit(callbacks, since, interrupt, progress, keep, checkpoints)
                learnt = True
                self._write_history(path, outcome.history)
                with rundir.aside(path / "model.keras") as draft:
                    model.save(draft)
                metrics = self._metrics(fit.steps, outcome, fit.callbacks)
                rundir.write_json(path / "metrics.json", metrics)
        except Rejected:
            if kept := self.kept:
                learnt = True
                self._keep(path, "failed", kept)
                progress.say(f"the network as it was after {kept} is kept in `{path}`")
            elif learnt:
                self._describe(path, "failed")
            raise
        except OSError as error:
            help = "what was written before is whole: make room, and go on with `--resume`" if learnt else ""
            message = f"cannot write to `{path}`: {error.strerror or error}"
            self.log.report(codes.S609, plan.tree.span, message, help=help)
            raise Rejected(self.log) from error
        except Diverged as diverged:
            if kept := self.kept:
                learnt = True
                self._keep(path, "diverged", kept, diverged)
            told = f"; the network as it was after {kept} is kept in `{path}`" if kept else ""
            self._diverged(diverged, told, self.training.phases[diverged.phase])
        except Terminated:
            learnt = True
            history = model.history.history
            self._write_history(path, history)
            self._describe(path, "terminated")
            self.steps.together.wait()
            return Run(path, {}, history, model, status="terminated", skipped=self.data.skipped())
        finally:
            checkpoints.close()
            if not learnt and not checkpoints.files():
                shutil.rmtree(path, ignore_errors=True)
        if plan.exports:
            names = ", ".join(call.name for call in plan.exports)
            progress.say(f"exporting {names}, to be loaded afresh and compared")
        try:
            with self._explained(callbacks):
                splits = self.data.splits
                artefacts = export(plan, model, self.data.states, splits, splits.__getitem__, path / "export", self.log)
        except Rejected:
            self._describe(path, "failed", outcome)
            raise
        status: Status = "interrupted" if outcome.interrupted else "finished"
        self._describe(path, status, outcome, artefacts)
        self.steps.together.wait()
        chosen = f"{self._how()}, {outcome.steps_per_call} step{'s' * (outcome.steps_per_call != 1)} a call"
        return Run(
            path,
            metrics,
            outcome.history,
            model,
            artefacts,
            status,
            skipped=self.data.skipped(),
            waiting=outcome.waiting,
            chosen=chosen,
        )

    def follow(self) -> Run:
        """Take every step of a run that another process keeps, and end when that one is done."""
        model, together = self.steps.model, self.steps.together
        since = read(BytesIO(given)) if (given := together.share()) else None
        if since is None:
            start_from(model, self.plan, self.log)
        callbacks = make_callbacks(self.plan, None, self.log)
        checkpoints = Checkpoints(Path(), self.plan.runtime.checkpoint, writes=False)
        try:
            with listening() as interrupt, self._explained(callbacks):
                fit, outcome = self._fit(callbacks, since, interrupt, Silent(), lambda _: None, checkpoints)
                metrics = self._metrics(fit.steps, outcome, fit.callbacks)
                together.wait()
        except Diverged as diverged:
            self._diverged(diverged, "", self.training.phases[diverged.phase])
        except Terminated:
            together.wait()
            return Run(None, {}, model.history.history, model, status="terminated")
        finally:
            checkpoints.close()
        return Run(None, metrics, outcome.history, model, status="interrupted" if outcome.interrupted else "finished")

    def _fit(
        self,
        callbacks: Sequence[Sequence[Any]],
        since: Checkpoint | None,
        interrupt: Interrupt,
        progress: Progress,
        keep: AfterEpoch,
        checkpoints: Checkpoints,
    ) -> tuple[Fit, Outcome]:
        """One phase of training after the other, from the first or from that of a checkpoint on; the last of them."""
        feed, outcome, clock = self._feed("train"), None, Clock()
        for number, phase in enumerate(self.training.phases):
            if since and number < since.phase:
                continue
            fit = Fit(
                (steps := self.compiled(phase) if number else self.steps),
                feed,
                self._feed("validation") if "validation" in self.data.splits else None,
                epochs=phase.epochs_of(feed.steps),
                until=phase.steps,
                validation_freq=self.training.validation_freq,
                callbacks=callbacks[number],
                trackers=self.trackers,
                steps_per_call=self.plan.runtime.steps_per_call,
                progress=progress,
                interrupt=interrupt,
                after_epoch=keep,
                checkpoints=checkpoints,
                phase=number,
                before=outcome,
                total=self.training.epochs_of(feed.steps),
                later=sum(phase.steps_of(feed.steps) for phase in self.training.phases[number + 1 :]),
                clock=clock,
                trail=Trail(self.plan, phase) if self.debug else None,
                trial=None if self.debug else xla.trial(self.plan, steps),
            )
            self.fits.append(fit)
            try:
                outcome = fit.run(since if since and number == since.phase else None)
            except Diverged as diverged:
                diverged.phase = number
                raise
            if outcome.interrupted:
                break
        assert outcome is not None
        return fit, outcome

    def _since(self, path: Path, checkpoints: Checkpoints, progress: Progress) -> Checkpoint | None:
        """What to go on from, of a run on the same data; None where no checkpoint was taken yet."""
        self.resumed.extend(resuming.before(path, self.dataset, self.data, self.log))
        found = resuming.last(checkpoints, self.training, self._feed("train").steps, progress, self.log)
        if found:
            self.resumed.append({"epoch": found.epoch + 1, "step": found.step, "steps": found.taken})
        return found

    def _how(self) -> str:
        """On what a run runs, and in which arithmetic."""
        devices = ", ".join(manifest.devices(self.steps.strategy))
        if (workers := manifest.workers(self.steps.strategy)) > 1:
            devices = f"{workers} workers with {devices} each"
        return f"{devices} in {self.plan.runtime.precision}, {'with' if self.steps.xla else 'without'} XLA"

    def _write_history(self, path: Path, history: Mapping[str, Sequence[float]]) -> None:
        rundir.write_history(path / "history.csv", history, self.training.validation_freq)

    def _feed(self, split: str) -> Feed:
        chosen, learns = self.data.splits[split], split == "train"
        return feed(self.plan, self.dataset, chosen, self.log, learns=learns, here=self.steps.on_cpus)

    def _metrics(self, steps: Steps, outcome: Outcome, callbacks: Sequence[Any]) -> dict[str, Logs]:
        """Of each split; of the training split the logs of the epoch whose weights the model has."""
        epoch = max((len(values) for values in outcome.history.values()), default=0) - 1
        for callback in callbacks:
            if getattr(callback, "restore_best_weights", False) and callback.best_weights is not None:
                epoch = callback.best_epoch
        train = {
            name: outcome.history[name][epoch]
            for name in rundir.in_order(outcome.history)
            if not name.startswith("val_") and name != "learning_rate"
        }
        metrics: dict[str, Logs] = {"train": train}
        for name in ("validation", "test"):
            if name in self.data.splits:
                feed = self._feed(name)
                metrics[name] = evaluate(steps, steps.feed(partial(feed.stream, 0, 0)), feed.steps)
        return metrics

    def _keep(self, path: Path, status: Status, kept: str, diverged: Diverged | None = None) -> None:
        """Leave what was learnt before something failed: the network as it was, its history, and how far it came."""
        model, history = self.steps.model, self.steps.model.history.history
        if history:
            self._write_history(path, history)
        with rundir.aside(path / "model.keras") as draft:
            model.save(draft)
        told: dict[str, Any] = {"kept": kept}
        if diverged is not None:
            epoch, step = diverged.epoch, diverged.step
            found = divergence.examples(self.plan, self.dataset, self.data, epoch, step)
            told["diverged"] = {"epoch": epoch, "step": step, "examples": found}
        self._describe(path, status, more=told)

    def _diverged(self, diverged: Diverged, kept: str, phase: Phase) -> NoReturn:
        divergence.report(diverged, self.plan, self.dataset, phase, self.data, kept, self.log)
        raise Rejected(self.log) from diverged

    def _describe(
        self,
        path: Path,
        status: Status,
        outcome: Outcome | None = None,
        artefacts: Mapping[str, Artefact] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Write `manifest.json`: what is known before the first step, and in the end what came of it."""
        plan, steps = self.plan, self.steps
        known = {"status": status} | manifest.facts(plan, steps, self.data)
        if self.begun:
            (begun,) = self.begun
            known["start_from"] = {"path": begun.path, "layers": begun.layers, "afresh": begun.afresh}
        if self.resumed:
            known["resumed"] = self.resumed
        if status != "running":
            # Files are read once more for their digests, when nobody waits for a first step.
            known |= {"data": self.data.fingerprint, "seconds": round(perf_counter() - self.started, 3)}
            for tracker in self.trackers:
                tracker.ended(status, {name: artefact.path for name, artefact in (artefacts or {}).items()})
        if outcome is not None:
            known |= {
                "steps": outcome.steps,
                "steps_per_call": outcome.steps_per_call,
                "examples_per_second": round(outcome.examples_per_second, 1),
                "waiting_for_data": round(outcome.waiting, 4),
                "peak_memory": peak_memory(),
            }
        if artefacts:
            known["artefacts"] = {name: artefact.described(path) for name, artefact in artefacts.items()}
        known |= more or {}
        rundir.write_json(path / "manifest.json", known)

    @contextmanager
    def _explained(self, callbacks: Sequence[Sequence[Any]]) -> Iterator[None]:
        """Report what is raised while training runs: the data's fault, or a step's, or a callback's."""
        try:
            yield
        except tf.errors.OpError as error:
            before = self.log.errors
            self.data.blame(self.log)
            if self.log.errors == before:
                faults.report(error, self.room, self.training, self.log)
            raise Rejected(self.log) from error
        except MemoryError as error:
            self.room.shortage(self.log, f"memory ran out: {error}".rstrip(": "))
            raise Rejected(self.log) from error
        except Refusal as refusal:
            self.log.refuse(refusal, self.dataset.span)
            raise Rejected(self.log) from refusal
        except Rejected:
            raise
        except Exception as error:
            if not faults.of_callback(error, callbacks, self.trackers, self.plan, self.training, self.log):
                raise
            raise Rejected(self.log) from error
