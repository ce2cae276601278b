"""Readers: what opens data as it lies on disk, and gives it as a table of fields."""

from __future__ import annotations

import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from specc.codes import S501, S503
from specc.diagnostics import Refusal, nearest
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin

PATH: dict[str, Any] = {"type": "string", "format": "path", "minLength": 1}
"""The schema of an argument that names files: whoever binds a call makes it absolute."""


@dataclass(frozen=True, slots=True)
class Table:
    """Fields by name, one row an example: arrays of equal length, memory-mapped where the format allows it.

    `columns` holds what was asked for and exists, `names` every name there is, `files` what was read, for the
    fingerprint of a run. `origin` says where a row came from.
    """

    columns: Mapping[str, Array]
    names: tuple[str, ...]
    rows: int
    files: tuple[Path, ...]
    origin: Origin


class Reader(Protocol):
    """A file of this folder: frozen, its fields the arguments of the reader. `path` arguments arrive absolute."""

    def read(self, fields: Mapping[str, Feature | None], seed: int) -> Table:
        """Open the data and give the columns named in `fields` that exist; what each is read as stands beside it.

        Raises:
            Refusal: S501 when there is no such file, S503 with file and row for what cannot be read, S606 when the
                format's library is not installed. Its `argument` is the one at fault.
        """


def found(pattern: str, argument: str = "path", *, folder: bool = False) -> tuple[Path, ...]:
    """The files (or folders) that an absolute path or pattern names, in the order of their names.

    Raises:
        Refusal: S501 when there is none, with the nearest name that is there.
    """
    kind = "folder" if folder else "file"
    if "://" in pattern:
        raise Refusal(
            S501, f"`{pattern}` is a URL, and only local paths are read", "give the path of a local copy", argument
        )
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


def joined(parts: Sequence[tuple[Path, Mapping[str, Array]]], names: tuple[str, ...]) -> Table:
    """One table of several files' arrays, row after row; rows are called `name.npz, row 17`, from 0.

    Raises:
        Refusal: S503 when arrays of one file differ in length, or those of several files in shape.
    """
    lengths = []
    for path, columns in parts:
        sizes = {name: _length(path, name, array) for name, array in columns.items()}
        if len(set(sizes.values())) > 1:
            told = ", ".join(f"`{name}` has {size:,}" for name, size in sizes.items())
            raise Refusal(
                S503, f"the arrays of {path.name} differ in length: {told}", "every field needs one row an example"
            )
        lengths.append(next(iter(sizes.values()), 0))
    columns = {}
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
        columns[name] = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    where = numbered([path.name for path, _ in parts], lengths)
    files = tuple(path for path, _ in parts)
    return Table(columns, names, sum(lengths), files, Origin(where, files[0].parent))


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
