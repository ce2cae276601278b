"""A split as batches: in order once, or endlessly in an order that is a function of the seed and the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from specc.backend.data.prepared import Kept, as_written, raw_fields
from specc.kinds.arrays import Array

SAMPLE = 256
"""Of so many examples the raw fields are kept."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split; elements are `(inputs, targets)`, two mappings from field names to tensors."""

    places: Array
    """For each example the row of the kept fields that is its own."""
    inputs: Mapping[str, Kept]
    targets: Mapping[str, Kept]
    sample: Mapping[str, Array]
    """The raw inputs of the first rows, by name."""
    origin: Array
    """For each row of the kept fields its number in the source."""
    folder: Any = None
    """Holds the directory of what is kept on disk, for as long as the split is in use."""

    @property
    def examples(self) -> int:
        return len(self.places)

    @property
    def rows(self) -> Array:
        """The number of each example's own row in the source."""
        return self.origin[self.places]

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch, the last of which may be smaller."""
        return -(-self.examples // batch_size)

    def stream(self, batch_size: int, *, seed: int, shuffle: bool | int, epoch: int = 0, step: int = 0) -> Any:
        """Endless batches, beginning at a step of an epoch as if all before it had been taken.

        Every epoch has an order of its own, a function of (seed, epoch) only, and every example once. `shuffle` is
        whether it is another than that of the data; a number says how far from its place an example may come to be.
        """
        examples = tf.constant(self.examples, tf.int64)

        def one_epoch(number: Any) -> Any:
            order = tf.range(examples)
            key = tf.stack([tf.constant(_signed(seed), tf.int64), number])
            if shuffle is True:
                order = tf.random.experimental.stateless_shuffle(order, key, alg="philox")
            elif shuffle:
                moved = shuffle * tf.random.stateless_uniform([self.examples], key, dtype=tf.float64, alg="philox")
                order = tf.argsort(tf.cast(order, tf.float64) + moved, stable=True)
            first = tf.where(number == epoch, tf.constant(step, tf.int64), 0)
            steps = tf.data.Dataset.range(first, self.steps(batch_size))
            return steps.map(lambda i: order[i * batch_size : (i + 1) * batch_size])

        return self._elements(tf.data.Dataset.counter(epoch).flat_map(as_written(one_epoch)))

    def batches(self, batch_size: int) -> Any:
        """Every example once, in order."""
        examples = tf.constant(self.examples, tf.int64)
        steps = tf.data.Dataset.range(self.steps(batch_size))

        def rows(i: Any) -> Any:
            return tf.range(i * batch_size, tf.minimum((i + 1) * batch_size, examples))

        return self._elements(steps.map(as_written(rows)))

    def _elements(self, numbers: Any) -> Any:
        """Numbers of examples, a batch at a time, to the examples."""
        fields = (*self.inputs.values(), *self.targets.values())
        # A gather is over before a second thread has been woken; decoding files, or reading from disk, is not.
        waits = any(not field.ready or isinstance(field.array, np.ndarray) for field in fields)
        whole = len(self.places) == len(self.origin)
        with tf.device("CPU:0"):
            places = None if whole else tf.constant(self.places, tf.int64)

        def examples(batch: Any) -> Any:
            rows = batch if places is None else tf.gather(places, batch)
            inputs = {name: field.take(rows) for name, field in self.inputs.items()}
            return inputs, {name: field.take(rows) for name, field in self.targets.items()}

        options = tf.data.Options()
        options.deterministic = True
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        elements = numbers.map(as_written(examples), num_parallel_calls=tf.data.AUTOTUNE if waits else None)
        return elements.prefetch(tf.data.AUTOTUNE).with_options(options)

    def raw(self, examples: slice) -> dict[str, Array]:
        """The raw inputs of some of the first `SAMPLE` examples, as the served model takes them; of files, bytes."""
        places = self.places[:SAMPLE][examples]
        raw = {}
        for name, field in self.inputs.items():
            offsets = np.array(field.offsets)
            raw[name] = self.sample[name][places if field.offsets == (0,) else places[:, None] + offsets]
            if field.state.get("files"):
                raw[name] = raw_fields(field.feature, raw[name])
        return raw


def _signed(seed: int) -> int:
    """Any integer as an int64."""
    return (seed + 2**63) % 2**64 - 2**63
