"""Arithmetic in 16 bits and the optimizer: what is 1 there, and should be a little less, is S406."""

from __future__ import annotations

from specc import catalog, codes
from specc.calls import Call
from specc.diagnostics import Log, Related
from specc.plan import Plan, Step, Training

DECAYS = {
    **dict.fromkeys(("Adam", "AdamW", "Lamb", "Nadam", "ScheduleFreeAdamW"), "beta_2"),
    "Muon": "adam_beta_2",
}
"""The argument of an optimizer that Keras turns into the dtype of a weight before it takes 1 minus a power of it."""

ROUNDED_UP = 1 - 2.0**-9
"""What is above it, bfloat16 takes for 1: the numbers right below 1 are 1/256 apart."""


def judge_precision(plan: Plan, training: Training, log: Log) -> None:
    """Report S406 for an optimizer that cannot train weights in bfloat16."""
    for optimizer in {id(phase.optimizer): phase.optimizer for phase in training.phases}.values():
        _judge(optimizer, plan, training, log)


def _judge(optimizer: Call, plan: Plan, training: Training, log: Log) -> None:
    if catalog.aliases("optimizers").get(optimizer.name, optimizer.name) == "LossScaleOptimizer":
        inner = optimizer.arguments.get("inner_optimizer")
        optimizer = inner if isinstance(inner, Call) else optimizer
    name = catalog.aliases("optimizers").get(optimizer.name, optimizer.name)
    argument = DECAYS.get(name, "")
    takes = catalog.signature("optimizers", name)
    default = takes.argument(argument) if takes else None
    decay = optimizer.arguments.get(argument, default.default if default else None)
    if not isinstance(decay, float) or not ROUNDED_UP < decay < 1:
        return
    step = next((step for step in plan.network.steps if _in_bfloat16(step, plan.runtime.precision)), None)
    if step is None:
        return
    place = plan.runtime.spans.get("precision") if plan.runtime.precision == "bfloat16" else step.span
    log.report(
        codes.S406,
        optimizer.spans.get(argument) or optimizer.span or training.span,
        f"`{optimizer.name}` cannot train weights in bfloat16: its `{argument}` of {decay:g} is 1 there, and its steps "
        "come out as 0 or NaN",
        help=f"write `{argument}: 0.99`, or keep weights in float32: `precision: mixed_bfloat16`",
        related=(Related("weights are bfloat16 because of this", place),) if place else (),
    )


def _in_bfloat16(step: Step, policy: str) -> bool:
    """Whether a step has weights of that dtype that are trained."""
    if step.frozen or step.call.family == "ops" or (step.call.arguments.get("dtype") or policy) != "bfloat16":
        return False
    return step.weights is None or any(weight.trainable for weight in step.weights)
