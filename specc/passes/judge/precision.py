"""Arithmetic in 16 bits and the optimizer: squares of gradients that float16 has no numbers for are S406."""

from __future__ import annotations

from specc import catalog, codes
from specc.calls import Call
from specc.diagnostics import Log
from specc.plan import Plan, Training

SQUARES = frozenset({"Adam", "AdamW", "Lamb", "Nadam", "ScheduleFreeAdamW"})
"""Optimizers that divide by the root of a mean of squares and their `epsilon`, both in the dtype of the weight."""

ENOUGH = 1e-3
"""An `epsilon` with which they learn all the same."""


def judge_precision(plan: Plan, training: Training, log: Log) -> None:
    """Report S406 at steps whose weights an optimizer cannot train in float16."""
    optimizers = [_inner(phase.optimizer) for phase in training.phases]
    wrong = next((one for one in optimizers if _name(one) in SQUARES and _epsilon(one) < ENOUGH), None)
    if wrong is None:
        return
    for step in plan.network.steps:
        if step.frozen or not step.keeps("float16", plan.runtime.precision):
            continue
        log.report(
            codes.S406,
            step.call.spans.get("dtype", step.span),
            f"`{wrong.name}` cannot train the weights of `{step.label}` in float16: squares of most gradients are 0 "
            "there, and its steps far too large or NaN",
            help="write `dtype: mixed_float16`, which computes in float16 and keeps weights in float32",
            related=step.callers,
        )


def _inner(optimizer: Call) -> Call:
    inner = optimizer.arguments.get("inner_optimizer")
    return inner if isinstance(inner, Call) else optimizer


def _name(optimizer: Call) -> str:
    return catalog.aliases("optimizers").get(optimizer.name, optimizer.name)


def _epsilon(optimizer: Call) -> float:
    takes = catalog.signature("optimizers", _name(optimizer))
    default = takes.argument("epsilon") if takes else None
    found = optimizer.arguments.get("epsilon", default.default if default else None)
    return found if isinstance(found, float) else ENOUGH
