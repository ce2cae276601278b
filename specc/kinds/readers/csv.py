"""`csv`: tables in text, with a header line or without one."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from specc.codes import S105, S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Chunk, Column, Skip, Table, found
from specc.kinds.readers._arrow import coded
from specc.kinds.readers._files import packed, pyarrow, told_of, unpacked
from specc.kinds.readers._lines import Lines
from specc.kinds.readers._urls import called

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")

BLOCK = 8 * 2**20
"""Bytes that are parsed at once, and become a chunk."""

WHITESPACE = "whitespace"
"""The delimiter of columns that are lined up. Arrow knows none such."""

MARK = "\udcff"
"""What stands in a text for bytes that cannot be decoded; no text of any encoding holds it."""

codecs.register_error(
    "specc-marked", lambda error: (MARK, error.end) if isinstance(error, UnicodeDecodeError) else ("", 0)
)


def records(text: Iterable[str], delimiter: str, *, strict: bool = False) -> Any:
    """The rows of a text as Python's `csv.reader` gives them; `whitespace` is any number of spaces and tabs."""
    if delimiter != WHITESPACE:
        return csv.reader(text, delimiter=delimiter, strict=strict)
    lines = (line.replace("\t", " ").rstrip() + "\n" for line in text)
    return csv.reader(lines, delimiter=" ", skipinitialspace=True, strict=strict)


@dataclass(frozen=True, slots=True)
class Csv:
    """Tables in text, plain or packed (gz, bz2, zst); spaces around a value are not part of it."""

    path: str = argument(
        "the file, or a pattern that names several with the same header, read one after the other", PATH
    )
    delimiter: str = argument(
        "what stands between values; `whitespace`: any number of spaces and tabs",
        {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 1}, {"const": WHITESPACE}]},
        default=",",
    )
    missing: Sequence[str] = argument(
        "the texts that mean that there is no value", {"type": "array", "items": {"type": "string"}}, default=MISSING
    )
    encoding: str = argument(
        "how text is written in bytes: `utf-8`, `latin-1`, `cp1252`, `utf-16`, …",
        {"type": "string", "minLength": 1},
        default="utf-8",
    )
    header: bool = argument(
        "whether the first line names the columns; where it does not, they are called by their numbers, from 0",
        {"type": "boolean"},
        default=True,
    )

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        arrow = pyarrow("reading CSV")
        self._codec()
        paths = found(self.path)
        headers = [self._names(path) for path in paths]
        shared = tuple(dict.fromkeys(n for n in headers[0] if all(n in names for names in headers)))
        wanted = {name: fields[name] for name in shared if name in fields}
        for path, names in zip(paths, headers, strict=True):
            for name in wanted:
                if names.count(name) > 1:
                    told = f"{called(path)} has {names.count(name)} columns `{name}`"
                    raise Refusal(S503, told, "rename one", "path")
        files = [_File(self, arrow, path, names, wanted, skip) for path, names in zip(paths, headers, strict=True)]

        def chunks() -> Iterator[Chunk]:
            for file in files:
                yield from file.chunks()

        def where(row: int) -> str:
            for file in files[:-1]:
                if row < file.read:
                    return file.where(row)
                row -= file.read
            return files[-1].where(row)

        return Table(shared, None, paths, Origin(where, paths[0].parent), chunks)

    def _codec(self) -> str:
        try:
            name = codecs.lookup(self.encoding).name
        except LookupError as error:
            told = f"Python knows no encoding `{self.encoding}`"
            raise Refusal(S105, told, "`utf-8`, `latin-1`, `cp1252`, `utf-16`, …", "encoding") from error
        return "utf-8" if name == "utf-8-sig" else name

    def _names(self, path: Path) -> list[str]:
        """The names of the columns: what the first line says, or the numbers of its values."""
        try:
            # What cannot be decoded is told, with its line, when the table is read.
            with self.text(path) as text:
                rows = records(text, self.delimiter)
                first: list[str] = next(rows if self.header else filter(None, rows), [])
        except csv.Error as error:
            told = f"the {'header' if self.header else 'first row'} of {called(path)} is not CSV: {error}"
            raise Refusal(S503, told, argument="path") from error
        except UnicodeError as error:
            told = f"{called(path)} cannot be read: {error}"
            raise Refusal(S503, told, "say how it is written: `encoding: utf-8`", "encoding") from error
        if not first and self.header:
            raise Refusal(S503, f"{called(path)} begins with no header", "its first line names the columns", "path")
        if not first:
            raise Refusal(S503, f"{called(path)} has no row, and so no columns", argument="path")
        if not self.header:
            return [str(number) for number in range(len(first))]
        return [name.strip().replace(MARK, "\ufffd") for name in first]

    @property
    def first(self) -> int:
        """The number of the first row, as Arrow counts them: the header is one."""
        return 2 if self.header else 1

    @contextmanager
    def text(self, path: Path) -> Iterator[io.TextIOWrapper]:
        """The text of a file, without a byte-order mark; what cannot be decoded is marked."""
        codec = self._codec()
        with unpacked(path) as file:
            name = "utf-8-sig" if codec == "utf-8" else codec
            with io.TextIOWrapper(file, encoding=name, errors="specc-marked", newline="") as text:
                yield text

    def decodes(self, path: Path) -> bool:
        """Whether all bytes of a file are of the encoding."""
        decoder = codecs.getincrementaldecoder(self._codec())()
        with unpacked(path) as file:
            try:
                for part in iter(lambda: file.read(BLOCK), b""):
                    decoder.decode(part)
                decoder.decode(b"", final=True)
            except UnicodeError:
                return False
        return True

    def undecodable(self, path: Path) -> str:
        """The line that cannot be decoded, as `table.csv:7`; the file alone where lines cannot be told apart."""
        with unpacked(path) as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode(self.encoding)
                except UnicodeDecodeError:
                    return f"{called(path)}:{number}" if "16" not in self.encoding else called(path)
        return called(path)


