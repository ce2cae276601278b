"""A split's field, ready for batches: prepared once and kept in memory, or read from files batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import tensorflow as tf

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array
from specc.kinds.features import Feature, State

CHUNK_BYTES = 16 * 2**20
"""How much is prepared in one go: enough to be vectorised, small against what is kept."""

MEMORY = 2**30
"""Files are decoded once and kept up to this many bytes a field and split; beyond, they are decoded every epoch."""

UNREADABLE = (
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.DataLossError,
)


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """One field of one split. `tensor` holds prepared examples, or names of files where `ready` is false."""

    feature: Feature
    state: State
    tensor: Any
    ready: bool

    def take(self, rows: Any) -> Any:
        """The network's tensor of a batch: one gather and, where a smaller dtype is kept, one cast."""
        batch = tf.gather(self.tensor, rows)
        if not self.ready:
            return _from_files(self.feature, self.state, batch)
        return tf.cast(batch, self.feature.tensor(self.state).dtype)

    def all(self) -> Any:
        """The network's tensor of every example."""
        return self.take(tf.range(len(self.tensor)))


def keep(feature: Feature, values: Array, rows: Array, state: State, *, memory: int = MEMORY) -> Kept:
    """Prepare the rows of a split, in chunks, and keep them in the smallest dtype that holds them.

    Raises:
        Refusal: S503 for files that cannot be decoded, with their names.
    """
    shape, dtype = feature.tensor(state).shape, np.dtype(feature.kept(state))
    assert shape is not None, "a feature knows its shape once it has learnt"
    example = [int(d or 0) for d in shape[1:]]
    with tf.device("CPU:0"):
        if not state.get("files"):
            return Kept(feature, state, _from_values(feature, values, rows, state, example, dtype), ready=True)
        names = values[rows]
        if len(rows) * prod(example) * dtype.itemsize > memory:
            return Kept(feature, state, tf.constant(names, tf.string), ready=False)
        decoded = np.empty((len(rows), *example), dtype)
        if broken := decode(feature, names, state, into=decoded):
            raise undecodable(broken)
        return Kept(feature, state, tf.convert_to_tensor(decoded), ready=True)


def _from_values(feature: Feature, values: Array, rows: Array, state: State, example: list[int], dtype: Any) -> Any:
    raw = feature.raw(state).dtype

    prepared = np.empty((len(rows), *example), dtype)
    step = max(1, CHUNK_BYTES // max(1, 4 * prod(example)))
    for start in range(0, len(rows), step):
        chunk = tf.constant(values[rows[start : start + step]], raw)
        prepared[start : start + step] = feature.prepare(tf, chunk, state).numpy()
    return tf.convert_to_tensor(prepared)


def decode(feature: Feature, names: Array, state: State, *, into: Array | None = None, batch: int = 16) -> list[str]:
    """Decode files, in parallel, into an array where one is given; the names of those that cannot be decoded."""
    pictures = (
        tf.data.Dataset.from_tensor_slices(tf.constant(names, tf.string))
        .batch(batch)
        .map(
            as_written(lambda some: _from_files(feature, state, some)),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .prefetch(1)
    )
    broken: list[str] = []
    decoded = iter(pictures)
    for start in range(0, len(names), batch):
        try:
            prepared = next(decoded).numpy()
        except UNREADABLE:
            broken += [name for name in names[start : start + batch] if not _decodes(feature, state, name)]
        else:
            if into is not None:
                into[start : start + batch] = prepared
    return broken


def _decodes(feature: Feature, state: State, name: str) -> bool:
    try:
        _from_files(feature, state, tf.constant([name]))
    except UNREADABLE:
        return False
    return True


def _from_files(feature: Feature, state: State, names: Any) -> Any:
    contents = tf.map_fn(tf.io.read_file, names)
    return feature.prepare(tf, contents, state)


def as_written(function: Callable[[Any], Any]) -> Any:
    """A function of graph operations only: autograph would take half a second to read it and find nothing to do."""
    return tf.autograph.experimental.do_not_convert(function)


def undecodable(names: list[str]) -> Refusal:
    """Files that cannot be decoded, as one refusal."""
    shown = ", ".join(f"`{name}`" for name in names[:5])
    others = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return Refusal(
        S503, f"cannot decode {shown}{others}", "damaged, or of another format: save as JPEG or PNG, or remove"
    )
