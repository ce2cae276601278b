"""The order of the examples in an epoch, a function of a key: put down where they are few, else reckoned as it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

FEW = 2**20
"""Up to so many examples an order is a list of them; it takes eight bytes an example, and many more to make."""

NEAR = 2**16
"""Up to so many places examples of a longer list are moved as it goes: twice as many are sorted for each batch."""

BLOCK = 2**12
"""How far so many of them are moved is drawn at once."""

ROUNDS = 16
"""Of the cipher that stands for a longer list. At TensorFlow's own 4, what lay side by side stays near."""


def in_order(examples: int, shuffle: bool | int, key: Any) -> Callable[[Any, Any], Any]:
    """From the numbers of two places in the order, int64, to the examples from the first to before the second.

    Args:
        shuffle: whether, or how far from its place an example may come to be. Where that is beyond `NEAR`, a list is
            made of any length.
        key: int64 `[2]`, what the order is drawn from.
    """
    if shuffle is True and examples > FEW:
        return lambda first, last: _ciphered(tf.range(first, last), examples, key)
    if shuffle is not True and 0 < shuffle <= NEAR and examples > FEW:
        return lambda first, last: _nearby(first, last, examples, shuffle, key)
    order = tf.range(tf.constant(examples, tf.int64))
    if shuffle is True:
        order = tf.random.experimental.stateless_shuffle(order, key, alg="philox")
    elif shuffle:
        moved = shuffle * tf.random.stateless_uniform([examples], key, dtype=tf.float64, alg="philox")
        order = tf.argsort(tf.cast(order, tf.float64) + moved, stable=True)
    elif examples > FEW:
        return lambda first, last: tf.range(first, last)
    return lambda first, last: order[first:last]


def _nearby(first: Any, last: Any, examples: int, most: int, key: Any) -> Any:
    """The examples at some places, each moved by less than `most`: who comes there was no farther away than that."""
    start, end = tf.maximum(first - most, 0), tf.minimum(last + most, examples)
    blocks = tf.range(start // BLOCK, (end - 1) // BLOCK + 1)

    def draw(block: Any) -> Any:
        own = tf.random.experimental.stateless_fold_in(key, block)
        return tf.random.stateless_uniform([BLOCK], own, dtype=tf.float64, alg="philox")

    drawn = tf.reshape(tf.map_fn(draw, blocks, fn_output_signature=tf.float64), [-1])
    drawn = drawn[start - blocks[0] * BLOCK :][: end - start]
    moved = tf.cast(tf.range(start, end), tf.float64) + most * drawn
    order = start + tf.cast(tf.argsort(moved, stable=True), tf.int64)
    return order[first - start : last - start]


def _ciphered(places: Any, examples: int, key: Any) -> Any:
    """The examples at some places of an order that is nowhere written down."""
    mixed = tf.random.stateless_uniform([3], key, None, None, tf.uint32, alg="philox")
    last = tf.constant(examples - 1, tf.int64)
    return tf.raw_ops.RandomIndexShuffle(index=places, seed=mixed, max_index=last, rounds=ROUNDS)
