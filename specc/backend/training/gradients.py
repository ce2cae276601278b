"""Gradients of several replicas as their sums, by as few exchanges between processes as there can be."""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf

SUM = tf.distribute.ReduceOp.SUM


def added(strategy: Any, gradients: list[Any], whole: Any) -> list[Any]:
    """The sums of gradients over the replicas, each a tensor, or slices where the gradient is of some rows only.

    Args:
        gradients: of each replica, as `strategy.run` gives them; None where a variable has none.
        whole: between processes, whether their global batch has as many examples as others, a bool scalar.
    """
    sums: dict[int, Any] = {}
    kinds: dict[tf.DType, list[int]] = {}
    for number, gradient in enumerate(gradients):
        part = strategy.experimental_local_results(gradient)[0]
        if isinstance(part, tf.IndexedSlices):
            sums[number] = _rows(strategy, gradient, whole)
        elif part is not None:
            kinds.setdefault(part.dtype, []).append(number)
    for numbers in kinds.values():
        # Told at once they take one exchange, if they are of one dtype.
        told = strategy.extended.batch_reduce_to(SUM, [(gradients[number], gradients[number]) for number in numbers])
        for number, total in zip(numbers, told, strict=True):
            sums[number] = strategy.experimental_local_results(total)[0]
    return [sums.get(number) for number in range(len(gradients))]


def _rows(strategy: Any, gradient: Any, whole: Any) -> tf.IndexedSlices:
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        # A collective remembers the shape that it had first, and the last batch of an epoch has another.
        return tf.cond(whole, *(partial(strategy.reduce, SUM, gradient, axis=None) for _ in range(2)))
    parts = strategy.experimental_local_results(gradient)
    values, indices = (tf.concat([getattr(part, name) for part in parts], 0) for name in ("values", "indices"))
    return tf.IndexedSlices(values, indices, parts[0].dense_shape)


def told(gradient: Any) -> Any:
    """A gradient as processes can gather it: TensorFlow has no way for slices of bfloat16."""
    if not isinstance(gradient, tf.IndexedSlices) or gradient.dtype != tf.bfloat16:
        return gradient
    return tf.IndexedSlices(tf.cast(gradient.values, tf.float32), gradient.indices, gradient.dense_shape)
