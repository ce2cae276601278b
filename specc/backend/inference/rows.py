"""Rows to be asked about, from CSV, JSON lines or Parquet, some at a time."""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from specc import codes
from specc.data.reading import plain
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array
from specc.kinds.readers.csv import records
from specc.kinds.readers.parquet import Whole

Row = dict[str, Any]
"""One row by column name: texts from CSV, whatever JSON can hold from JSON lines, Python's values from Parquet."""

Numbered = tuple[int, Row]
"""A row and the line that it begins on; of Parquet its number, from 0."""

Skip = Callable[[Refusal], None]
"""Is told of a row that is passed over, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some rows. `columns` are those that come as arrays, as a reader gives them; the others are in the rows."""

    numbered: Sequence[Numbered]
    columns: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbered)

    def pick(self, places: Sequence[int]) -> Batch:
        """Some of them."""
        return Batch(
            [self.numbered[place] for place in places],
            {name: column[list(places)] for name, column in self.columns.items()},
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows as they come. `form` is `csv`, `jsonl` or `parquet`; `columns` are those of a table, named by the `header`
    of CSV or by their numbers, none for JSON lines. `where` says how a row is named, `whole` is the file of Parquet."""

    form: str
    columns: tuple[str, ...]
    rows: Iterator[Numbered]
    header: bool = True
    where: str = "{name}:{number}"
    whole: Whole | None = None

    @property
    def types(self) -> Mapping[str, Any]:
        """Arrow's, by column, of Parquet."""
        return {} if self.whole is None else self.whole.types

    @property
    def readable(self) -> tuple[str, ...]:
        """The columns that may be asked for: of Parquet also the parts of structs."""
        return self.columns if self.whole is None else self.whole.names

    def batches(self, size: int, wanted: Sequence[str] = ()) -> Iterator[Batch]:
        """So many rows at a time; of Parquet the `wanted` columns as arrays."""
        if self.whole is not None:
            start = 0
            for batch, chunk in self.whole.batches(size, wanted):
                numbered = list(enumerate(batch.to_pylist(), start=start))
                yield Batch(numbered, {name: plain(column) for name, column in chunk.items()})
                start += len(numbered)
        while some := list(islice(self.rows, size)):
            yield Batch(some)


def read_parquet(path: Path) -> Rows:
    """The rows of a Parquet file.

    Raises:
        Refusal: S503 when it is none.
    """
    whole = Whole.of(path)
    return Rows("parquet", tuple(whole.types), iter(()), where="{name}, row {number}", whole=whole)


def read_rows(
    lines: Iterable[bytes], name: str, delimiter: str = ",", *, header: bool = True, skip: Skip | None = None
) -> Rows:
    """The rows of a file or of standard input: JSON lines where the text begins with a brace, else CSV.

    Raises:
        Refusal: S503 for what is neither, with its line; the rows do so too when such a line is reached, unless it is
            to be passed over and `skip` is told.
    """
    texts = _decoded(lines, name, foul=skip is not None)
    blank = []
    for text in texts:
        if text.strip():
            break
        blank.append(text)
    else:
        remedy = "its first line names the columns, or is a JSON object" if header else "it has a row on each line"
        raise Refusal(codes.S503, f"{name} is empty", remedy)
    everything = chain(blank, [text], texts)
    if text.lstrip().startswith("["):
        raise Refusal(codes.S503, f"{name} is a JSON array", "JSON lines have an object a line, no brackets around")
    if text.lstrip().startswith("{"):
        return Rows("jsonl", (), _objects(everything, name, skip))
    given = _Lines(everything)
    found = _records(given, name, delimiter, skip)
    first = next(found, None)
    if first is None:
        raise Refusal(codes.S503, f"{name} has no row that is CSV", "its first line names the columns")
    if not header:
        names = tuple(str(number) for number in range(len(first[1])))
        return Rows("csv", names, _named(chain([first], found), given, names, name, skip), header=False)
    names = tuple(column.strip() for column in first[1])
    for column in names:
        if names.count(column) > 1:
            raise Refusal(codes.S503, f"{name} has {names.count(column)} columns `{column}`", "rename one")
    return Rows("csv", names, _named(found, given, names, name, skip))


def _decoded(lines: Iterable[bytes], name: str, *, foul: bool) -> Iterator[str]:
    """Lines as text; where `foul` ones may be, what is no UTF-8 stands in them as it does in Python's file names."""
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            if not foul or number == 1:
                parquet = line.startswith(b"PAR1")
                if parquet:
                    told = f"{name} is a Parquet file by another name"
                    raise Refusal(codes.S503, told, "give a file whose name ends in .parquet") from error
                raise _not_utf8(name, number) from error
            yield line.decode("utf-8", "surrogateescape")


def _not_utf8(name: str, line: int) -> Refusal:
    return Refusal(codes.S503, f"{name}:{line} is not UTF-8 text", "save the file as UTF-8")


def _is_foul(text: str) -> bool:
    return not text.isascii() and any("\udc80" <= letter <= "\udcff" for letter in text)


def _over(refusal: Refusal, skip: Skip | None) -> None:
    """Pass over what was refused, where that is asked for."""
    if skip is None:
        raise refusal
    skip(refusal)


class _Lines:
    """Lines that can be read again: `taken` are those since the last record began, on the line `first`."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = iter(texts)
        self.taken: list[str] = []
        self.waiting: deque[str] = deque()
        self.first = 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        text = self.waiting.popleft() if self.waiting else next(self.texts)
        self.taken.append(text)
        return text

    def begin(self) -> None:
        """What was taken is a record of its own."""
        self.first += len(self.taken)
        self.taken = []

    def again(self) -> None:
        """Have all lines but the first read again: a quote too many makes one record of them all."""
        self.waiting.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _records(lines: _Lines, name: str, delimiter: str, skip: Skip | None) -> Iterator[tuple[int, list[str]]]:
    """The records of CSV that are not blank, each with its first line."""
    reader = records(lines, delimiter, strict=True)
    while True:
        lines.begin()
        line = lines.first
        try:
            record = next(reader, None)
        except csv.Error as error:
            remedy = "quote values that hold the delimiter or a quote"
            _over(Refusal(codes.S503, f"{name}:{line} is not CSV: {error}", remedy), skip)
            lines.again()
            continue
        if record is None:
            return
        if skip is not None and any(map(_is_foul, record)):
            skip(_not_utf8(name, line))
        elif record:
            yield line, record


def _named(
    found: Iterator[tuple[int, list[str]]], lines: _Lines, names: tuple[str, ...], name: str, skip: Skip | None
) -> Iterator[Numbered]:
    for line, record in found:
        if len(record) != len(names):
            more = len(lines.taken) - 1
            told = f"{name}:{line} has {len(record)} values, and the first line has {len(names)}"
            told += f"; quotes make one row of it and the next {more:,}" if more else ""
            remedy = "give every row a value for each column, if only an empty one"
            _over(Refusal(codes.S503, told, remedy), skip)
        else:
            yield line, dict(zip(names, record, strict=True))


def _objects(texts: Iterable[str], name: str, skip: Skip | None) -> Iterator[Numbered]:
    for line, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        try:
            yield line, _object(text, name, line)
        except Refusal as refusal:
            _over(refusal, skip)


def _object(text: str, name: str, line: int) -> Row:
    if _is_foul(text):
        raise _not_utf8(name, line)
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", str(error)) if isinstance(error, ValueError) else "it is nested too deep"
        raise Refusal(codes.S503, f"{name}:{line} is not JSON: {reason[:1].lower()}{reason[1:]}") from error
    if not isinstance(row, dict):
        raise Refusal(codes.S503, f"{name}:{line} is not an object", 'write a row as `{"column": value, …}`')
    return row
