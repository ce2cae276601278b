"""`csv`: tables in text, with a header line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from specc.codes import S503, S606
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Table, found

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")


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

    def read(self, fields: Mapping[str, Feature | None], seed: int) -> Table:
        pyarrow = _pyarrow()
        paths = found(self.path)
        headers = [self._header(path) for path in paths]
        shared = tuple(dict.fromkeys(n for n in headers[0] if all(n in names for names in headers)))
        wanted = [name for name in shared if name in fields]
        tables = [self._table(pyarrow, *part, wanted) for part in zip(paths, headers, strict=True)]
        columns = {name: self._texts(pyarrow, [table[name] for table in tables]) for name in wanted}
        lengths = [table.num_rows for table in tables]
        return Table(columns, shared, sum(lengths), paths, Origin(_lines(paths, lengths), paths[0].parent))

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

    def _table(self, pyarrow: ModuleType, path: Path, names: list[str], wanted: list[str]) -> Any:
        """The wanted columns of one file as a table of texts; the first column where none is."""
        for name in wanted:
            if names.count(name) > 1:
                raise Refusal(S503, f"{path.name} has {names.count(name)} columns `{name}`", "rename one", "path")

        def parsed(*, threads: bool) -> Any:
            return pyarrow.csv.read_csv(
                path,
                read_options=pyarrow.csv.ReadOptions(column_names=names, skip_rows_after_names=1, use_threads=threads),
                parse_options=pyarrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={name: pyarrow.string() for name in names},
                    include_columns=wanted or names[:1],
                    strings_can_be_null=False,
                ),
            )

        try:
            return parsed(threads=True)
        except pyarrow.ArrowInvalid:
            pass
        try:
            return parsed(threads=False)  # with one thread the parser knows the row
        except pyarrow.ArrowInvalid as error:
            told = re.search(r"Row #(\d+): (?:CSV conversion error to string: )?(.*)", str(error), re.DOTALL)
            where, reason = (f"{path.name}:{told[1]}", told[2]) if told else (path.name, str(error))
            reason = " ".join(reason.split())
            raise Refusal(
                S503,
                f"{where} cannot be read: {reason[0].lower() + reason[1:]}",
                "quote values that hold the delimiter or a quote; save the file as UTF-8",
                "path",
            ) from error

    def _texts(self, pyarrow: ModuleType, parts: list[Any]) -> Array:
        """One column of all files, empty where a value is missing."""
        compute = pyarrow.compute
        column = compute.utf8_trim_whitespace(
            pyarrow.chunked_array([c for part in parts for c in part.chunks], "string")
        )
        absent = compute.is_in(column, value_set=pyarrow.array(list(self.missing), "string"))
        texts: Array = compute.if_else(absent, "", column).to_numpy(zero_copy_only=False)
        return texts


def _pyarrow() -> ModuleType:
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
    except ImportError as error:
        raise Refusal(S606, "reading CSV needs the package pyarrow", "type `pip install 'specc[train]'`") from error
    module: ModuleType = pyarrow
    return module


def _lines(paths: Sequence[Path], lengths: Sequence[int]) -> Callable[[int], str]:
    """Where a row stands: `titanic.csv:17`, its line; or `titanic.csv, row 16` if lines and rows differ."""
    ends = np.cumsum(lengths)

    def where(row: int) -> str:
        part = int(np.searchsorted(ends, row, side="right"))
        path, number = paths[part], row - int(ends[part]) + lengths[part]
        data = path.read_bytes()
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        return f"{path.name}:{number + 2}" if lines == lengths[part] + 1 else f"{path.name}, row {number + 1}"

    return where
