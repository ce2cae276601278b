"""`csv`: tables in text, with a header line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from specc.codes import S503, S606
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Chunk, Coded, Column, Skip, Table, found

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")

BLOCK = 8 * 2**20
"""Bytes that are parsed at once, and become a chunk."""


@dataclass(frozen=True, slots=True)
class Csv:
    """Tables in text with a header line; spaces around a value are not part of it."""

    path: str = argument(
        "the file, or a pattern that names several with the same header, read one after the other", PATH
    )
    delimiter: str = argument(
        "what stands between values", {"type": "string", "minLength": 1, "maxLength": 1}, default=","
    )
    missing: Sequence[str] = argument(
        "the texts that mean that there is no value", {"type": "array", "items": {"type": "string"}}, default=MISSING
    )

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        arrow = _pyarrow()
        paths = found(self.path)
        headers = [self._header(path) for path in paths]
        shared = tuple(dict.fromkeys(n for n in headers[0] if all(n in names for names in headers)))
        wanted = {name: fields[name] for name in shared if name in fields}
        for path, names in zip(paths, headers, strict=True):
            for name in wanted:
                if names.count(name) > 1:
                    raise Refusal(S503, f"{path.name} has {names.count(name)} columns `{name}`", "rename one", "path")
        read: dict[Path, int] = {}

        def chunks() -> Iterator[Chunk]:
            for path, names in zip(paths, headers, strict=True):
                read[path] = 0
                for batch in self._batches(arrow, path, names, list(wanted), skip):
                    read[path] += batch.num_rows
                    columns = {name: self._column(arrow, batch[name], feature) for name, feature in wanted.items()}
                    # Rows are counted by any column where none is wanted.
                    yield columns or {"": np.empty(batch.num_rows, np.int8)}

        def where(row: int) -> str:
            for path in paths:
                if row < read.get(path, 0):
                    return f"{path.name}:{self._line(path, row)}"
                row -= read.get(path, 0)
            return f"{paths[-1].name}:{self._line(paths[-1], row)}"

        return Table(shared, None, paths, Origin(where, paths[0].parent), chunks)

    def _header(self, path: Path) -> list[str]:
        try:
            # Bytes that are not UTF-8 are told, with their line, when the table is read.
            with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
                names = next(csv.reader(text, delimiter=self.delimiter), [])
        except csv.Error as error:
            raise Refusal(S503, f"the header of {path.name} is not CSV: {error}", argument="path") from error
        if not names:
            raise Refusal(S503, f"{path.name} begins with no header", "its first line names the columns", "path")
        return [name.strip() for name in names]

    def _batches(
        self, arrow: ModuleType, path: Path, names: list[str], wanted: list[str], skip: Skip | None
    ) -> Iterator[Any]:
        """The wanted columns of one file as texts, a block at a time; the first column where none is wanted."""

        def invalid(row: Any) -> str:
            if skip is None:
                return "error"
            skip(f"{path.name}, row {row.number - 1}", f"{row.actual_columns} values, and the header has {len(names)}")
            return "skip"

        def opened(*, threads: bool) -> Any:
            return arrow.csv.open_csv(
                path,
                read_options=arrow.csv.ReadOptions(
                    column_names=names, skip_rows_after_names=1, use_threads=threads, block_size=BLOCK
                ),
                parse_options=arrow.csv.ParseOptions(
                    delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=invalid
                ),
                convert_options=arrow.csv.ConvertOptions(
                    column_types={name: arrow.string() for name in names},
                    include_columns=wanted or names[:1],
                    strings_can_be_null=False,
                ),
            )

        try:
            # With one thread the parser knows the row that it passes over.
            yield from opened(threads=skip is None)
            return
        except arrow.ArrowInvalid as error:
            failed = error
        try:
            for _ in opened(threads=False):
                pass
        except arrow.ArrowInvalid as error:
            failed = error
        told = re.search(r"Row #(\d+): (?:CSV conversion error to string: )?(.*)", str(failed), re.DOTALL)
        where, reason = (f"{path.name}:{told[1]}", told[2]) if told else (path.name, str(failed))
        reason = " ".join(reason.split())
        raise Refusal(
            S503,
            f"{where} cannot be read: {reason[0].lower() + reason[1:]}",
            "quote values that hold the delimiter or a quote; save the file as UTF-8",
            "path",
        ) from failed

    def _column(self, arrow: ModuleType, texts: Any, feature: Feature | None) -> Column:
        """One column of a block, missing values empty: numbers where the feature takes those and all are."""
        compute = arrow.compute
        if feature is not None and feature.numeric:
            trimmed = compute.utf8_trim_whitespace(texts)
            absent = compute.is_in(trimmed, value_set=arrow.array(list(self.missing), "string"))
            try:
                values = compute.cast(compute.if_else(absent, arrow.scalar(None, "string"), trimmed), "float64")
                return np.asarray(values.to_numpy(zero_copy_only=False))
            except arrow.ArrowInvalid:
                pass  # The feature says which value is no number.
        coded = texts.dictionary_encode()
        distinct = compute.utf8_trim_whitespace(coded.dictionary)
        absent = compute.is_in(distinct, value_set=arrow.array(list(self.missing), "string"))
        # Values that differ by the blanks around them become one.
        merged = compute.if_else(absent, "", distinct).dictionary_encode()
        values = merged.dictionary.to_numpy(zero_copy_only=False)
        codes = merged.indices.to_numpy()[coded.indices.to_numpy()]
        return Coded(values, codes) if 2 * len(values) < len(codes) else values[codes]

    def _line(self, path: Path, row: int) -> int:
        """The line on which a row begins; rows that are blank or not of the header's length do not count."""
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as text:
            records = csv.reader(text, delimiter=self.delimiter)
            width = len(next(records))
            begins = records.line_num + 1
            for record in records:
                if len(record) == width:
                    if row == 0:
                        return begins
                    row -= 1
                begins = records.line_num + 1
        return begins


def _pyarrow() -> ModuleType:
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
    except ImportError as error:
        raise Refusal(S606, "reading CSV needs the package pyarrow", "type `pip install 'specc[train]'`") from error
    module: ModuleType = pyarrow
    return module
