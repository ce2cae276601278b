"""Readers: what opens data as it lies on disk, and gives it as a table of fields."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from specc import kinds
from specc.codes import S501, S503
from specc.diagnostics import Refusal, nearest
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers._urls import fetch

PATH: dict[str, Any] = kinds.PATH
"""The schema of an argument that names files."""

ROWS = 2**16
"""How many rows a chunk of arrays has."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column in which few values differ: each of them once, and for each row the number of its value."""

    values: Array
    codes: Array

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Coded:
        """Some rows, with the values that occur in them."""
        codes = self.codes[rows]
        used = np.bincount(codes, minlength=len(self.values)) > 0
        return Coded(self.values[used], (np.cumsum(used) - 1)[codes])

    def counted(self, chosen: Array) -> tuple[Array, Array]:
        """The values that occur in the rows of a mask, and how often."""
        counts = np.bincount(self.codes[chosen], minlength=len(self.values))
        used = np.flatnonzero(counts)
        return self.values[used], counts[used]


Column: TypeAlias = "Array | Coded"
"""One field of some rows: a row an example."""

Chunk: TypeAlias = "Mapping[str, Column]"
"""Some rows: columns of equal length by the names of their fields."""

Skip = Callable[[str, str], None]
"""Is told of a row that a reader passes over because it cannot be read: where it stands, and what is wrong with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What a reader has opened: one row an example, given some rows at a time.

    `chunks` begins anew at every call, gives the same rows in the same order, and of the fields that were asked for
    those that exist. `names` is every field there is; `rows` how many rows, None where only reading them all would
    tell. `files` is what is read, for the fingerprint of a run; `origin` says where a row came from.
    """

    names: tuple[str, ...]
    rows: int | None
    files: tuple[Path, ...]
    origin: Origin
    chunks: Callable[[], Iterator[Chunk]]


class Reader(Protocol):
    """A file of this folder: frozen, its fields the arguments of the reader. `path` arguments arrive absolute."""

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        """Open the data for the fields named in `fields`; what each is read as stands beside it.

        With `skip`, a row that cannot be read is told to it and left out; without, it is a refusal.

        Raises:
            Refusal: S501 when there is no such file, S503 with file and row for what cannot be read (now or when its
                chunk is reached), S606 when the format's library is not installed. Its `argument` is the one at fault.
        """


def in_chunks(columns: Mapping[str, Column | EndToEnd], rows: int, size: int = ROWS) -> Callable[[], Iterator[Chunk]]:
    """The chunks, of so many rows, of columns that are in memory, mapped into it, or read when a slice is asked for."""

    def chunks() -> Iterator[Chunk]:
        for start in range(0, rows, size):
            yield {name: column[start : min(start + size, rows)] for name, column in columns.items()}

    return chunks


def found(pattern: str, argument: str = "path", *, folder: bool = False) -> tuple[Path, ...]:
    """The files (or folders) that an absolute path, a pattern or a URL names, in the order of their names.

    Raises:
        Refusal: S501 when there is none, with the nearest name that is there.
    """
    kind = "folder" if folder else "file"
    if "://" in pattern:
        if not folder:
            return fetch(pattern, argument)
        told = f"`{pattern}` is a URL, and this folder is not fetched"
        raise Refusal(S501, told, "give the path of a local copy", argument)
    path = Path(pattern)
    if not glob.has_magic(pattern):
        if path.is_dir() if folder else path.is_file():
            return (path,)
        if path.exists():
            other = "a file" if folder else "a folder"
            help = "`path` names the folder that holds the classes" if folder else f'name its files: "{path}/*"'
            raise Refusal(S501, f"`{path}` is {other}, not a {kind}", help, argument)
        raise Refusal(S501, f"there is no {kind} `{path}`", _closest(path), argument)
    matches = [Path(m) for m in sorted(glob.glob(pattern, recursive=True))]
    matches = [m for m in matches if (m.is_dir() if folder else m.is_file())]
    if not matches:
        raise Refusal(S501, f"no {kind} matches `{pattern}`", "look at the folder and the pattern", argument)
    return tuple(matches)


def _closest(path: Path) -> str:
    """What is there instead of a path that is not: the nearest name in the deepest folder of it that exists."""
    missing = path
    while not missing.parent.is_dir() and missing.parent != missing:
        missing = missing.parent
    there = sorted(p.name for p in missing.parent.iterdir() if not p.name.startswith("."))
    close = nearest(missing.name, there)
    if close is not None:
        return f"did you mean `{close}`, in {missing.parent}?"
    if missing != path:
        return f"there is no folder `{missing.name}` in {missing.parent}"
    return f"{missing.parent} holds {listed(there)}" if there else f"{missing.parent} is empty"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names as a diagnostic enumerates them, cut where it would become a page."""
    shown = ", ".join(f"`{n}`" for n in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


@dataclass(frozen=True, slots=True, eq=False)
class EndToEnd:
    """Arrays as if they were one, without copying them: only a slice of it is ever made."""

    pieces: Sequence[Array]

    def __len__(self) -> int:
        return sum(len(piece) for piece in self.pieces)

    def __getitem__(self, rows: slice) -> Array:
        start, stop, _ = rows.indices(len(self))
        inside, before = [], 0
        for piece in self.pieces:
            if before < stop and start < before + len(piece):
                inside.append(piece[max(0, start - before) : stop - before])
            before += len(piece)
        return inside[0] if len(inside) == 1 else np.concatenate(inside or [self.pieces[0][:0]])


def joined(parts: Sequence[tuple[Path, Mapping[str, Array]]]) -> dict[str, EndToEnd]:
    """The arrays of several files by the names of their fields, row after row.

    Raises:
        Refusal: S503 when arrays of one file differ in length, or those of several files in shape.
    """
    for path, columns in parts:
        alike({name: _length(path, name, array) for name, array in columns.items()}, f"the arrays of {path.name}")
    found = {}
    for name in parts[0][1]:
        pieces = [part[name] for _, part in parts]
        for (path, _), piece in zip(parts, pieces, strict=True):
            if piece.shape[1:] != pieces[0].shape[1:]:
                raise Refusal(
                    S503,
                    f"`{name}` has shape {piece.shape[1:]} an example in {path.name} and {pieces[0].shape[1:]} in "
                    f"{parts[0][0].name}",
                    "files that one pattern names hold the same fields in the same shapes",
                )
        found[name] = EndToEnd(pieces)
    return found


def alike(lengths: Mapping[str, int], whose: str) -> int:
    """The one length of all fields.

    Raises:
        Refusal: S503 when they differ.
    """
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"`{name}` has {length:,}" for name, length in lengths.items())
        raise Refusal(S503, f"{whose} differ in length: {told}", "every field needs one row an example", "path")
    return next(iter(lengths.values()), 0)


def numbered(names: Sequence[str], lengths: Sequence[int]) -> Callable[[int], str]:
    """Where a row of several files laid end to end stands: `part-2.npz, row 17`, counted from 0 as arrays are."""
    ends = np.cumsum(lengths)

    def where(row: int) -> str:
        part = int(np.searchsorted(ends, row, side="right"))
        return f"{names[part]}, row {row - int(ends[part]) + lengths[part]}"

    return where


def _length(path: Path, name: str, array: Array) -> int:
    if array.ndim == 0:
        raise Refusal(S503, f"`{name}` in {path.name} is a single value, not one row an example")
    return len(array)
