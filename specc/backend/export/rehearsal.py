"""Whether formats can hold a network, found out before it is trained: what they lack does not depend on its weights."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import keras
import tensorflow as tf

from specc.backend.export.serving import in_float32, portable, serve
from specc.backend.export.write import exporter_of, report
from specc.backend.quiet import hushed
from specc.backend.training.progress import Progress
from specc.calls import Call
from specc.diagnostics import Log, Rejected
from specc.kinds.exporters import Exporter, Inconvertible, Served
from specc.kinds.features import State
from specc.plan import Plan


def rehearse(
    plan: Plan, model: keras.Model, states: Mapping[str, State], log: Log, progress: Progress | None = None
) -> tuple[str, ...]:
    """Try the exporters of a plan whose formats may lack an operation, on the network as it is; their names.

    What was written is thrown away. Whatever else may fail waits for the export itself.

    Raises:
        Rejected: S612 is in `log`, at each step that one of them cannot hold.
    """
    before = log.errors
    trials: dict[Exporter, list[Call]] = {}
    for call in plan.exports:
        if (trial := exporter_of(call).trial) is not None:
            trials.setdefault(trial, []).append(call)

    names = tuple(dict.fromkeys(call.name for calls in trials.values() for call in calls))
    if names and progress is not None:
        progress.say(f"trying whether {', '.join(names)} can hold the network")

    @cache
    def served(float32: bool) -> Served:
        return serve(plan, in_float32(model) if float32 else model, states)

    for trial, calls in trials.items():
        if (lacking := _lacking(trial, served(trial.float32))) is not None:
            for call in calls:
                report(lacking, exporter_of(call), call, plan, log)
    if log.errors > before:
        raise Rejected(log)
    return names


def _lacking(exporter: Exporter, served: Served) -> Inconvertible | None:
    """What a format lacks for a network in each of the forms that it could be asked in; None where it lacks nothing."""
    lacking = None
    for forms in exporter.forms:
        with tempfile.TemporaryDirectory(prefix="specc-trial-") as folder, portable(served.model), hushed():
            try:
                exporter.write(tf, served if forms[0] == "raw" else served.prepared(), Path(folder, exporter.artefact))
                return None
            except Inconvertible as found:
                lacking = found
            except Exception:  # converters have no class in common for what they raise
                return None
    return lacking
