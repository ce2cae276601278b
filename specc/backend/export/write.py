"""Leave artefacts behind: written aside, checked, and only then given their names."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from specc import codes, kinds
from specc.backend.data import Data
from specc.backend.data.split import SAMPLE
from specc.backend.export.compare import Examples, ask, compare
from specc.backend.export.serving import portable, serve
from specc.calls import Call
from specc.diagnostics import Log, Refusal
from specc.kinds.exporters import Exporter, Served
from specc.plan import Plan

EXAMPLES = SAMPLE
"""How many examples an artefact is asked about, at most."""

FAILURES = (ValueError, TypeError, NotImplementedError, RuntimeError, OSError, tf.errors.OpError)
"""What Keras, TensorFlow and a full disk raise where an artefact cannot be written."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """What an exporter left behind, and what its check found.

    `examples` is how many it was asked about, `difference` the largest difference of an answer from the trained
    network's, relative beyond 1, `seconds` the time of writing it and of the check, which all artefacts share.
    """

    path: Path
    examples: int
    difference: float
    seconds: float


def export(plan: Plan, model: keras.Model, data: Data, directory: Path, log: Log) -> dict[str, Artefact]:
    """Write the artefacts of a plan into a directory, checked on examples that the model was not trained on, if any.

    Gives them by the names of their exporters; what failed is missing, and S607 in the log.
    """
    if not plan.exports:
        return {}
    split = next(data.splits[name] for name in ("test", "validation", "train") if name in data.splits)
    inputs = next(iter(split.batches(EXAMPLES)))[0]
    raw = split.raw(slice(EXAMPLES))
    prepared = {name: tensor.numpy()[: len(raw[name])] for name, tensor in inputs.items()}
    needed = [given.name for given in plan.network.inputs]
    examples = ask(
        plan, model, data.states, {name: raw[name] for name in needed}, {name: prepared[name] for name in needed}
    )
    return leave(plan, serve(plan, model, data.states), examples, directory, log)


def leave(plan: Plan, served: Served, examples: Examples, directory: Path, log: Log) -> dict[str, Artefact]:
    """Write the artefacts of a plan, use each in a fresh process, and keep those that agree with the examples.

    What cannot be written or answers otherwise is S607 at the exporter's place in the spec, and leaves nothing behind:
    an artefact has its name only once it was checked. One that was there before is replaced.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # On the same file system as the artefacts' names, so that giving a name is one step.
    aside = Path(tempfile.mkdtemp(prefix=".unchecked-", dir=directory))
    try:
        drafts = [_write(call, plan, served, aside / str(n), log) for n, call in enumerate(plan.exports)]
        written = [draft for draft in drafts if draft is not None]
        started = time.perf_counter()
        verdicts = compare([(draft.exporter, draft.path) for draft in written], examples) if written else []
        checking = time.perf_counter() - started
        kept: dict[str, Artefact] = {}
        for draft, verdict in zip(written, verdicts, strict=True):
            if isinstance(verdict, Refusal):
                log.refuse(verdict, draft.call.span or plan.tree.span)
            else:
                path = _name(draft.path, directory / draft.exporter.artefact)
                kept[draft.call.name] = Artefact(path, examples.count, verdict, draft.seconds + checking)
        return kept
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Draft:
    """An artefact that was written and has no name yet."""

    call: Call
    exporter: Exporter
    path: Path
    seconds: float


def _write(call: Call, plan: Plan, served: Served, aside: Path, log: Log) -> _Draft | None:
    exporter: Exporter = kinds.word("exporters", call.name)(**call.arguments)
    path = aside / exporter.artefact
    aside.mkdir()
    started = time.perf_counter()
    try:
        with portable(served.model):
            exporter.write(tf, served, path)
    except FAILURES as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        span = call.span or plan.tree.span
        log.report(codes.S607, span, f"the artefact `{exporter.artefact}` cannot be written: {reason}")
        return None
    return _Draft(call, exporter, path, time.perf_counter() - started)


def _name(path: Path, final: Path) -> Path:
    """Give what was checked its name; what had it before makes way, and is gone once the new one is there."""
    if final.exists():
        final.rename(path.with_name(f"{path.name}.before"))
    return path.rename(final)
