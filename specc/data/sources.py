"""From a reader of a spec to blocks of raw fields, every value checked, and what is wrong with them on the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.calls import Call
from specc.codes import S502, S503
from specc.data.faults import Faults
from specc.diagnostics import Log, Refusal, Span, nearest
from specc.kinds import word
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Feature, Origin, State, missing
from specc.kinds.readers import Chunk, Coded, Column, Table, listed
from specc.plan import Dataset, Field

REMEMBERED = 2**30
"""Raw values of up to so many bytes stay in memory between the passes over a source; beyond, it is read again."""

TEXT_BYTES = 80
"""What a text of an array of texts takes, about."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some rows of a source, from `start` on: raw fields by key (`inputs.image`), other columns by name.

    `good` says which rows can be used, None where all of them can.
    """

    start: int
    rows: int
    values: Mapping[str, Column]
    columns: Mapping[str, Column]
    good: Array | None = None

    def usable(self, chosen: Array) -> Array:
        """Of a mask of rows, those that can be used."""
        return chosen if self.good is None else chosen & self.good


@dataclass(slots=True, eq=False)
class Source:
    """One source, opened. Its values are checked as they are read; `blocks` may be asked for again and again."""

    reader: str
    table: Table
    fields: Mapping[str, Field]
    extra: tuple[str, ...]
    """Columns that are no feature: what groups or orders rows."""
    limit: int | None
    faults: Faults
    place: Span
    spans: Mapping[str, Span]
    remembered: list[Block] | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return self.table.files

    @property
    def rows(self) -> int | None:
        """How many, None where only reading them all would tell."""
        known = self.table.rows
        return known if known is None or self.limit is None else min(known, self.limit)

    def blocks(self, states: Mapping[str, State], log: Log) -> Iterator[Block]:
        """All rows, checked against what fields learnt, where they have. Of a field at fault nothing more is given.

        What is wrong is reported when the rows have come to an end, each field's fault once with the count of rows.
        """
        faults: dict[str, _Fault] = {}
        try:
            for block in self._raw(log):
                yield self._checked(block, states, faults)
        except Refusal as refusal:
            log.refuse(refusal, self.spans.get(refusal.argument, self.place))
        for key, fault in faults.items():
            log.refuse(fault.whole(), self.fields[key].span)

    def _raw(self, log: Log) -> Iterator[Block]:
        """Rows as the reader gives them, or as they were checked the first time where they are remembered."""
        if self.remembered is not None:
            yield from self.remembered
            return
        kept: list[Block] | None = []
        size = 0
        for block in self._read():
            yield block
            # Not what is made of it: a later pass reads it against what was learnt, and must find the same at fault.
            size += sum(_bytes(column) for column in (*block.values.values(), *block.columns.values()))
            if size > REMEMBERED:
                kept = None
            elif kept is not None:
                kept.append(block)
        self.remembered = kept

    def _read(self) -> Iterator[Block]:
        start = 0
        for chunk in self.table.chunks():
            rows = len(next(iter(chunk.values()), ()))
            if self.limit is not None and start + rows > self.limit:
                rows = self.limit - start
                chunk = {name: column[:rows] for name, column in chunk.items()}
            values = {key: _of(chunk, one) for key, one in self.fields.items()}
            yield Block(start, rows, values, {name: chunk[name] for name in self.extra})
            start += rows
            if start == self.limit:
                return

    def _checked(self, block: Block, states: Mapping[str, State], faults: dict[str, _Fault]) -> Block:
        values: dict[str, Column] = {}
        good = block.good
        for key, column in block.values.items():
            names = self.fields[key].columns
            origin = self.table.origin.after(block.start, names[0] if len(names) == 1 else "")
            target = key.startswith("targets.")
            try:
                checked, bad = self._field(
                    self.fields[key].feature, column, origin, states.get(key), target, block.start
                )
            except BadRows as refusal:
                faults.setdefault(key, _Fault(refusal)).add(int(refusal.bad.sum()))
                continue
            except Refusal as refusal:
                faults.setdefault(key, _Fault(refusal))
                continue
            values[key] = checked
            if bad is not None:
                good = ~bad if good is None else good & ~bad
        return Block(block.start, block.rows, values, block.columns, good)

    def _field(
        self, feature: Feature, column: Column, origin: Origin, state: State | None, target: bool, start: int
    ) -> tuple[Column, Array | None]:
        """The raw values of a field; and, where rows may be passed over, a mask of those that have none."""
        try:
            return _read(feature, column, origin, state, target), None
        except BadRows as refusal:
            if self.faults.share is None:
                raise
            numbers = start + np.arange(len(column))
            bad = self.faults.note(refusal, numbers).copy()
        while True:
            good = np.flatnonzero(~bad)
            try:
                kept = _read(feature, column[good], _picked(origin, good), state, target)
            except BadRows as refusal:
                bad[good[self.faults.note(refusal, numbers[good])]] = True
            else:
                return _spread(kept, good, len(bad)), bad


@dataclass(slots=True)
class _Fault:
    """What is wrong with a field, met first in one block, and in how many rows."""

    refusal: Refusal
    count: int = 0

    def add(self, rows: int) -> None:
        self.count += rows

    def whole(self) -> Refusal:
        if not isinstance(self.refusal, BadRows):
            return self.refusal
        return Refusal(self.refusal.code, self.refusal.told(self.count), self.refusal.help)


def open_source(dataset: Dataset, call: Call, seed: int, faults: Faults, log: Log) -> Source | None:
    """Open one source, without the fields whose column it lacks; None where it cannot be opened. The log says why."""
    fields = keyed(dataset)
    place = call.span or dataset.span
    asked: dict[str, Feature | None] = {c: f.feature for f in fields.values() for c in f.columns}
    extra = {name: span for name in (dataset.split.group, dataset.split.order) if name and (span := dataset.split.span)}
    for name in extra:
        asked.setdefault(name, None)
    try:
        skip = faults.add if faults.share is not None else None
        table: Table = word("readers", call.name)(**call.arguments).open(asked, seed, skip)
    except Refusal as refusal:
        log.refuse(refusal, call.spans.get(refusal.argument, place))
        return None
    missed = {c: f.column_span for f in fields.values() for c in f.columns if c not in table.names}
    missed |= {name: span for name, span in extra.items() if name not in table.names}
    for name, span in missed.items():
        log.refuse(_no_column(name, table), span)
    # The others are read all the same, so that what is wrong with them is told as well.
    there = {key: field for key, field in fields.items() if not missed.keys() & set(field.columns)}
    extras = tuple(name for name in extra if name not in missed)
    return Source(call.name, table, there, extras, dataset.limit, faults, place, call.spans)


def keyed(dataset: Dataset) -> dict[str, Field]:
    """The fields of a dataset by their keys: `inputs.image`, `targets.digit`."""
    inputs = {f"inputs.{field.name}": field for field in dataset.inputs}
    return inputs | {f"targets.{field.name}": field for field in dataset.targets}


def plain(column: Column) -> Array:
    """A column as an array, a value a row."""
    return column.values[column.codes] if isinstance(column, Coded) else column


def _of(chunk: Chunk, field: Field) -> Column:
    """What a field reads: its column, or several side by side."""
    if len(field.columns) == 1:
        return chunk[field.columns[0]]
    return np.stack([plain(chunk[name]) for name in field.columns], axis=1)


def _read(feature: Feature, column: Column, origin: Origin, state: State | None, target: bool) -> Column:
    """The raw values of a column; of one in which few differ, each is read once."""
    values = column.values if isinstance(column, Coded) else column
    try:
        read = feature.read(values, origin, state)
        if target and (absent := missing(read)).any():
            raise BadRows(
                S503,
                "the target in {rows} is missing",
                absent,
                origin,
                "there is nothing to learn from these rows: leave them out",
            )
    except BadRows as refusal:
        if not isinstance(column, Coded):
            raise
        raise BadRows(refusal.code, refusal.template, refusal.bad[column.codes], origin, refusal.help) from None
    return Coded(read, column.codes) if isinstance(column, Coded) else read


def _picked(origin: Origin, rows: Array) -> Origin:
    return Origin(lambda row: origin.where(int(rows[row])), origin.folder, origin.column)


def _spread(column: Column, rows: Array, count: int) -> Array:
    """Values of some rows among all rows; the others have no value of any meaning."""
    values = plain(column)
    spread = np.zeros((count, *values.shape[1:]), values.dtype)
    if values.dtype.kind == "O":
        spread.fill("")
    spread[rows] = values
    return spread


def _bytes(column: Column) -> int:
    if isinstance(column, Coded):
        return _bytes(column.values) + column.codes.nbytes
    return column.nbytes + (TEXT_BYTES * column.size if column.dtype.kind == "O" else 0)


def _no_column(name: str, table: Table) -> Refusal:
    close = nearest(name, table.names)
    there = f"there are {listed(table.names)}" if table.names else "there are none"
    source = f"{table.files[0].name} has" if len(table.files) == 1 else "the data has"
    return Refusal(S502, f"{source} no column `{name}`", f"did you mean `{close}`? {there}" if close else there)
