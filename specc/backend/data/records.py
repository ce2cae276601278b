"""Prepared rows on disk: the fields of a row side by side, so that an example is read from one place."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from specc.codes import S604
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array

MAPPED = 32 * 2**20
"""So many bytes of a file stay mapped while it is written, about; what the system keeps of it is its own affair."""

IN_MEMORY = ("tmpfs", "ramfs")
"""File systems that are no disk."""


class Aside:
    """A directory on disk for as long as this object lives."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="specc-data-", dir=_disk()))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


class Records:
    """Rows of some fields in a file. `fields` are their dtypes and the shapes of a row."""

    def __init__(self, path: Path, rows: int, fields: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Raises: Refusal: S604 where the disk has no room for all rows."""
        dtype = np.dtype([(name, *of) for name, of in fields.items()])
        size = max(1, rows * dtype.itemsize)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        weakref.finalize(self, os.close, self._file)
        try:
            # A file with holes would be a crash, with no word, when the disk is full.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._file, 0, size)
            else:
                os.ftruncate(self._file, size)
        except OSError as error:
            told = f"no room for {size / 2**20:,.0f} MB of prepared rows in {path.parent.parent}: {error.strerror}"
            raise Refusal(S604, told, "make room there, or set TMPDIR to another place") from error
        self._map = mmap.mmap(self._file, size)
        self._rows: Array = np.ndarray(rows, dtype, buffer=self._map)
        self._touched = 0

    def field(self, name: str) -> Stored:
        """One of the fields."""
        dtype, *shape = self._rows.dtype[name].base, *self._rows.dtype[name].shape
        return Stored(self, name, dtype, tuple(shape))

    def read(self, names: Sequence[str], places: Array) -> list[Array]:
        """Some fields of the rows at some places."""
        found = self._rows[places] if not hasattr(os, "preadv") else self._read(places)
        return [np.ascontiguousarray(found[name]) for name in names]

    def _read(self, places: Array) -> Array:
        """Whole rows, not by the map: where a row is touched in it, the system may map two megabytes."""
        flat, size = places.ravel(), self._rows.dtype.itemsize
        found = np.empty(len(flat), self._rows.dtype)
        raw = found.view(np.uint8).reshape(len(flat), size)
        begins = np.flatnonzero(np.diff(flat, prepend=-2) != 1).tolist()
        runs = list(pairwise([*begins, len(flat)]))
        if hasattr(os, "posix_fadvise") and len(runs) > 1:
            # A disk answers many requests at once far sooner than one after another.
            for begin, end in runs:
                os.posix_fadvise(self._file, int(flat[begin]) * size, (end - begin) * size, os.POSIX_FADV_WILLNEED)
        for begin, end in runs:
            os.preadv(self._file, [raw[begin:end].data], int(flat[begin]) * size)
        return found.reshape(places.shape)

    def write(self, name: str, places: Array, values: Array) -> None:
        """Put values of a field where they belong."""
        self._rows[name][places] = values
        self._touched += len(places) * self._rows.dtype.itemsize
        if self._touched > MAPPED and hasattr(self._map, "madvise"):
            self._touched = 0
            # What was written is the file's by now, and is mapped again when it is wanted.
            self._map.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A field of records: written like an array, and read in graph operations."""

    records: Records
    name: str
    dtype: Any
    shape: tuple[int, ...]
    """Of a row."""

    def __setitem__(self, places: Array, values: Array) -> None:
        self.records.write(self.name, places, values)


def gathered(fields: Sequence[Stored], rows: Any) -> list[Any]:
    """The tensors of fields of the same records at some rows, all read at once."""
    if not fields:
        return []
    records, names = fields[0].records, [field.name for field in fields]
    read = tf.numpy_function(
        lambda some: records.read(names, some), [rows], [field.dtype for field in fields], stateful=False
    )
    return [tf.ensure_shape(one, (*rows.shape, *field.shape)) for one, field in zip(read, fields, strict=True)]


def _disk() -> str | None:
    """Where temporary files go; where that is memory and nobody asked for it, the folder for caches."""
    if (
        any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
        or _system(tempfile.gettempdir()) not in IN_MEMORY
    ):
        return None
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "specc"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return str(folder)


def _system(folder: str) -> str:
    """The file system that a folder lies in, as `/proc/mounts` calls it; empty where nobody says."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return ""
    over = [(len(at), kind) for at, kind in mounts if Path(folder).is_relative_to(at)]
    return max(over, default=(0, ""))[1]
