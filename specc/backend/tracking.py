"""The trackers of a run, made before training begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from specc import kinds
from specc.diagnostics import Log, Refusal, Rejected
from specc.kinds.trackers import Tracked
from specc.plan import Plan


def follow(plan: Plan, path: Path, log: Log) -> list[Any]:
    """What follows the run in `path`: a Keras callback for each tracker that the plan names, in its order.

    Raises:
        Rejected: S606 in `log`, for a package that is missing.
    """
    before, made = log.errors, []
    tracked = Tracked(plan.name, path, dict(flat(plan.tree.plain())))
    for call in plan.runtime.tracking:
        try:
            made.append(kinds.word("trackers", call.name)(**call.arguments).follow(keras, tracked))
        except Refusal as refusal:
            log.refuse(refusal, call.spans.get(refusal.argument, call.span or plan.tree.span))
    if log.errors > before:
        raise Rejected(log)
    return made


def flat(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The values of plain data by their paths: `model.layers.0.Dense.units`."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from flat(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from flat(item, f"{place}.{number}" if place else str(number))
    else:
        yield place, value
