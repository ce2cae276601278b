"""What an optimizer keeps of the weights that it trains: moments, averages, accumulators."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from specc import catalog
from specc.calls import UNKNOWN_VALUE, Call
from specc.plan import Step

Trained = tuple[Step, tuple[int, ...], int]
"""A weight that is trained: whose it is, its shape, and the bytes of one element."""

COPIES = {
    "Adadelta": 2,
    "Adagrad": 1,
    "Adam": 2,
    "AdamW": 2,
    "Adamax": 2,
    "Ftrl": 2,
    "Lamb": 2,
    "Lion": 1,
    "Nadam": 2,
    "RMSprop": 1,
    "SGD": 0,
    "ScheduleFreeAdamW": 2,
}
"""Arrays of a weight's shape that each optimizer keeps whatever its arguments. Adafactor and Muon go by the weight."""

SCRATCH = {
    "Adadelta": 4,
    "Adagrad": 2,
    "Adamax": 3,
    "Ftrl": 6,
    "Lion": 4,
    "Nadam": 3,
    "SGD": 1,
}
"""Arrays as large as a weight that an optimizer computes with to update it, as measured; also of an embedding, although
its gradient is of a few rows. Of those not named, and of SGD with momentum, two."""

ROUNDING = 4
"""As many more where weights are bfloat16, all in float32: the weight, its moments, and what they are rounded by."""

ITERATION, RATE, STEPS, SCALE = 8, 4, 8, 4
"""Scalars: an int64 that counts, a float32 that scales."""


def slots(optimizer: Call, weights: Sequence[Trained]) -> int | None:
    """The bytes of all variables of an optimizer; None where one of its arguments, or it itself, is not known."""
    takes = catalog.signature("optimizers", optimizer.name)
    if takes is None or any(value is UNKNOWN_VALUE for value in optimizer.arguments.values()):
        return None
    given: Mapping[str, Any] = {a.name: a.default for a in takes.arguments} | dict(optimizer.arguments)
    if takes.name == "LossScaleOptimizer":
        # The learning rate of its own is there, and not used.
        inner = given.get("inner_optimizer")
        held = slots(inner, weights) if isinstance(inner, Call) else None
        return None if held is None else held + ITERATION + RATE + STEPS + SCALE
    held = ITERATION + (0 if isinstance(given.get("learning_rate"), Call) else RATE)
    whole = bool(given.get("use_ema")) + bool(given.get("gradient_accumulation_steps"))
    for step, shape, width in weights:
        own = _of_one(takes.name, given, step, shape)
        if own is None:
            return None
        held += (whole * prod(shape) + own) * width
    if takes.name == "Adafactor":
        # Two numbers that stand for rows and columns.
        held += sum(2 * RATE for _, shape, _ in weights if len(shape) < 2)
    if takes.name == "Nadam":
        held += weights[0][2] if weights else RATE
    return held


def scratch(optimizer: Call) -> int:
    """How many arrays as large as a weight its update computes with."""
    takes = catalog.signature("optimizers", optimizer.name)
    inner = optimizer.arguments.get("inner_optimizer")
    if isinstance(inner, Call):
        return scratch(inner)
    name = optimizer.name if takes is None else takes.name
    return 2 if optimizer.arguments.get("momentum") else SCRATCH.get(name, 2)


def _of_one(name: str, given: Mapping[str, Any], step: Step, shape: tuple[int, ...]) -> int | None:
    """The numbers that an optimizer keeps of one weight, apart from averages and accumulated gradients."""
    size = prod(shape)
    if name == "Adafactor":
        return size + (prod(shape[:-1]) + prod(shape[:-2]) * shape[-1] if len(shape) > 1 else 0)
    if name == "Muon":
        return size * (1 + _by_adam(given, step, shape))
    copies = COPIES.get(name)
    if copies is None:
        return None
    if name in ("SGD", "RMSprop"):
        copies += bool(given.get("momentum"))
    return size * (copies + bool(given.get("centered")) + bool(given.get("amsgrad")))


def _by_adam(given: Mapping[str, Any], step: Step, shape: tuple[int, ...]) -> bool:
    """Whether Muon leaves a weight to Adam: all but matrices, and what its arguments except."""
    embeds = step.call.name == "Embedding" or "embedding" in step.name.lower()
    excepted = any(re.search(str(word), step.name) for word in given.get("exclude_layers") or ())
    return len(shape) != 2 or (bool(given.get("exclude_embeddings")) and embeds) or excepted
