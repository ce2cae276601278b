"""Global batches in the parts that replicas take of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True, slots=True)
class Cut:
    """Of the parts of global batches for so many `replicas` those that are for replicas `here`, by their numbers.

    They differ by one example at most. A part without any borrows one, counted as none: batch normalization must not
    see an empty batch.
    """

    replicas: int
    here: range

    def part(self, size: Any, replica: Any) -> tuple[Any, Any, Any]:
        """Of a batch of `size` examples, int64: the first that a replica takes, the one after its last, and how many
        of them count, int32.
        """
        start, stop = replica * size // self.replicas, (replica + 1) * size // self.replicas
        return start, tf.maximum(stop, start + 1), tf.cast(stop - start, tf.int32)

    def dataset(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """For each batch of an endless dataset an element for every replica here, how many count last."""

        # Plain graph operations: autograph would spend longer on reading these functions than on tracing them.
        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def parts(*batch: Any) -> tf.data.Dataset:
            size = tf.shape(tf.nest.flatten(batch)[0], out_type=tf.int64)[0]

            @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
            def one(replica: Any) -> Any:
                start, end, count = self.part(size, replica)
                return (*tf.nest.map_structure(lambda tensor: tensor[start:end], batch), count)

            return tf.data.Dataset.range(self.here.start, self.here.stop).map(one)

        # Said, because `flat_map` forgets it: an endless dataset spares every step the question whether it has ended.
        return batches.flat_map(parts).apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
