"""Plans with data and no network, as `bind` would make them of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from specc.calls import Call
from specc.diagnostics import Log, Rejected, Span
from specc.kinds import word
from specc.kinds.features import Origin, learnt
from specc.plan import Dataset, Field, Network, Plan, Runtime, Splitting
from specc.tree import Source, Tree

ORIGIN = Origin(lambda row: f"table.csv:{row + 2}", Path("/nowhere"))


def place(line: int, column: int = 1) -> Span:
    return Span("spec.yaml", line, column, line, column + 1)


def feature(type: str, **properties: Any) -> Any:
    return word("features", type)(**properties)


def learned(feature: Any, values: Any) -> Any:
    """What a feature learns from values that come in two parts."""
    half = len(values) // 2
    parts = [values[:half], values[half:]] if half else [values]
    return learnt(feature.learn(), [(part, None) for part in parts])


def reader(name: str, /, **arguments: Any) -> Call:
    """A reader in line 1 of the spec, its arguments in line 2."""
    return Call("readers", name, arguments, place(1), {name: place(2) for name in arguments})


def data_plan(
    source: Call | Mapping[str, Call],
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    *,
    seed: int = 0,
    limit: int | None = None,
    cache: str = "auto",
    skip: float | None = None,
    **split: Any,
) -> Plan:
    """A plan whose fields stand in lines 10, 11, … and name their columns in lines 110, 111, …; the split is line 5.

    A field is a feature, or a pair of its column and a feature.
    """
    fields = []
    for number, (name, given) in enumerate([*inputs.items(), *targets.items()]):
        column, kind = given if isinstance(given, tuple) else (name, given)
        fields.append(Field(name, column, kind, place(10 + number), place(110 + number)))
    dataset = Dataset(
        sources={"": source} if isinstance(source, Call) else source,
        inputs=tuple(fields[: len(inputs)]),
        targets=tuple(fields[len(inputs) :]),
        split=Splitting(**split, span=place(5)),
        batch_size=32,
        shuffle=True,
        limit=limit,
        span=place(1),
        cache=cache,
        skip=skip,
    )
    return Plan(
        name="data",
        seed=seed,
        network=Network((), (), ()),
        runtime=Runtime(Call("strategies", "cpu")),
        source=Source("spec.yaml", ""),
        tree=Tree({}, place(1), place(1)),
        dataset=dataset,
    )


def told(call: Any, *arguments: Any) -> list[tuple[str, int, str, str]]:
    """Code, line, message and help of everything that a call with a log reports before it gives up."""
    log = Log()
    with suppress(Rejected):
        call(*arguments, log)
    return [(d.code.id, d.span.line, d.message, d.help) for d in log.sorted()]


def everything(split: Any, name: str) -> Any:
    """All of a field's tensors, in order."""
    return np.concatenate([({**inputs, **targets})[name] for inputs, targets in split.batches(512)])
