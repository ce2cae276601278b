"""Rows to be asked about, from CSV or JSON lines, some at a time; and the same rows written with their answers."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TextIO

from specc import codes
from specc.diagnostics import Refusal

Row = dict[str, Any]
"""One row by column name: texts from CSV, whatever JSON can hold from JSON lines."""

Numbered = tuple[int, Row]
"""A row and the line that it begins on."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as they come. `form` is `csv` or `jsonl`; `columns` are those of CSV, named by its `header` or by their
    numbers, none for JSON lines."""

    form: str
    columns: tuple[str, ...]
    rows: Iterator[Numbered]
    header: bool = True

    def batches(self, size: int) -> Iterator[list[Numbered]]:
        """So many rows at a time."""
        while batch := list(islice(self.rows, size)):
            yield batch


def read_rows(lines: Iterable[bytes], name: str, delimiter: str = ",", *, header: bool = True) -> Rows:
    """The rows of a file or of standard input: JSON lines where the text begins with a brace, else CSV.

    Raises:
        Refusal: S503 for what is neither, with its line; the rows do so too when such a line is reached.
    """
    texts = _decoded(lines, name)
    blank = []
    for text in texts:
        if text.strip():
            break
        blank.append(text)
    else:
        raise Refusal(codes.S503, f"{name} is empty", "its first line names the columns, or is a JSON object")
    everything = chain(blank, [text], texts)
    if text.lstrip().startswith("["):
        raise Refusal(codes.S503, f"{name} is a JSON array", "JSON lines have an object a line, no brackets around")
    if text.lstrip().startswith("{"):
        return Rows("jsonl", (), _objects(everything, name))
    records = _records(everything, name, delimiter)
    first = next(records)
    if not header:
        names = tuple(str(number) for number in range(len(first[1])))
        return Rows("csv", names, _named(chain([first], records), names, name), header=False)
    names = tuple(column.strip() for column in first[1])
    for column in names:
        if names.count(column) > 1:
            raise Refusal(codes.S503, f"{name} has {names.count(column)} columns `{column}`", "rename one")
    return Rows("csv", names, _named(records, names, name))


def write_rows(form: str, columns: Sequence[str], out: TextIO, *, header: bool = True) -> Callable[[Row], None]:
    """A function that writes one row after the other, in the form in which they came; for CSV, its header at once."""
    if form == "jsonl":
        return lambda row: print(json.dumps(_finite(row), ensure_ascii=False, allow_nan=False), file=out)
    table = csv.writer(out, lineterminator="\n")
    if header:
        table.writerow(columns)
    return lambda row: table.writerow(_cell(row.get(column)) for column in columns)


def _decoded(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise Refusal(codes.S503, f"{name}:{number} is not UTF-8 text", "save the file as UTF-8") from error


def _records(texts: Iterable[str], name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records of CSV that are not blank, each with its first line."""
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise Refusal(
                codes.S503, f"{name}:{line} is not CSV: {error}", "quote values that hold the delimiter or a quote"
            ) from error
        if record is None:
            return
        if record:
            yield line, record


def _named(records: Iterator[tuple[int, list[str]]], names: tuple[str, ...], name: str) -> Iterator[Numbered]:
    for line, record in records:
        if len(record) != len(names):
            raise Refusal(
                codes.S503,
                f"{name}:{line} has {len(record)} values, and the first line has {len(names)}",
                "give every row a value for each column, if only an empty one",
            )
        yield line, dict(zip(names, record, strict=True))


def _objects(texts: Iterable[str], name: str) -> Iterator[Numbered]:
    for line, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, ValueError) else "it is nested too deep"
            raise Refusal(codes.S503, f"{name}:{line} is not JSON: {reason[:1].lower()}{reason[1:]}") from error
        if not isinstance(row, dict):
            raise Refusal(codes.S503, f"{name}:{line} is not an object", 'write a row as `{"column": value, …}`')
        yield line, row


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _finite(value: Any) -> Any:
    """A value as JSON can hold it: what is not a finite number becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
