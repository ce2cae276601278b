"""A split's field, ready for batches: prepared once and kept in memory or on disk, or read from files each time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from specc.backend.data import lent
from specc.backend.data.records import Stored, gathered
from specc.data.reading import plain
from specc.kinds.arrays import Array
from specc.kinds.features import Feature, State, offsets
from specc.kinds.readers import Coded, Column

CHUNK_BYTES = 16 * 2**20
"""How much is prepared in one go: enough to be vectorised, small against what is kept."""

PART, NUMBERS = 1024, 65536
"""Fewer texts, and fewer numbers, than this are not worth a thread."""

WORKERS = min(8, os.cpu_count() or 1)
"""How many parts are prepared at once, each of `CHUNK_BYTES` at most."""


class UnreadableError(ValueError):
    """A feature cannot give the raw field of a file."""


UNREADABLE = (
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.DataLossError,
    UnreadableError,
)


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """One field of one split, a row an example. `array` holds prepared rows, or names of files where `ready` is false.

    In memory it is a tensor, on disk a field of records. `offsets` are the rows, counted from an
    example's own, that are one example together; None where an example is one row.
    """

    feature: Feature
    state: State
    array: Any
    ready: bool
    offsets: tuple[int, ...] | None = None

    @property
    def window(self) -> Array:
        """The rows of an example, counted from its own, whether they are one or several."""
        return np.array(self.offsets or (0,))

    def take(self, rows: Any) -> Any:
        """The network's tensor of a batch: one gather and, where a smaller dtype is kept, one cast."""
        if self.offsets is not None:
            rows = rows[:, None] + tf.constant(self.offsets, rows.dtype)
        return self.given(gathered([self.array], rows)[0] if self.stored else tf.gather(self.array, rows))

    @property
    def stored(self) -> bool:
        """Whether it is on disk."""
        return isinstance(self.array, Stored)

    def given(self, batch: Any) -> Any:
        """The network's tensor of rows as they are kept."""
        if not self.ready:
            return from_files(self.feature, self.state, batch)
        return tf.cast(batch, self.feature.tensor(self.state).dtype)

    def chunks(self, rows: Array, size: int = 4096) -> Iterator[Any]:
        """The network's tensors of some rows, in order, some at a time."""
        for start in range(0, len(rows), size):
            yield self.take(tf.constant(rows[start : start + size], tf.int64))


def take(fields: Mapping[str, Kept], rows: Any) -> dict[str, Any]:
    """The network's tensors of a batch, of every field; what lies side by side on disk is read at once."""
    beside = {name: kept for name, kept in fields.items() if kept.stored and kept.offsets is None}
    read = dict(zip(beside, gathered([kept.array for kept in beside.values()], rows), strict=True))
    return {name: kept.given(read[name]) if name in read else kept.take(rows) for name, kept in fields.items()}