class _File:
    """One file of a table, read a block at a time."""

    def __init__(
        self,
        reader: Csv,
        arrow: ModuleType,
        path: Path,
        names: list[str],
        wanted: Mapping[str, Feature | None],
        skip: Skip | None,
    ) -> None:
        self.reader, self.arrow, self.path, self.names, self.wanted, self.skip = (
            *(reader, arrow, path),
            *(names, wanted, skip),
        )
        self.read = 0
        """How many rows were read."""
        self.whole = False
        """Whether the file was once read to its end, and every quote is closed."""
        self.numeric = {name for name, feature in wanted.items() if feature is not None and feature.numeric}
        """The columns that are parsed as numbers; none once one was found to hold something else."""
        self.foul: bool | None = None if skip is not None else False
        """Whether rows must be passed over whose bytes cannot be decoded; None where nobody has looked yet."""
        self.absent = arrow.array(list(reader.missing), "string")
        self.rows = Lines(lambda: self._records(whole=True), 1)

    def chunks(self) -> Iterator[Chunk]:
        self.read = 0
        with told_of(self.path):
            if self.foul is None:
                self.foul = not self.reader.decodes(self.path)
            for batch in self._batches():
                self.read += batch.num_rows
                columns = {name: self._column(batch[name], feature) for name, feature in self.wanted.items()}
                # Rows are counted by any column where none is wanted.
                yield columns or {"": np.empty(batch.num_rows, np.int8)}
            if not self.whole:
                self._closed()
                self.whole = True

    def _closed(self) -> None:
        """Refuse a quote that is opened and never closed: the parser would take the rest of the file as one value."""
        with unpacked(self.path) as file:
            quotes = sum(part.count(b'"') for part in iter(lambda: file.read(BLOCK), b""))
        if quotes % 2 == 0:
            return
        begins = 1
        with self.reader.text(self.path) as text:
            rows = records(text, self.reader.delimiter, strict=True)
            try:
                for _ in rows:
                    begins = rows.line_num + 1
            except csv.Error as error:
                # What else it finds is read as other readers of CSV read it.
                if "unexpected end" in str(error):
                    told = f"{called(self.path)}:{begins} opens a quote that is never closed"
                    raise Refusal(
                        S503, told, "close it; or write it twice where it is part of a value", "path"
                    ) from error

    def where(self, row: int) -> str:
        """The line on which a row begins; rows that are blank or not of the header's length do not count."""
        return f"{called(self.path)}:{self.rows.at(row)}"

    def _batches(self) -> Iterator[Any]:
        """The wanted columns of the file, a block at a time; the first column where none is wanted."""
        given = 0
        if self.numeric:
            try:
                for batch in self._parsed(threads=self.skip is None):
                    yield batch
                    given += 1
                return
            except self.arrow.ArrowInvalid:
                # A column of numbers holds something else: the feature says what, if it is given texts.
                self.numeric.clear()
        try:
            yield from islice(self._parsed(threads=self.skip is None), given, None)
        except self.arrow.ArrowInvalid as error:
            raise self._unreadable(error) from error
        except UnicodeError as error:
            told = f"{self.reader.undecodable(self.path)} is not {self.reader.encoding}: {error}"
            raise Refusal(S503, told, "say how the file is written: `encoding: latin-1`", "encoding") from error

    def _parsed(self, *, threads: bool) -> Iterator[Any]:
        """Batches of the file as Arrow reads it. With one thread it knows the row that it refuses or passes over."""
        csv, string = self.arrow.csv, self.arrow.string()
        words = self.arrow.dictionary(self.arrow.int32(), string)
        types = {name: self.arrow.float64() if name in self.numeric else words for name in self.wanted}
        rewritten = self.foul or self.reader.delimiter == WHITESPACE
        with ExitStack() as stack:
            if rewritten:
                file: Any = Parts(self._rewritten())
            else:
                file = str(self.path) if packed(self.path) is None else stack.enter_context(unpacked(self.path))
            yield from csv.open_csv(
                file,
                read_options=csv.ReadOptions(
                    column_names=self.names,
                    skip_rows_after_names=self.reader.first - 1,
                    use_threads=threads,
                    block_size=BLOCK,
                    encoding="utf8" if rewritten or self.reader._codec() == "utf-8" else self.reader._codec(),
                ),
                parse_options=csv.ParseOptions(
                    delimiter="," if rewritten else self.reader.delimiter,
                    newlines_in_values=True,
                    invalid_row_handler=self._invalid(),
                ),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, string) | types,
                    include_columns=list(self.wanted) or self.names[:1],
                    null_values=list(self.reader.missing),
                    strings_can_be_null=False,
                ),
            )

    def _rewritten(self) -> Iterator[bytes]:
        """The file as UTF-8 with commas; where rows may be passed over, without the ragged ones and those of which a
        wanted value cannot be decoded."""
        asked = [number for number, name in enumerate(self.names) if name in self.wanted]
        written = io.StringIO()
        rows = csv.writer(written, lineterminator="\n")
        if self.reader.header:
            rows.writerow(self.names)
        for begins, record in self._rows():
            what = ""
            if len(record) != len(self.names):
                what = self._ragged(len(record))
            elif any(MARK in record[number] for number in asked):
                what = f"its bytes are not {self.reader.encoding}"
            if what and self.skip is not None:
                self.skip(f"{called(self.path)}:{begins}", what)
                continue
            if what and len(record) == len(self.names):
                raise UnicodeError("a byte that means nothing there")
            rows.writerow([value.replace(MARK, "\ufffd") for value in record])
            if written.tell() > BLOCK // 8:
                yield written.getvalue().encode()
                written.seek(0)
                written.truncate()
        yield written.getvalue().encode()

    def _ragged(self, values: int) -> str:
        first = "the header" if self.reader.header else "the first row"
        return f"{values} values, and {first} has {len(self.names)}"

    def _invalid(self) -> Any:
        """What is done with rows of another length than the first."""
        records = enumerate(self._records(), start=self.reader.first)

        def invalid(row: Any) -> str:
            if self.skip is None:
                return "error"
            line = next((line for number, line in records if number == row.number), 0)
            self.skip(f"{called(self.path)}:{line}", self._ragged(row.actual_columns))
            return "skip"

        return invalid

    def _unreadable(self, failed: Exception) -> Refusal:
        try:
            for _ in self._parsed(threads=False):
                pass
        except self.arrow.ArrowInvalid as error:
            failed = error
        told = re.search(r"Row #(\d+): (?:CSV conversion error to [^:]*: )?(.*)", str(failed), re.DOTALL)
        where, reason = called(self.path), " ".join((told[2] if told else str(failed)).split())
        remedy = "quote values that hold the delimiter or a quote"
        if self.reader.delimiter in (" ", "\t"):
            remedy += f"; where any number of blanks stands between values: `delimiter: {WHITESPACE}`"
        if told is not None:
            where += f":{next(islice(self._records(), int(told[1]) - self.reader.first, None), told[1])}"
        elif "straddling" in reason:
            reason = f"a row has more than {BLOCK // 2**20} MB"
            remedy = "look for a quote that is opened and never closed"
        if "UTF8" in reason:
            remedy = "save the file as UTF-8, or say how it is written: `encoding: latin-1`"
        return Refusal(S503, f"{where} cannot be read: {reason[0].lower() + reason[1:]}", remedy, "path")

    def _column(self, values: Any, feature: Feature | None) -> Column:
        """One column of a block, missing values empty: numbers where the feature takes those and all are."""
        if self.arrow.types.is_floating(values.type):
            numbers: Array = values.to_numpy(zero_copy_only=False)
            return numbers
        if feature is not None and feature.numeric:
            compute = self.arrow.compute
            trimmed = compute.utf8_trim_whitespace(values.dictionary)
            absent = compute.is_in(trimmed, value_set=self.absent)
            try:
                parsed = compute.cast(compute.if_else(absent, self.arrow.scalar(None, "string"), trimmed), "float64")
                distinct: Array = parsed.to_numpy(zero_copy_only=False)
                codes: Array = values.indices.to_numpy()
                return distinct[codes]
            except self.arrow.ArrowInvalid:
                pass  # The feature says which value is no number.
        return coded(self.arrow, values, self.absent)

    def _records(self, *, whole: bool = False) -> Iterator[int]:
        """The line on which each record begins, after the header; blank ones are none. `whole`: only those that are
        given as rows, and in the end the line after them."""
        asked = [number for number, name in enumerate(self.names) if name in self.wanted] if self.foul else []
        for begins, record in self._rows(end=whole):
            given = len(record) == len(self.names) and not any(MARK in record[number] for number in asked)
            if not whole or not record or given:
                yield begins

    def _rows(self, *, end: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Each record after the header, with the line on which it begins; and an empty one in the end, if asked for."""
        with self.reader.text(self.path) as text:
            rows = records(text, self.reader.delimiter)
            if self.reader.header:
                next(rows)
            begins = rows.line_num + 1
            for record in rows:
                if record:
                    yield begins, record
                begins = rows.line_num + 1
            if end:
                yield begins, []


class Parts(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.left = pieces, b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any) -> int:
        """As `io.RawIOBase` has it."""
        while not self.left:
            piece = next(self.pieces, None)
            if piece is None:
                return 0
            self.left = piece
        size = min(len(into), len(self.left))
        into[:size], self.left = self.left[:size], self.left[size:]
        return size
