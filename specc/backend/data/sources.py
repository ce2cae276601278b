"""From the readers of a spec to raw fields, every value checked, and everything that is wrong with them on the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.calls import Call
from specc.codes import S502, S503
from specc.diagnostics import Log, Refusal, nearest
from specc.kinds import word
from specc.kinds.arrays import Array
from specc.kinds.features import Feature, Origin, State, missing
from specc.kinds.readers import Table, listed
from specc.plan import Dataset, Field


@dataclass(frozen=True, slots=True)
class Source:
    """One source, read: its raw fields by key (`inputs.image`), and the column that groups its rows, if one does."""

    reader: str
    rows: int
    values: Mapping[str, Array]
    groups: Array | None
    files: tuple[Path, ...]
    origin: Origin


def keyed(dataset: Dataset) -> dict[str, Field]:
    """The fields of a dataset by their keys: `inputs.image`, `targets.digit`."""
    inputs = {f"inputs.{field.name}": field for field in dataset.inputs}
    return inputs | {f"targets.{field.name}": field for field in dataset.targets}


def read_source(dataset: Dataset, call: Call, seed: int, states: Mapping[str, State], log: Log) -> Source | None:
    """Read one source: None where it cannot be opened; a field that cannot be read is left out. The log says why."""
    fields = keyed(dataset)
    place = call.span or dataset.span
    asked: dict[str, Feature | None] = {field.column: field.feature for field in fields.values()}
    group = dataset.split.group
    if group is not None:
        asked.setdefault(group, None)
    try:
        table: Table = word("readers", call.name)(**call.arguments).read(asked, seed)
    except Refusal as refusal:
        log.refuse(refusal, call.spans.get(refusal.argument, place))
        return None
    rows = table.rows if dataset.limit is None else min(table.rows, dataset.limit)
    values = {}
    for key, field in fields.items():
        if field.column not in table.columns:
            log.refuse(_no_column(field.column, table), field.column_span)
            continue
        raw = read_field(field, key, table.columns[field.column][:rows], table.origin, states.get(key), log)
        if raw is not None:
            values[key] = raw
    if group is not None and group not in table.columns:
        log.refuse(_no_column(group, table), dataset.split.span or place)
    groups = None if group is None or group not in table.columns else table.columns[group][:rows]
    return Source(call.name, rows, values, groups, table.files, table.origin)


def read_field(field: Field, key: str, column: Array, origin: Origin, state: State | None, log: Log) -> Array | None:
    """The raw values of a field, or None where the log says why not."""
    try:
        values = field.feature.read(column, origin, state)
        if key.startswith("targets.") and (absent := missing(values)).any():
            raise Refusal(
                S503,
                f"the target in {origin.rows(absent)} is missing",
                "there is nothing to learn from these rows: leave them out",
            )
    except Refusal as refusal:
        log.refuse(refusal, field.span)
        return None
    return values


def _no_column(name: str, table: Table) -> Refusal:
    close = nearest(name, table.names)
    there = f"there are {listed(table.names)}" if table.names else "there are none"
    source = f"{table.files[0].name} has" if len(table.files) == 1 else "the data has"
    return Refusal(S502, f"{source} no column `{name}`", f"did you mean `{close}`? {there}" if close else there)


def all_files(sources: Iterable[Source]) -> tuple[Path, ...]:
    """Every file that was read, once."""
    return tuple(dict.fromkeys(path for source in sources for path in source.files))
