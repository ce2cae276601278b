"""Outputs beside the targets they answer: one without the other is S205, and so is a target that nothing looks at."""

from __future__ import annotations

from collections.abc import Collection

from specc import codes
from specc.diagnostics import Log
from specc.passes.judge.case import Case
from specc.passes.judge.endings import ending_of, endings
from specc.plan import Field, Plan, Training
from specc.tensors import UNKNOWN


def matched(plan: Plan, training: Training, log: Log) -> list[Case]:
    """A case for each target that an output answers; what has no match is reported."""
    fields = plan.dataset.targets if plan.dataset else ()
    outputs = {o.name: o for o in plan.network.outputs}
    _report_unmatched(plan, fields, log)
    _report_untrained(plan, training, {field.name for field in fields}, log)
    ends = endings(plan.network)
    steps = {step.name: step for step in plan.network.steps}
    return [
        Case(
            output=output,
            step=steps.get(output.ref.name),
            answer=plan.network.tensor(output.ref) or UNKNOWN,
            ending=ending_of(output.ref, ends),
            target=target,
            facts={**target.feature.facts(), **plan.source.facts.get(f"targets.{target.name}", {})},
            loss=training.losses.get(target.name),
            metrics=training.metrics.get(target.name, ()),
            log=log,
        )
        for target in fields
        if (output := outputs.get(target.name)) is not None
    ]


def _report_unmatched(plan: Plan, targets: tuple[Field, ...], log: Log) -> None:
    answered = {target.name: target for target in targets}
    outputs = {o.name: o for o in plan.network.outputs}
    written = plan.tree["model"].get("outputs") if "model" in plan.tree else None
    for name, target in answered.items():
        if name not in outputs:
            log.report(
                codes.S205,
                written.key if written is not None else target.span,
                f"no output of the network answers the target `{name}`",
                help=f"name one: `outputs: {{{name}: REF}}` under `model`"
                if outputs
                else f"give the network a step that answers `{name}`",
            )
    for name, output in outputs.items():
        if name not in answered:
            log.report(
                codes.S205,
                written.key if written is not None else output.span,
                f"the output `{name}` answers no target of the dataset",
                help=f"the targets are: {', '.join(answered)}" if answered else "declare it under `dataset.targets`",
            )


def _report_untrained(plan: Plan, training: Training, answered: Collection[str], log: Log) -> None:
    """A target that has neither a loss nor a metric, where others have."""
    loss = plan.tree["training"].get("loss") if "training" in plan.tree else None
    for output in plan.network.outputs:
        left_out = output.name not in training.losses and not training.metrics.get(output.name)
        if loss is not None and left_out and output.name in answered:
            log.report(
                codes.S205,
                loss.key,
                f"`loss` says nothing of the target `{output.name}`, so nothing is learnt of it",
                help=f"add `{output.name}: …`, or leave out the target and its output",
            )
