"""`parquet`: columns of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, ROWS, Chunk, Skip, Table, found, numbered
from specc.kinds.readers._arrow import plain
from specc.kinds.readers._files import pyarrow, told_of
from specc.kinds.readers._urls import called
from specc.kinds.room import room

BYTES = 32 * 2**20
"""How much of the wanted columns is read at once, about; an eighth of it where memory is short."""

BUFFER = 2**18
"""Bytes of each column that are read from disk at once. Left to itself Arrow fetches all row groups ahead: the file."""


@dataclass(frozen=True, slots=True)
class Parquet:
    """Parquet files: only the columns that are asked for are read, some rows at a time."""

    path: str = argument(
        "the file, or a pattern that names several with the same columns, read one after the other", PATH
    )

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        arrow = pyarrow("reading Parquet")
        paths = found(self.path)
        lengths: list[int] = []
        names: tuple[str, ...] | None = None
        for path in paths:
            with _opened(arrow, path) as file:
                lengths.append(file.metadata.num_rows)
                there = list(_columns(arrow, file.schema_arrow))
                names = tuple(there if names is None else (name for name in names if name in there))
        wanted = [name for name in names or () if name in fields]

        def chunks() -> Iterator[Chunk]:
            for path in paths:
                yield from _chunks(arrow, path, wanted)

        origin = Origin(numbered([called(path) for path in paths], lengths), paths[0].parent)
        return Table(names or (), sum(lengths), paths, origin, chunks)


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """A Parquet file with every column that it has, for whoever passes its rows on.

    `types` are Arrow's by column; `names` also those of the parts of structs. `batches` gives Arrow's own, so many rows
    each, and beside them the `wanted` columns as the reader gives them.
    """

    path: Path
    names: tuple[str, ...]
    types: Mapping[str, Any]

    @classmethod
    def of(cls, path: Path) -> Whole:
        """A file, opened.

        Raises:
            Refusal: S503 when it is no Parquet file, S606 when pyarrow is not installed.
        """
        arrow = pyarrow("reading Parquet")
        with _opened(arrow, path) as file:
            schema = file.schema_arrow
        return cls(path, tuple(_columns(arrow, schema)), {field.name: field.type for field in schema})

    def batches(self, rows: int, wanted: Sequence[str]) -> Iterator[tuple[Any, Chunk]]:
        """Its rows in order.

        Raises:
            Refusal: S503 where the file is damaged, or a wanted column is of a type that is not read.
        """
        arrow = pyarrow("reading Parquet")
        with _opened(arrow, self.path) as file, told_of(self.path):
            try:
                for batch in file.iter_batches(rows):
                    yield batch, {name: plain(arrow, name, _values(arrow, batch, name)) for name in wanted}
            except arrow.ArrowInvalid as error:
                raise _damaged(self.path, error) from error


def _damaged(path: Path, error: Exception) -> Refusal:
    return Refusal(S503, f"{called(path)} is damaged: {error}", "write or copy it again", "path")


def _opened(arrow: ModuleType, path: Path, texts: list[str] | None = None) -> Any:
    with told_of(path):
        try:
            return arrow.parquet.ParquetFile(path, read_dictionary=texts, buffer_size=BUFFER, pre_buffer=False)
        except arrow.ArrowInvalid as error:
            told = f"{called(path)} is not a Parquet file, or it was cut off"
            raise Refusal(S503, told, "write or copy it again", "path") from error


def _chunks(arrow: ModuleType, path: Path, wanted: list[str]) -> Iterator[Chunk]:
    with _opened(arrow, path) as file:
        schema, metadata = file.schema_arrow, file.metadata
        # Texts come as Parquet keeps them: each value once. Arrow does not do so inside structs.
        texts = [name for name in wanted if name in schema.names and arrow.types.is_string(schema.field(name).type)]
        size = sum(
            group.column(number).total_uncompressed_size
            for group in map(metadata.row_group, range(metadata.num_row_groups))
            for number in range(metadata.num_columns)
            if any(f"{group.column(number).path_in_schema}.".startswith(f"{name}.") for name in wanted)
        )
    together = BYTES if room() > 16 * BYTES else BYTES // 8
    rows = max(1, min(ROWS, together * metadata.num_rows // max(1, size)))
    with _opened(arrow, path, texts) as file, told_of(path):
        if not wanted:
            for start in range(0, metadata.num_rows, ROWS):
                # Rows are counted by any column where none is wanted.
                yield {"": np.empty(min(ROWS, metadata.num_rows - start), np.int8)}
            return
        try:
            for batch in file.iter_batches(rows, columns=wanted):
                yield {name: plain(arrow, name, _values(arrow, batch, name)) for name in wanted}
        except arrow.ArrowInvalid as error:
            raise _damaged(path, error) from error


def _columns(arrow: ModuleType, schema: Any) -> dict[str, Any]:
    """The types of all columns by their names; a part of a struct is `struct.part`, beside the struct itself."""
    found = {field.name: field.type for field in schema}
    waiting = list(found.items())
    while waiting:
        name, kind = waiting.pop(0)
        if arrow.types.is_struct(kind):
            parts = {f"{name}.{part.name}": part.type for part in kind}
            found |= {part: of for part, of in parts.items() if part not in found}
            waiting += parts.items()
    return found


def _values(arrow: ModuleType, batch: Any, name: str) -> Any:
    """A column of a batch; of a struct that is missing in a row, every part is."""
    if name in batch.schema.names:
        return batch[name]
    whole = next(one for one in batch.schema.names if name.startswith(f"{one}."))
    return arrow.compute.struct_field(batch[whole], name.removeprefix(f"{whole}.").split("."))
