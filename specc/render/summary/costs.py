"""What steps cost, one by one and added up, with what is not known kept in sight."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from specc.plan import Step


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of which some parts may be missing: then it is `at least` what is known."""

    known: int
    missing: int = 0

    @property
    def exactly(self) -> int | None:
        return None if self.missing else self.known

    @property
    def at_least(self) -> str:
        """`at least ` where a part is missing."""
        return "at least " if self.missing else ""


def added(parts: Iterable[int | None]) -> Sum:
    found = list(parts)
    return Sum(sum(part for part in found if part is not None), sum(part is None for part in found))


@dataclass(frozen=True, slots=True)
class Costs:
    """Weights, trained weights, floating-point operations and kept bytes of several steps, for one example."""

    weights: Sum
    trainable: Sum
    flops: Sum
    kept: Sum


def costs(steps: Iterable[Step]) -> Costs:
    found = list(steps)
    return Costs(
        added(parameters(step) for step in found),
        added(trainable(step) for step in found),
        added(flops(step) for step in found),
        added(step.kept_bytes for step in found),
    )


def parameters(step: Step) -> int | None:
    """The weights a step brings to the network; none where it uses another's again."""
    if step.shares is not None:
        return 0
    return None if step.weights is None else sum(w.size for w in step.weights)


def trainable(step: Step) -> int | None:
    """Those of them that training changes."""
    if step.shares is not None:
        return 0
    return None if step.trained is None else sum(w.size for w in step.trained)


def flops(step: Step) -> int | None:
    """The operations of a forward pass over one example; not known where the step has no rule."""
    return None if step.outputs is None else step.flops
