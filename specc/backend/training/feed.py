"""A split of the data as training takes it: batches without end, from any step on, cut for replicas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from specc.backend.data import Split
from specc.backend.data.augmentation import augmentation
from specc.backend.data.cut import Cut
from specc.diagnostics import Log
from specc.plan import Dataset, Plan


@dataclass(frozen=True, slots=True)
class Feed:
    """Endless global batches `(inputs, targets)`: `stream(epoch, step, cut)` begins at that step of that epoch, from 0.

    It is a dataset, or something else that `iter` makes an iterator of. `cut` is as `Split.stream` takes it. `examples`
    make one pass.
    """

    stream: Callable[..., Any]
    examples: int
    batch_size: int

    @property
    def steps(self) -> int:
        """Batches of one pass; the last may be smaller."""
        return -(-self.examples // self.batch_size)


def feed(plan: Plan, dataset: Dataset, split: Split, log: Log, *, learns: bool, here: bool = False) -> Feed:
    """A split in the batches of a plan; where it is not learnt from, each pass is like any other.

    `here`: CPUs of this process take every step, so that the loop may gather for itself what lies in memory.

    Raises:
        Rejected: what Keras refuses of `augment` is in `log`.
    """
    augment = augmentation(dataset, log) if learns else None
    seed, size, shuffle = plan.seed, dataset.batch_size, dataset.shuffle if learns else False

    def stream(epoch: int, step: int, cut: Cut | None = None) -> Any:
        if here and augment is None:
            inline = split.inline(size, seed=seed, shuffle=shuffle, epoch=epoch, step=step, cut=cut)
            if inline is not None:
                return inline
        return split.stream(size, seed=seed, shuffle=shuffle, epoch=epoch, step=step, augment=augment, cut=cut)

    return Feed(stream, split.examples, size)
