"""A finished run at work: on a split of its data, or on new raw rows, pictures and sounds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from specc import codes
from specc.backend.data import open_split
from specc.backend.export.serving import serve
from specc.backend.inference.asking import BATCH, Asked, Passed, is_file
from specc.backend.inference.bare import open_saved_model
from specc.backend.inference.examining import examine as look
from specc.backend.inference.examining import open_examples
from specc.backend.objective import compile_model
from specc.backend.recurrent import settle
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
    return loop.evaluate(steps, steps.feed(lambda cut: examples.batches(size)), examples.steps(size))


def examine(run: Path, plan: Plan, log: Log, split: str = "test", data: Path | None = None) -> dict[str, Any]:
    """All that can be said of a run on a split of its data, or on other data, as plain data that JSON can hold.

    Args:
        run: the run directory.
        plan: of the run's `spec.yaml`.
        split: as for `evaluate`.
        data: a file of CSV, JSON lines, Parquet or NPZ with the spec's columns, targets among them, or a folder where
            the run learnt from one; all of it, instead of a split.

    Returns:
        `data` (the split or the path), `examples`, `metrics` as `evaluate` gives them, and `outputs` (see
        `specc.backend.inference.examining`).

    Raises:
        Rejected: as `evaluate` does.
    """
    model, states = load(run, log)
    examples, where = open_examples(plan, states, split, data, log)
    steps = Steps(tf.distribute.get_strategy(), model, compile_model(model, plan, log), log)
    size = plan.dataset.batch_size if plan.dataset else BATCH
    return {
        "run": str(run),
        "data": split if data is None else str(data),
        "examples": examples.examples,
        "metrics": loop.evaluate(steps, steps.feed(lambda cut: examples.batches(size)), examples.steps(size)),
        "outputs": look(plan, model, states, (examples, where), size),
    }


def predict(
    run: Path,
    plan: Plan | None,
    inputs: Sequence[str],
    out: Any,
    log: Log,
    *,
    form: str | None = None,
    passed: Passed | None = None,
) -> int:
    """Answer about new raw rows, in their order, some at a time, and give how many were answered.

    Args:
        run: the run directory, or a SavedModel's.
        plan: of the run's `spec.yaml`; None for a SavedModel, of which only the signature is known.
        inputs: one file of CSV, JSON lines or Parquet, or `-` for standard input, with a column for each raw field of
            the inputs; or pictures or sounds, and folders of them, for a network that takes one.
        out: where the rows are written, every column of theirs and then the answers (see `told`): a text stream, or
            one of bytes where `form` is `parquet`. An answer whose name a column has already is called
            `NAME_predicted`.
        form: `csv`, `jsonl` or `parquet`; else that in which the rows came, JSON lines for Parquet, CSV for files.
        passed: counts the rows that cannot be read, and are left out; without it they are errors.

    Raises:
        Rejected: S501 for a run or a file that is not there, S502 for a missing column, S503 and S504 for values.
    """
    files = len(inputs) > 1 or is_file(inputs[0])
    if plan is None:
        asked = open_saved_model(run, log, passed, files=files)
    else:
        model, states = load(run, log)
        asked = Asked.of(plan, states, serve(plan, model, states), log, passed)
    return asked.files(inputs, out, form) if files else asked.table(inputs[0], out, form)


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
        model = keras.saving.load_model(run / "model.keras", compile=False)
    except (ValueError, KeyError, TypeError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        log.report(codes.S503, Span(str(run), 1, 1, 1, 1), f"the run `{run}` cannot be read: {reason}")
        raise Rejected(log) from error
    settle(model)
    return model, states
