"""Files of records, each of which names its own fields: read one after the other, gathered into chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import np
from specc.kinds.features import Origin
from specc.kinds.readers import ROWS, Chunk, Column, Skip, Table
from specc.kinds.readers._lines import Lines
from specc.kinds.readers._values import column

LOOKED_AT = 1000
"""The fields of so many records are known beforehand; more are looked at for a field that is asked for and in none."""

BYTES = 32 * 2**20
"""How many bytes of records a chunk is made of, about."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: where it stands, how large it is, and its values; or what is wrong with it."""

    place: str
    size: int
    values: Mapping[str, Any] | str


def table(
    paths: tuple[Path, ...],
    records: Callable[[Path, frozenset[str] | None], Iterator[Record]],
    fields: Iterable[str],
    skip: Skip | None,
    remedy: str,
    gathered: Callable[[list[Any]], Column] = column,
) -> Table:
    """The records of some files as a table. `records` reads one file: the fields asked for, or all where None is given;
    `gathered` makes a column of the values of one field.

    A field that a record lacks is missing there.
    """
    wanted = frozenset(fields)

    def good(asked: frozenset[str] | None, skip: Skip | None) -> Iterator[Record]:
        for path in paths:
            for record in records(path, asked):
                if isinstance(record.values, str):
                    if skip is None:
                        raise Refusal(S503, f"{record.place} cannot be read: {record.values}", remedy, "path")
                    skip(record.place, record.values)
                else:
                    yield record

    def passed_over(where: str, what: str) -> None:
        pass

    def chunk(held: list[Mapping[str, Any]]) -> Chunk:
        columns = {name: gathered([values.get(name) for values in held]) for name in known}
        # Rows are counted by any column where none is wanted.
        return columns or {"": np.empty(len(held), np.int8)}

    def chunks() -> Iterator[Chunk]:
        held: list[Mapping[str, Any]] = []
        size = 0
        for record in good(wanted, skip):
            assert not isinstance(record.values, str)
            held.append(record.values)
            size += record.size
            if len(held) == ROWS or size >= BYTES:
                yield chunk(held)
                held, size = [], 0
        if held:
            yield chunk(held)

    names: dict[str, None] = {}
    # What is wrong is told when the rows are read.
    for number, record in enumerate(good(None, passed_over), start=1):
        names |= dict.fromkeys(record.values)
        if number >= LOOKED_AT and wanted <= names.keys():
            break
    known = [name for name in names if name in wanted]
    places = Lines(lambda: (record.place for record in good(frozenset(), passed_over)), paths[0].name)
    return Table(tuple(names), None, paths, Origin(places.at, paths[0].parent), chunks)
