"""Where a run goes on from: its last checkpoint that is whole, where it is of the same data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specc import codes
from specc.backend import manifest
from specc.backend.data import Data
from specc.backend.training.checkpoint import Checkpoint, Checkpoints
from specc.backend.training.progress import Progress
from specc.diagnostics import Log, Rejected, Span
from specc.plan import Dataset, Training


def before(path: Path, dataset: Dataset, data: Data, log: Log) -> list[Any]:
    """Where the run in a directory has gone on from so far.

    Raises:
        Rejected: S608 is in `log`, where its data is not what it began with.
    """
    known = manifest.read(path) or {}
    if known and not manifest.same_data(known, data):
        log.report(
            codes.S608,
            dataset.span,
            f"the data is not what the run in `{path}` began with",
            help="bring that data back, or begin a new run: another `--out`",
        )
        raise Rejected(log)
    return list(known.get("resumed", []))


def last(checkpoints: Checkpoints, training: Training, steps: int, progress: Progress, log: Log) -> Checkpoint | None:
    """The last checkpoint that is whole; None where none was taken yet. An epoch has so many `steps`."""
    for file, found in checkpoints.latest():
        if isinstance(found, Checkpoint):
            phase = training.phases[found.phase]
            ended = found.stopped or found.epoch >= found.began + phase.epochs_of(steps)
            over = ended and found.phase + 1 == len(training.phases)
            done = "training is over" if over else f"in epoch {found.epoch + 1}/{training.epochs_of(steps)}"
            progress.say(f"going on after step {found.taken:,} of the run, {done}")
            return found
        log.report(
            codes.W602,
            Span(str(file), 1, 1, 1, 1),
            f"this checkpoint is passed over: {found}",
            help="the run goes on from the one before it, or from the beginning where there is none",
        )
        file.unlink()
    progress.say(f"no checkpoint was taken in `{checkpoints.folder.parent}` yet: the run begins anew")
    return None
