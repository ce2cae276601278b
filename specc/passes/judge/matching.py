"""Outputs beside the targets they answer: one without the other is S205, and so is a target that nothing looks at."""

from __future__ import annotations

from collections.abc import Collection

from specc import codes
from specc.calls import Call
from specc.diagnostics import Log
from specc.passes.judge.case import Case
from specc.passes.judge.endings import ending_of, endings
from specc.plan import Field, Plan, Training
from specc.tensors import UNKNOWN


def matched(plan: Plan, training: Training, log: Log) -> list[Case]:
    """A case for each loss of an output, and for each output that is measured alone; what has no match is reported."""
    fields = plan.dataset.targets if plan.dataset else ()
    outputs = {o.name: o for o in plan.network.outputs}
    _report_unmatched(plan, training, fields, log)
    _report_untrained(plan, training, {field.name for field in fields}, log)
    ends = endings(plan.network)
    steps = {step.name: step for step in plan.network.steps}
    answered = {field.name: field for field in fields}

    def case(name: str, target: Field, loss: Call | None, *, measured: bool) -> Case:
        output = outputs[name]
        return Case(
            output=output,
            step=steps.get(output.ref.name),
            answer=plan.network.tensor(output.ref) or UNKNOWN,
            ending=ending_of(output.ref, ends),
            target=target,
            facts={**target.feature.facts(), **plan.source.facts.get(f"targets.{target.name}", {})},
            loss=loss,
            metrics=training.metrics.get(name, ()) if measured else (),
            log=log,
        )

    trained: list[str] = []
    cases = []
    for term in training.terms:
        if term.output in outputs and term.target in answered:
            cases.append(case(term.output, answered[term.target], term.loss, measured=term.output not in trained))
            trained.append(term.output)
    alone = [field for field in fields if field.name in outputs and field.name not in trained]
    return [*cases, *(case(field.name, field, None, measured=True) for field in alone)]


def _report_unmatched(plan: Plan, training: Training, targets: tuple[Field, ...], log: Log) -> None:
    answered = {target.name: target for target in targets}
    trained = {term.target for term in training.terms}
    judged = {term.output for term in training.terms if term.target in answered}
    outputs = {o.name: o for o in plan.network.outputs}
    written = plan.tree["model"].get("outputs") if "model" in plan.tree else None
    for name, target in answered.items():
        if name not in outputs and name not in trained:
            log.report(
                codes.S205,
                written.key if written is not None else target.span,
                f"no output of the network answers the target `{name}`",
                help=f"name one: `outputs: {{{name}: REF}}` under `model`"
                if outputs
                else f"give the network a step that answers `{name}`",
            )
    for name, output in outputs.items():
        if name not in answered and name not in judged:
            log.report(
                codes.S205,
                written.key if written is not None else output.span,
                f"the output `{name}` answers no target of the dataset",
                help=f"the targets are: {', '.join(answered)}" if answered else "declare it under `dataset.targets`",
            )


def _report_untrained(plan: Plan, training: Training, answered: Collection[str], log: Log) -> None:
    """A target that has neither a loss nor a metric, where others have."""
    loss = plan.tree["training"].get("loss") if "training" in plan.tree else None
    judged = {term.output for term in training.terms}
    for output in plan.network.outputs:
        left_out = output.name not in judged and not training.metrics.get(output.name)
        if loss is not None and left_out and output.name in answered:
            log.report(
                codes.S205,
                loss.key,
                f"`loss` says nothing of the target `{output.name}`, so nothing is learnt of it",
                help=f"add `{output.name}: …`, or leave out the target and its output",
            )
