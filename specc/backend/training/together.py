"""What the processes of a run decide together: all take the same steps, and nobody waits for one that has left."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf


class Together:
    """The processes that share every batch. Alone, where a strategy has one only, nothing is exchanged.

    All of them must call the methods of this class equally often and in the same order: each is a sum over all.
    """

    def __init__(self, strategy: Any) -> None:
        self.strategy = strategy
        self.alone = not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self.stopped = False
        """Whether a callback has ended training, as far as all know."""
        self.asked: signal.Signals | None = None
        """Which signal asked one of them to stop, as far as all know; SIGTERM before SIGINT."""

    @property
    def leads(self) -> bool:
        """Whether this process keeps what comes of the run."""
        return self.alone or bool(self.strategy.extended.should_checkpoint)

    def agree(self, wanted: int, *, stop: bool = False, asked: signal.Signals | None = None) -> int:
        """The steps that all take next: what the one that leads wants, and none when any of them is to stop.

        Left to themselves they would take different numbers, each by its own clock, and be asked to stop at different
        steps.
        """
        told = [self._led(wanted), stop, asked == signal.SIGINT, asked == signal.SIGTERM]
        wanted, stops, *signals = self._total(told)
        self.stopped = bool(stops)
        for by, count in zip((signal.SIGINT, signal.SIGTERM), signals, strict=True):
            self.asked = by if count else self.asked
        return 0 if self.stopped or self.asked else wanted

    def lead(self, answer: int) -> int:
        """What the one that leads says, whoever is asked to stop meanwhile."""
        return self._total([self._led(answer)])[0]

    def share(self, given: bytes = b"") -> bytes:
        """What the one that leads gives, for all."""
        if self.alone:
            return given
        (size,) = self._total([self._led(len(given))])
        numbers = np.zeros(-(-size // 8), np.int64)
        if self.leads:
            numbers = np.frombuffer(given.ljust(8 * len(numbers), b"\0"), np.int64)
        return self._sum(tf.constant(numbers)).numpy().tobytes()[:size] if size else b""

    def wait(self) -> None:
        """Return when all have come this far."""
        self._total([0])

    def _led(self, value: int) -> int:
        return int(value) if self.leads else 0

    def _total(self, numbers: Sequence[int]) -> list[int]:
        if self.alone:
            return [int(number) for number in numbers]
        return [int(number) for number in self._sum(tf.constant(numbers, tf.int64)).numpy()]

    @cached_property
    def _sum(self) -> Any:
        def replica(numbers: Any) -> Any:
            context = tf.distribute.get_replica_context()
            here = len(self.strategy.extended.worker_devices)
            first = tf.equal(context.replica_id_in_sync_group % here, 0)  # a process with several replicas counts once
            return context.all_reduce("SUM", tf.where(first, numbers, tf.zeros_like(numbers)))

        def total(numbers: Any) -> Any:
            return self.strategy.experimental_local_results(self.strategy.run(replica, args=(numbers,)))[0]

        # A trace for each size: a collective remembers the shape that it had first.
        return tf.function(total, autograph=False)
