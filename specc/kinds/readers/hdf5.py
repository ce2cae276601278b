"""`hdf5`: the arrays of HDF5 files, by their paths inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

from specc.codes import S503, S606
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, ROWS, Skip, Table, found, in_chunks, joined, numbered
from specc.kinds.readers._files import told_of
from specc.kinds.readers._urls import called

BYTES = 32 * 2**20
"""How much is read at once, about."""


@dataclass(frozen=True, slots=True)
class Hdf5:
    """The arrays of HDF5 files, by their paths inside: `x`, `train/images`. They are read in slices."""

    path: str = argument(
        "the file, or a pattern that names several with the same arrays, read one after the other", PATH
    )

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        h5py = _h5py()
        paths = found(self.path)
        parts: list[dict[str, Any]] = []
        names: tuple[str, ...] | None = None
        for path in paths:
            there = _arrays(h5py, path)
            names = tuple(there) if names is None else tuple(name for name in names if name in there)
            parts.append({name: _Stored(h5py, path, name, *there[name]) for name in there if name in fields})
        known = names or ()
        columns = joined(
            [(path, {n: a for n, a in part.items() if n in known}) for path, part in zip(paths, parts, strict=True)]
        )
        lengths = [len(next(iter(part.values()), ())) for part in parts]
        row = sum(array.dtype.itemsize * prod(array.shape[1:]) for array in parts[0].values())
        size = max(1, min(ROWS, BYTES // max(1, row)))
        origin = Origin(numbered([called(path) for path in paths], lengths), paths[0].parent)
        return Table(known, sum(lengths), paths, origin, in_chunks(columns, sum(lengths), size))


class _Stored:
    """An array in a file, of which a slice is read when it is asked for."""

    def __init__(self, h5py: ModuleType, path: Path, name: str, shape: tuple[int, ...], dtype: Any) -> None:
        self.h5py, self.path, self.name, self.shape, self.dtype = h5py, path, name, shape, dtype
        self.ndim = len(shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Array:
        with told_of(self.path), self.h5py.File(self.path) as file:
            stored = file[self.name]
            if self.h5py.check_string_dtype(stored.dtype) is None:
                array: Array = stored[rows]
            else:
                array = stored.asstr(errors="replace")[rows]
        return array


def _arrays(h5py: ModuleType, path: Path) -> dict[str, tuple[tuple[int, ...], Any]]:
    """The shapes and dtypes of the arrays of a file, by their paths inside."""
    there: dict[str, tuple[tuple[int, ...], Any]] = {}

    def note(name: str, item: Any) -> None:
        # What is a single value describes the file; tables of several fields a row are no arrays.
        if isinstance(item, h5py.Dataset) and item.shape and item.dtype.names is None:
            there[name] = (item.shape, item.dtype)

    if not h5py.is_hdf5(path):
        raise Refusal(S503, f"{called(path)} is not an HDF5 file", "write it with h5py", "path")
    try:
        with h5py.File(path) as file:
            file.visititems(note)
    except (OSError, RuntimeError) as error:
        told = f"{called(path)} was cut off or is damaged"
        raise Refusal(S503, told, "write or copy it again", "path") from error
    return there


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise Refusal(S606, "reading HDF5 needs the package h5py", "type `pip install 'specc[train]'`") from error
    module: ModuleType = h5py
    return module