class Keeping:
    """Makes one field of one split, some rows at a time: `put` them where they belong, then take what is `kept`."""

    def __init__(self, feature: Feature, state: State, rows: int, *, ready: bool, stored: Stored | None) -> None:
        """Keep so many rows in memory, or where they are `stored`; or, where `ready` is false, names of their files."""
        self.feature, self.state, self.ready = feature, state, ready
        self.before: tuple[Array, Array] | None = None
        self.array: Array | Stored
        if not ready:
            self.array = np.full(rows, "", dtype=object)
        else:
            self.array = stored or lent.empty((rows, *example(feature, state)), feature.kept(state))

    def ahead(self, column: Column, *, whole: bool) -> Column | None:
        """A column prepared at once for every split that has some of its rows; None where each prepares its own.

        `whole` is whether every row of it can be used.
        """
        if not self.ready or self.state.get("files"):
            return None
        if isinstance(column, Coded):
            return Coded(self._distinct(column.values), column.codes)
        small = 4 * len(column) * prod(example(self.feature, self.state)) <= CHUNK_BYTES
        return np.concatenate([part for _, part in self._parts(column)]) if whole and small and len(column) else None

    def put(self, places: Array, column: Column) -> list[int]:
        """Prepare raw values and keep them in the rows `places`; the numbers of those whose files cannot be decoded."""
        if not self.ready:
            self.array[places] = plain(column)
            return []
        if self.state.get("files"):
            return self._decoded(places, plain(column))
        if isinstance(column, Coded):
            self.array[places] = self._prepared(column.values)[column.codes]
            return []
        for start, prepared in self._parts(column):
            self.array[places[start : start + len(prepared)]] = prepared
        return []

    def _distinct(self, values: Array) -> Array:
        """Distinct values prepared; those of the block before, where they are the same, which they mostly are."""
        order = np.argsort(values, kind="stable")
        ranked = values[order]
        if self.before is None or not np.array_equal(self.before[0], ranked):
            self.before = ranked, self._prepared(ranked)
        prepared = np.empty_like(self.before[1])
        prepared[order] = self.before[1]
        return prepared

    def _parts(self, column: Array) -> Iterator[tuple[int, Array]]:
        """A column prepared, some rows at a time: the number of the first, and the part."""
        largest = max(1, CHUNK_BYTES // max(1, 4 * prod(example(self.feature, self.state))))
        step = min(largest, max(PART if column.dtype == object else NUMBERS, -(-len(column) // WORKERS)))
        starts = range(0, len(column), step)
        if len(starts) == 1:
            yield 0, self._prepared(column)
            return
        # TensorFlow works on texts with one thread: parts of a column side by side take all cores.
        with ThreadPoolExecutor(WORKERS) as workers:
            yield from zip(
                starts,
                workers.map(lambda start: self._prepared(column[start : start + step]), starts),
                strict=True,
            )

    def _prepared(self, values: Array) -> Array:
        with tf.device("CPU:0"):
            raw = tf.constant(values, self.feature.raw(self.state).dtype)
            prepared: Array = self.feature.prepare(tf, raw, self.state).numpy()
        return prepared

    def _decoded(self, places: Array, names: Array) -> list[int]:
        broken = []
        for start, batch in decoded(self.feature, names, self.state):
            if isinstance(batch, list):
                broken += [start + number for number in batch]
            else:
                self.array[places[start : start + len(batch)]] = batch
        return broken

    def kept(self) -> Kept:
        """What was put, ready for batches."""
        array: Any = self.array
        if not isinstance(array, Stored):
            with tf.device("CPU:0"):
                array = lent.tensor(array) if self.ready else tf.constant(array, tf.string)
        return Kept(self.feature, self.state, array, self.ready, offsets(self.feature))


def example(feature: Feature, state: State) -> tuple[int, ...]:
    """The shape of one row, once a feature has learnt."""
    shape = feature.tensor(state).shape
    assert shape is not None, "a feature knows its shape once it has learnt"
    return tuple(int(size or 0) for size in shape[1 if offsets(feature) is None else 2 :])


def decoded(feature: Feature, files: Array, state: State, batch: int = 16) -> Iterator[tuple[int, Array | list[int]]]:
    """Files decoded, in parallel, some at a time: the number of the first, and the batch.

    Where one of a batch cannot be decoded, its file comes alone: as a batch of one, or as a list of its number, 0.
    """
    packed = any(isinstance(one, bytes) for one in files)
    # What is in memory already is taken from there, not laid beside it as one tensor.
    keys = tf.range(len(files)) if packed else tf.constant(files, tf.string)

    def tensors(some: Any) -> Any:
        return _tensors(feature, state, lambda rows: files[rows], some) if packed else from_files(feature, state, some)

    contents = (
        tf.data.Dataset.from_tensor_slices(keys)
        .batch(batch)
        .map(as_written(tensors), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(1)
    )
    batches = iter(contents)
    for start in range(0, len(files), batch):
        try:
            yield start, next(batches).numpy()
        except UNREADABLE:
            for number in range(start, min(start + batch, len(files))):
                try:
                    yield number, tensors(keys[number : number + 1]).numpy()
                except UNREADABLE:
                    yield number, [0]


def broken(feature: Feature, files: Array, state: State) -> list[int]:
    """The numbers of the files that cannot be decoded."""
    return [start for start, batch in decoded(feature, files, state) if isinstance(batch, list)]


def from_files(feature: Feature, state: State, names: Any) -> Any:
    """The network's tensor of files by their names."""
    if not hasattr(feature, "contents"):
        return feature.prepare(tf, tf.map_fn(tf.io.read_file, names), state)
    return _tensors(feature, state, lambda some: [name.decode() for name in some], names)


def _tensors(feature: Feature, state: State, files: Callable[[Any], Iterable[str | bytes]], keys: Any) -> Any:
    """The network's tensor of the files that `files` finds by their keys."""
    fields = tf.numpy_function(lambda some: raw_fields(feature, files(some)), [keys], tf.string, stateful=False)
    return feature.prepare(tf, tf.ensure_shape(fields, keys.shape), state)


def raw_fields(feature: Feature, files: Iterable[str | bytes]) -> Array:
    """Files, by their names or with their contents, as the served model takes them: as they are, or as the feature
    writes them anew.

    Raises:
        UnreadableError: when one of them cannot be read.
    """
    contents = getattr(feature, "contents", bytes)
    try:
        read = [contents(one if isinstance(one, bytes) else Path(one).read_bytes()) for one in files]
    except (OSError, ValueError) as error:
        raise UnreadableError(str(error)) from error
    return np.array(read, dtype=object)


def as_written(function: Callable[..., Any]) -> Any:
    """A function of graph operations only: autograph would take half a second to read it and find nothing to do."""
    return tf.autograph.experimental.do_not_convert(function)
