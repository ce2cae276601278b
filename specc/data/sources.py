"""From a reader of a spec to blocks of raw fields, every value checked, and what is wrong with them on the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from specc.calls import Call
from specc.codes import S502, S503, S604
from specc.data.faults import LISTED, Faults
from specc.data.keys import Group, Order, Readable
from specc.data.reading import Fault, Reading, picked, plain, spread
from specc.diagnostics import Log, Refusal, Span, nearest
from specc.kinds import word
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Feature, Origin, State
from specc.kinds.readers import Chunk, Coded, Column, Table, listed
from specc.kinds.room import room
from specc.plan import Dataset, Field

REMEMBERED = 2**30
"""Raw values of up to so many bytes stay in memory between the passes over a source, or of half of the room that there
is for data; beyond, it is read again."""

NAMED = 3
"""Of how many columns that one field lacks each is told."""

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
    keys: Mapping[str, Readable]
    """Columns that are no feature: what groups or orders rows."""
    limit: int | None
    faults: Faults
    place: Span
    split_place: Span
    spans: Mapping[str, Span]
    remembered: list[Block] | None = None
    broken: bool = False
    """Whether it could not be read to its end."""

    @property
    def files(self) -> tuple[Path, ...]:
        return self.table.files

    @property
    def rows(self) -> int | None:
        """How many, None where only reading them all would tell."""
        known = self.table.rows
        return known if known is None or self.limit is None else min(known, self.limit)

    def blocks(self, states: Mapping[str, State], log: Log) -> Iterator[Block]:
        """All rows, checked against what fields learnt, where they have. Of a column at fault nothing more is given.

        What is wrong is reported when the rows have come to an end, each field's fault once with the count of rows.
        """
        faults: dict[str, Fault] = {}
        try:
            for block in self._raw(log):
                yield self._checked(block, states, faults)
        except Refusal as refusal:
            self.broken = True
            log.refuse(refusal, self.spans.get(refusal.argument, self.place))
        except MemoryError as error:
            self.broken = True
            told = f"memory ran out while the data was read: {error}".rstrip(": ")
            log.report(S604, self.place, told, help="free some, or raise the limit that is set")
        for key, fault in faults.items():
            log.refuse(fault.whole(), self.fields[key].span if key in self.fields else self.split_place)

    def _raw(self, log: Log) -> Iterator[Block]:
        """Rows as the reader gives them, or as they were checked the first time where they are remembered."""
        if self.remembered is not None:
            yield from self.remembered
            return
        kept: list[Block] | None = []
        size, most = 0, min(REMEMBERED, room() // 2)
        for block in self._read():
            yield block
            # Not what is made of it: a later pass reads it against what was learnt, and must find the same at fault.
            size += sum(_bytes(column) for column in (*block.values.values(), *block.columns.values()))
            if size > most:
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
            yield Block(start, rows, values, {name: chunk[name] for name in self.keys})
            start += rows
            if start == self.limit:
                return

    def _checked(self, block: Block, states: Mapping[str, State], faults: dict[str, Fault]) -> Block:
        checked: dict[str, Column] = {}
        bad = np.zeros(block.rows, bool)
        for key, column in (*block.values.items(), *block.columns.items()):
            field = self.fields.get(key)
            origin = self.origin(key, block.start)
            reading = Reading(
                self.keys[key] if field is None else field.feature,
                states.get(key),
                target=key.startswith("targets."),
                looked_up=None if field is None else field.looked_up,
            )
            try:
                checked[key] = self._usable(reading, column, origin, block.start, bad)
            except BadRows as refusal:
                faults.setdefault(key, Fault(refusal)).count += int(refusal.bad.sum())
            except Refusal as refusal:
                faults.setdefault(key, Fault(refusal))
        values = {key: checked[key] for key in block.values if key in checked}
        columns = {name: checked[name] for name in block.columns if name in checked}
        return Block(block.start, block.rows, values, columns, ~bad if bad.any() else block.good)

    def origin(self, key: str, start: int = 0) -> Origin:
        """Where the values of a field, or of a column that is none, come from, beginning at a row."""
        names = self.fields[key].columns if key in self.fields else ()
        return self.table.origin.after(start, names[0] if len(names) == 1 else "")

    def _usable(self, reading: Reading, column: Column, origin: Origin, start: int, bad: Array) -> Column:
        """The values of a column. Where rows may be passed over, those that have none are marked in `bad`.

        Raises:
            BadRows: where no row may be passed over.
        """
        lost = np.zeros(len(column), bool)
        while True:
            good = np.flatnonzero(~lost)
            try:
                if not lost.any():
                    return reading.read(column, origin)
                kept = reading.read(column[good], picked(origin, good))
            except BadRows as refusal:
                if self.faults.share is None:
                    raise
                found = good[refusal.bad]
                told = partial(reading.told, refusal, column, origin)
                self.faults.note(start + found, [partial(told, int(row)) for row in found[:LISTED]])
                lost[found] = True
                bad |= lost
            else:
                return spread(kept, good, len(lost))


def open_source(dataset: Dataset, call: Call, seed: int, faults: Faults, log: Log) -> Source | None:
    """Open one source, without the fields whose column it lacks; None where it cannot be opened. The log says why."""
    fields = keyed(dataset)
    place = call.span or dataset.span
    asked: dict[str, Feature | None] = {c: f.feature for f in fields.values() for c in f.columns}
    splitting = dataset.split
    keys: dict[str, Readable] = {}
    if splitting.group is not None:
        keys[splitting.group] = Group(splitting.group)
    if splitting.order is not None:
        keys[splitting.order] = Order(splitting.order)
    for name in keys:
        asked.setdefault(name, None)
    try:
        skip = faults.add if faults.share is not None else None
        table: Table = word("readers", call.name)(**call.arguments).open(asked, seed, skip)
    except Refusal as refusal:
        log.refuse(refusal, call.spans.get(refusal.argument, place))
        return None
    missed = {c: f.column_span for f in fields.values() for c in f.columns if c not in table.names}
    missed |= {name: splitting.span or dataset.span for name in keys if name not in table.names}
    for span in dict.fromkeys(missed.values()):
        # Of many columns that one field reads, the first ones say what is wrong.
        for name in [name for name, of in missed.items() if of == span][:NAMED]:
            log.refuse(_no_column(name, table), span)
    # The others are read all the same, so that what is wrong with them is told as well.
    there = {key: field for key, field in fields.items() if not missed.keys() & set(field.columns)}
    return Source(
        reader=call.name,
        table=table,
        fields=there,
        keys={name: key for name, key in keys.items() if name not in missed},
        limit=dataset.limit,
        faults=faults,
        place=place,
        split_place=splitting.span or dataset.span,
        spans=call.spans,
    )


def keyed(dataset: Dataset) -> dict[str, Field]:
    """The fields of a dataset by their keys: `inputs.image`, `targets.digit`, and `weight`."""
    inputs = {f"inputs.{field.name}": field for field in dataset.inputs}
    targets = {f"targets.{field.name}": field for field in dataset.targets}
    return inputs | targets | ({} if dataset.weight is None else {"weight": dataset.weight})


def _of(chunk: Chunk, field: Field) -> Column:
    """What a field reads: its column, or several side by side."""
    if len(field.columns) == 1:
        return chunk[field.columns[0]]
    sides = [plain(chunk[name]) for name in field.columns]
    if len({side.shape for side in sides}) > 1:
        told = f"the columns of `{field.name}` hold arrays of different shapes"
        raise Refusal(S503, told, "name columns that hold one number each")
    return np.stack(sides, axis=1)


def _bytes(column: Column) -> int:
    if isinstance(column, Coded):
        return _bytes(column.values) + column.codes.nbytes
    if column.dtype.kind != "O":
        return column.nbytes
    return column.nbytes + sum(len(one) if isinstance(one, bytes) else TEXT_BYTES for one in column.flat)


def _no_column(name: str, table: Table) -> Refusal:
    close = nearest(name, table.names)
    there = f"there are {listed(table.names)}" if table.names else "there are none"
    source = f"{table.files[0].name} has" if len(table.files) == 1 else "the data has"
    return Refusal(S502, f"{source} no column `{name}`", f"did you mean `{close}`? {there}" if close else there)
