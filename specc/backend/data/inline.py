"""Batches of what lies in memory, gathered within the compiled loop that learns from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from specc.backend.data.cut import Cut


class Inline:
    """Endless batches, as an iterator of tf.data gives them, by a few operations of the graph that asks for them.

    A gather of rows is over before another thread could have been woken for it, and on a CPU that thread would take its
    time from the one that learns. The position is a variable: it begins at a step of an epoch.
    """

    def __init__(
        self,
        gather: Callable[[Any], Any],
        order: Callable[[Any], Any],
        *,
        steps: int,
        batch_size: int,
        epoch: int,
        step: int,
        cut: Cut | None = None,
    ) -> None:
        """Batches that `gather` makes of numbers of examples, which `order` gives for the number of an epoch, int64.

        With `cut`, a list of parts for replicas, how many examples of each count last.
        """
        self.gather, self.order, self.steps, self.batch_size, self.cut = gather, order, steps, batch_size, cut
        with tf.device("CPU:0"):
            self.epoch = tf.Variable(epoch, dtype=tf.int64, trainable=False)
            self.step = tf.Variable(step, dtype=tf.int64, trainable=False)
            self.numbers = tf.Variable(order(self.epoch.read_value()), trainable=False)

    def __iter__(self) -> Inline:
        return self

    def __next__(self) -> Any:
        return self.get_next()

    def get_next(self) -> Any:
        """The operations that give the next batch."""

        def renew() -> Any:
            self.numbers.assign(self.order(self.epoch.assign_add(1)))
            self.step.assign(tf.zeros([], tf.int64))
            return tf.zeros([], tf.int64)

        with tf.device("CPU:0"):
            step = self.step.read_value()
            step = tf.cond(step < self.steps, lambda: step, renew)
            start = step * self.batch_size
            rows = self.numbers[start : start + self.batch_size]
            self.step.assign(step + 1)
            return self.gather(rows) if self.cut is None else [self._part(rows, r) for r in self.cut.here]

    def _part(self, rows: Any, replica: int) -> Any:
        assert self.cut is not None
        start, end, count = self.cut.part(tf.shape(rows, out_type=tf.int64)[0], replica)
        return (*self.gather(rows[start:end]), count)
