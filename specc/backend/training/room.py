"""The memory that there is to train in, beside what training is foretold to take: S604 where it is not enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import tensorflow as tf

from specc import codes
from specc.backend.devices import free_memory
from specc.diagnostics import Log, Rejected, Span
from specc.memory import Memory, largest_batch, memory
from specc.memory.figures import size
from specc.plan import Plan, Step

MARGIN = 0.9
"""What of free memory a batch can have: it lies in pieces, and more than tensors is kept in it."""

TOO_MUCH = 1.5
"""What is foretold to take so many times the memory that is free is not tried on CPUs: a system that runs out of memory
ends processes without a word. Estimates are nearer than that."""


@dataclass(frozen=True)
class Room:
    """What there was for a plan when it began: `free` bytes, on each of so many devices as share a batch.

    `batch` is the largest that there is in an epoch, with a part for each of `parts` devices with their own memory.
    """

    plan: Plan
    batch: int
    parts: int = 1
    free: int = field(default_factory=free_memory)

    @cached_property
    def needed(self) -> Memory:
        """What training takes on one of the devices, by the estimate."""
        return memory(self.plan, -(-self.batch // self.parts))

    @property
    def largest(self) -> int:
        """The largest batch that fits by the estimate, no larger than the one that there is; 0 where none does."""
        return min(self.batch, self.parts * largest_batch(self.plan, int(MARGIN * self.free)))

    @contextmanager
    def explained(self, log: Log) -> Iterator[None]:
        """Report that memory runs out while a network is made. Raises `Rejected`."""
        try:
            yield
        except (MemoryError, tf.errors.ResourceExhaustedError) as error:
            self.shortage(log, "there is no memory for the weights of this network")
            raise Rejected(log) from error

    def foresee(self, log: Log) -> None:
        """Report what cannot fit beside the weights, which are there already. Raises `Rejected`."""
        if self._beside_weights <= TOO_MUCH * self.free:
            return
        step = max(self.plan.network.steps, key=_answers)
        what = f"what `{step.name}` answers takes {size(_answers(step) * self.needed.batch)}"
        self.shortage(log, f"training does not fit in memory: {what}", span=step.span)
        raise Rejected(log)

    @property
    def warning(self) -> str:
        """A word where training is foretold to take more than is free beside the weights; else empty."""
        if self._beside_weights <= self.free:
            return ""
        remedy = f"; with `batch_size: {self.largest}` it fits" if self.largest else ""
        foretold = f"by the estimate training takes {size(self.needed.training)}, and {size(self.free)} are free"
        return f"memory may run out: {foretold}{remedy}"

    def shortage(self, log: Log, message: str, *, span: Span | None = None) -> None:
        """Report S604, with what training was to take by the estimate, and the largest batch that fits."""
        needed, fits = self.needed, self.largest
        told = f"training was to take about {size(needed.training)} with `batch_size: {self.batch}`"
        told += "" if needed.exact else ", not counting steps of unknown size"
        told += f", and {size(self.free)} were free"
        told += " on each device" if self.parts > 1 else ""
        if fits == 0:
            remedy = "one example alone is too much by this estimate: a smaller network is needed"
        elif fits < self.batch:
            remedy = f"by this estimate, `batch_size: {fits}` is the largest that fits"
        else:
            half = max(1, self.batch // 2)
            remedy = f"by this estimate it fits, and it does not: others may take memory too; try `batch_size: {half}`"
        log.report(codes.S604, span or self.plan.network.outputs[0].span, message, help=f"{told}\n{remedy}")

    @property
    def _beside_weights(self) -> int:
        return self.needed.training - self.needed.weights


def _answers(step: Step) -> int:
    """Bytes of what a step answers for one example; what is of unknown size counts nothing."""
    return sum(out.bytes or 0 for out in step.outputs or ())
