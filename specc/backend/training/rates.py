"""A learning rate found by trial: it grows from step to step, and the loss shows from where to where it helps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from specc.backend.training.progress import Progress
from specc.backend.training.steps import Steps
from specc.calls import Call
from specc.plan import Plan

LEAST, GREATEST, STEPS = 1e-6, 10.0, 300
"""The rates that are tried, evenly on a logarithmic scale."""

MEMORY = 0.95
"""What a smoothed loss keeps of the one before."""

LOST = 4.0
"""A smoothed loss of so many times the best has left for good."""

FALL = 0.01
"""A loss that falls by less than this part of itself has not fallen."""

SETTLED = 20
"""So many steps are taken before the loss is believed."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The rates that were tried, and the loss after a step with each: of its batch, and smoothed.

    `suggested` is where the smoothed loss falls fastest, None where it never falls; `bounded` whether the end was
    reached before the greatest rate, because the loss had left for good or was not finite.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggested: float | None
    bounded: bool


def steerable(plan: Plan) -> Plan:
    """The first phase of a plan with a learning rate that can be set: a number, where it may have a schedule."""
    if plan.training is None:
        return plan
    first = plan.training.phases[0]
    phase = replace(first, optimizer=_with_rate(first.optimizer))
    return replace(plan, training=replace(plan.training, phases=(phase,)))


def _with_rate(optimizer: Call) -> Call:
    inner = optimizer.arguments.get("inner_optimizer")
    given = {"inner_optimizer": _with_rate(inner)} if isinstance(inner, Call) else {"learning_rate": LEAST}
    return replace(optimizer, arguments={**optimizer.arguments, **given})


def sweep(steps: Steps, batches: Any, progress: Progress) -> Sweep:
    """Train with ever greater rates until the loss has left for good.

    Args:
        steps: of a plan that is `steerable`. batches: an endless dataset of global batches.
    """
    steps.build()
    optimizer, iterator = steps.objective.optimizer, steps.feed(batches)
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    mean, best, bounded = 0.0, math.inf, False
    for number, rate in enumerate(np.geomspace(LEAST, GREATEST, STEPS).tolist()):
        with steps.strategy.scope():
            optimizer.learning_rate.assign(rate)
        tally = steps.train(iterator, tf.constant(1), steps.nothing())
        loss = float(tally.losses[0] / tally.examples)
        if bounded := not math.isfinite(loss):
            break
        mean = MEMORY * mean + (1 - MEMORY) * loss
        unbiased = mean / (1 - MEMORY ** (number + 1))
        rates.append(rate)
        losses.append(loss)
        smoothed.append(unbiased)
        if number >= SETTLED:
            best = min(best, unbiased)
        if bounded := number > SETTLED and unbiased > LOST * best and best > 0:
            break
        if number % 50 == 49:
            progress.say(f"{number + 1} of {STEPS} rates tried, up to {rate:.1e}: loss {unbiased:.4g}")
    return Sweep(tuple(rates), tuple(losses), tuple(smoothed), suggestion(rates, smoothed), bounded)


def suggestion(rates: list[float], smoothed: list[float]) -> float | None:
    """The rate at which a smoothed loss falls fastest, to two digits; None where it falls nowhere."""
    if len(rates) <= 2 * SETTLED:
        return None
    lowest = SETTLED + int(np.argmin(smoothed[SETTLED:]))
    first = smoothed[SETTLED]
    if first - smoothed[lowest] < FALL * abs(first):
        return None
    slopes = np.gradient(np.asarray(smoothed), np.log(rates))[SETTLED : lowest + 1]
    # Smoothing shows a fall late, by about as many steps as it remembers; half of that is safe.
    steepest = max(0, SETTLED + int(np.argmin(slopes)) - round(0.5 / (1 - MEMORY)))
    return float(f"{rates[steepest]:.1e}")
