"""Rows with their answers, written as CSV, JSON lines or Parquet, one after the other."""

from __future__ import annotations

import csv
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from specc.backend.inference.rows import Row
from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds.readers._files import pyarrow

GROUP = 2**13
"""So many rows become a row group of Parquet, and the first of them tell the types of columns."""


@contextmanager
def write_rows(
    form: str, columns: Sequence[str], out: Any, *, header: bool = True, types: Mapping[str, Any] | None = None
) -> Iterator[Callable[[Row], None]]:
    """A function that writes one row after the other. A table has these columns; of CSV the header is there at once.

    Args:
        form: `csv`, `jsonl` or `parquet`.
        columns: of a table; JSON lines have those of each row.
        out: a text stream; for Parquet one of bytes.
        types: Arrow's types of columns, where they are known; of others the first rows tell, for Parquet.

    Raises:
        Refusal: S503 for a row with a column that a table does not have, or a value that its type cannot hold.
    """
    if form == "jsonl":
        yield lambda row: print(json.dumps(_finite(row), ensure_ascii=False, allow_nan=False, default=_word), file=out)
        return
    known = frozenset(columns)
    if form == "parquet":
        table = _Parquet(pyarrow("writing Parquet"), columns, dict(types or {}), out)
        put = table.put
    else:
        lines = csv.writer(out, lineterminator="\n")
        if header:
            lines.writerow(columns)

        def put(row: Row) -> None:
            lines.writerow([_cell(row.get(column)) for column in columns])

    def write(row: Row) -> None:
        if not row.keys() <= known:
            name = next(name for name in row if name not in known)
            raise Refusal(S503, f"a row has `{name}`, and the first rows do not", "write JSON lines: `--format jsonl`")
        put(row)

    try:
        yield write
        if form == "parquet":
            table.finish()
    finally:
        if form == "parquet":
            table.close()


class _Parquet:
    """A Parquet file in the making; rows wait until there is a group of them."""

    def __init__(self, arrow: ModuleType, columns: Sequence[str], types: dict[str, Any], out: Any) -> None:
        self.arrow, self.columns, self.types, self.out = arrow, columns, types, out
        self.waiting: list[Row] = []
        self.writer: Any = None

    def put(self, row: Row) -> None:
        self.waiting.append(row)
        if len(self.waiting) == GROUP:
            self._flush()

    def finish(self) -> None:
        if self.waiting or self.writer is None:
            self._flush()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

    def _flush(self) -> None:
        arrays = {name: self._array(name, [row.get(name) for row in self.waiting]) for name in self.columns}
        table = self.arrow.table(arrays)
        if self.writer is None:
            self.types |= {field.name: field.type for field in table.schema}
            self.writer = self.arrow.parquet.ParquetWriter(self.out, table.schema)
        self.writer.write_table(table)
        self.waiting = []

    def _array(self, name: str, values: list[Any]) -> Any:
        arrow, known = self.arrow, self.types.get(name)
        try:
            array = arrow.array(values, known)
        except (arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError) as error:
            if known is not None and not arrow.types.is_string(known):
                told = f"`{name}` holds values that are not of the type {known}, as its first {GROUP:,} are"
                raise Refusal(S503, told, "write JSON lines: `--format jsonl`") from error
            return arrow.array([None if value is None else _text(value) for value in values], arrow.string())
        # Of a column without a value nobody knows the type.
        return array.cast(arrow.string()) if arrow.types.is_null(array.type) else array


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict | int | float):
        return json.dumps(value, ensure_ascii=False, default=_word)
    return _word(value)


def _word(value: Any) -> str:
    """What JSON has no form for: a time as ISO 8601 writes it, bytes in base64."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _finite(value: Any) -> Any:
    """A value as JSON can hold it: what is not a finite number becomes null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
