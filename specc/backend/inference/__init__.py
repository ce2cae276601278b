"""A finished run at work: on a split of its data, or on new raw rows, pictures and sounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import keras
import tensorflow as tf

from specc import codes
from specc.backend.data import open_split
from specc.backend.export.serving import serve
from specc.backend.inference.asking import BATCH, Asked, is_file
from specc.backend.objective import compile_model
from specc.backend.training import loop
from specc.backend.training.steps import Steps
from specc.diagnostics import Log, Rejected, Span
from specc.kinds.features import State
from specc.plan import Plan

PARTS = ("spec.yaml", "manifest.json", "model.keras")
"""What a run directory must hold to be asked about anything."""


def evaluate(run: Path, plan: Plan, log: Log, split: str = "test") -> dict[str, Any]:
    """Loss and metrics of a run on a split of its data, as its `metrics.json` has them.

    Args:
        run: the run directory.
        plan: of the run's `spec.yaml`. The data is read again, and divided by the seed as it was for training.
        split: `train`, `validation` or `test`.

    Raises:
        Rejected: S501 when this is no run or its data is gone, S505 when there is no such split, S50x for the data.
    """
    model, states = load(run, log)
    examples = open_split(plan, states, split, log)
    steps = Steps(tf.distribute.get_strategy(), model, compile_model(model, plan, log), log)
    size = plan.dataset.batch_size if plan.dataset else BATCH
    return loop.evaluate(steps, steps.feed(examples.batches(size)), examples.steps(size))


def predict(run: Path, plan: Plan, inputs: Sequence[str], out: TextIO, log: Log) -> int:
    """Answer about new raw rows, in their order, and give how many there were.

    Args:
        run: the run directory.
        plan: of the run's `spec.yaml`.
        inputs: one file of CSV or JSON lines, or `-` for standard input, with a column for each raw field of the
            inputs; or pictures or sounds, and folders of them, for a network that takes one.
        out: where the rows are written in the form in which they came, every column of theirs and then the answers (see
            `told`). An answer whose name a column has already is called `NAME_predicted`.

    Raises:
        Rejected: S501 for a run or a file that is not there, S502 for a missing column, S503 and S504 for values.
    """
    model, states = load(run, log)
    asked = Asked.of(plan, states, serve(plan, model, states), log)
    if len(inputs) == 1 and not is_file(inputs[0]):
        return asked.table(inputs[0], out)
    return asked.files(inputs, out)


def load(run: Path, log: Log) -> tuple[keras.Model, Mapping[str, State]]:
    """The trained network of a run, and what its fields learnt. Raises `Rejected`, with S501 or S503 in the log."""
    missing = [name for name in PARTS if not (run / name).is_file()]
    if missing:
        what = f"has no {', '.join(f'`{name}`' for name in missing)}" if run.is_dir() else "is no directory"
        help = "name the directory that `specc run` wrote; a run that was stopped early has not written all of it"
        log.report(codes.S501, Span(str(run), 1, 1, 1, 1), f"`{run}` is not a finished run: it {what}", help=help)
        raise Rejected(log)
    try:
        states = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["features"]
        return keras.saving.load_model(run / "model.keras", compile=False), states
    except (ValueError, KeyError, TypeError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        log.report(codes.S503, Span(str(run), 1, 1, 1, 1), f"the run `{run}` cannot be read: {reason}")
        raise Rejected(log) from error
