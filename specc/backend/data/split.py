"""A split as batches: in order once, or endlessly in an order that is a function of the seed and the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from specc.backend.data.prepared import Kept, as_written
from specc.kinds.arrays import Array


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split; elements are `(inputs, targets)`, two mappings from field names to tensors."""

    examples: int
    inputs: Mapping[str, Kept]
    targets: Mapping[str, Kept]
    values: Mapping[str, Array]
    """The raw fields of the inputs by name, all rows of the source; `rows` are those of the split."""
    rows: Array

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch, the last of which may be smaller."""
        return -(-self.examples // batch_size)

    def stream(self, batch_size: int, *, seed: int, shuffle: bool, epoch: int = 0, step: int = 0) -> Any:
        """Endless batches, beginning at a step of an epoch as if all before it had been taken.

        Every epoch has an order of its own, a function of (seed, epoch) only, and every example once.
        """
        examples = tf.constant(self.examples, tf.int64)

        def one_epoch(number: Any) -> Any:
            order = tf.range(examples)
            if shuffle:
                key = tf.stack([tf.constant(_signed(seed), tf.int64), number])
                order = tf.random.experimental.stateless_shuffle(order, key, alg="philox")
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

    def _elements(self, rows: Any) -> Any:
        """Row numbers, a batch at a time, to the examples they stand for."""
        reads_files = not all(field.ready for field in (*self.inputs.values(), *self.targets.values()))

        def examples(batch: Any) -> Any:
            inputs = {name: field.take(batch) for name, field in self.inputs.items()}
            return inputs, {name: field.take(batch) for name, field in self.targets.items()}

        options = tf.data.Options()
        options.deterministic = True
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        # A gather is over before a second thread has been woken; decoding files is not.
        elements = rows.map(as_written(examples), num_parallel_calls=tf.data.AUTOTUNE if reads_files else None)
        return elements.prefetch(tf.data.AUTOTUNE).with_options(options)

    def raw(self, rows: slice) -> dict[str, Array]:
        """The raw inputs of a range of examples, as the served model takes them; of files, their bytes."""
        chosen = self.rows[rows]
        raw = {name: values[chosen] for name, values in self.values.items()}
        for name, field in self.inputs.items():
            if field.state.get("files"):
                raw[name] = np.array([Path(file).read_bytes() for file in raw[name]], dtype=object)
        return raw


def _signed(seed: int) -> int:
    """Any integer as an int64."""
    return (seed + 2**63) % 2**64 - 2**63
