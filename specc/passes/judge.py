"""judge: Plan → Plan. Losses, targets, metrics and outputs: does the spec mean something?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from specc import catalog, codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Code, Log, Related, Span
from specc.kinds.features.binary import Binary
from specc.kinds.features.category import Category
from specc.kinds.features.number import Number
from specc.plan import Edge, Field, Network, Output, Plan, Ref, Step
from specc.tensors import Shape, Tensor, show

SPARSE_LOSSES = ("SparseCategoricalCrossentropy",)
CATEGORICAL_LOSSES = ("CategoricalCrossentropy", "CategoricalFocalCrossentropy")
BINARY_LOSSES = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
CROSSENTROPIES = (*SPARSE_LOSSES, *CATEGORICAL_LOSSES, *BINARY_LOSSES)
SPARSE_METRICS = ("SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SparseCategoricalCrossentropy")
ELEMENTWISE_METRICS = (
    *(
        "Precision",
        "Recall",
        "AUC",
        "BinaryAccuracy",
        "BinaryCrossentropy",
        "CategoricalAccuracy",
        "TopKCategoricalAccuracy",
    ),
    *("CategoricalCrossentropy", "F1Score", "FBetaScore", "PrecisionAtRecall", "RecallAtPrecision", "TruePositives"),
    *("TrueNegatives", "FalsePositives", "FalseNegatives", "SensitivityAtSpecificity", "SpecificityAtSensitivity"),
    *("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "R2Score"),
    *("MeanSquaredLogarithmicError", "LogCoshError", "CosineSimilarity", "KLDivergence", "Poisson"),
    *("Hinge", "SquaredHinge", "CategoricalHinge"),
)
"""Losses and metrics that compare an answer with a target element by element, so that both must have one shape."""
ELEMENTWISE_LOSSES = (
    *("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError"),
    *("Huber", "LogCosh", "Poisson", "KLDivergence", "CosineSimilarity", "Hinge", "SquaredHinge", "CategoricalHinge"),
    *("Tversky", "Dice"),
    *CATEGORICAL_LOSSES,
    *BINARY_LOSSES,
)
ACCURACY = ("accuracy", "acc")
PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid", "sparsemax", "sparse_sigmoid")


def judge(plan: Plan, log: Log) -> Plan:
    """Report what is well formed and means nothing; leave out the steps that nothing uses."""
    network = _without_unused(plan.network, log)
    if plan.dataset is not None and plan.training is not None:
        matched = _match(plan, log)
        for output, target in matched:
            tensor = network.tensor(output.ref)
            case = _Case(network, output, target, target.feature.tensor(), tensor, log)
            if (loss := plan.training.losses.get(output.name)) is not None:
                _judge_loss(case, loss)
            for metric in plan.training.metrics.get(output.name, ()):
                _judge_metric(case, metric)
    return replace(plan, network=network)


def _without_unused(network: Network, log: Log) -> Network:
    by_name = {step.name: step for step in network.steps}
    used: set[str] = set()
    waiting = [o.ref.name for o in network.outputs]
    while waiting:
        name = waiting.pop()
        if name in used:
            continue
        used.add(name)
        if name in by_name:
            waiting += [ref.name for edge in by_name[name].inputs.values() for ref in _refs(edge)]
            if (shared := by_name[name].shares) is not None:
                # The step that owns the weights may itself be off the path: it is built, not used.
                waiting.append(shared)
    fed = {ref.name for step in network.steps for edge in step.inputs.values() for ref in _refs(edge)}
    for step in network.steps:
        if step.name not in used and step.name not in fed:
            log.report(
                codes.S206,
                step.span,
                f"nothing uses what `{step.label}` gives",
                help="refer to it in `inputs` or `outputs`, or take it out",
                related=step.callers,
            )
    for given in network.inputs:
        if network.outputs and given.name not in used and given.name not in fed:
            log.report(
                codes.S206,
                given.span,
                f"nothing uses the input `{given.name}`",
                help="refer to it in the `inputs` of a step, or take it out",
            )
    return replace(network, steps=tuple(s for s in network.steps if s.name in used))


def _refs(edge: Edge) -> tuple[Ref, ...]:
    return edge if isinstance(edge, tuple) else (edge,)


def _match(plan: Plan, log: Log) -> list[tuple[Output, Field]]:
    """Outputs beside the targets they answer; one without the other is S205."""
    assert plan.dataset is not None
    targets = {f.name: f for f in plan.dataset.targets}
    outputs = {o.name: o for o in plan.network.outputs}
    written = plan.tree["model"].get("outputs") if "model" in plan.tree else None
    for name, target in targets.items():
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
        if name not in targets:
            log.report(
                codes.S205,
                written.key if written is not None else output.span,
                f"the output `{name}` answers no target of the dataset",
                help=f"the targets are: {', '.join(targets)}" if targets else "declare it under `dataset.targets`",
            )
    return [(outputs[name], targets[name]) for name in targets if name in outputs]


@dataclass(frozen=True, slots=True)
class _Case:
    """One output, the target it is to answer, and what is known of both."""

    network: Network
    output: Output
    target: Field
    wanted: Tensor
    answer: Tensor | None
    log: Log

    @property
    def step(self) -> Step | None:
        return self.network.step(self.output.ref.name)

    @property
    def is_index(self) -> bool:
        """Is the target a class number?"""
        return (self.wanted.dtype or "").startswith(("int", "uint"))

    @property
    def classes(self) -> int | None:
        found = self.target.feature.facts().get("classes")
        return found if isinstance(found, int) else None

    @property
    def related(self) -> tuple[Related, ...]:
        return (Related(f"the target `{self.target.name}`", self.target.span),)


def _judge_loss(case: _Case, loss: Call) -> None:
    name = catalog.aliases("losses").get(loss.name, loss.name)
    if name not in catalog.names("losses"):
        return
    span = loss.span or case.output.span
    if name in SPARSE_LOSSES:
        if not case.is_index and case.wanted.dtype is not None:
            case.log.report(
                codes.S403,
                span,
                f"`{loss.name}` wants class numbers, and the target `{case.target.name}` is {_describe(case)}",
                help=_better_loss(case),
                related=case.related,
            )
            return
        if not _judge_sparse_shape(case, loss.name, span, codes.S401):
            return
    elif name in ELEMENTWISE_LOSSES:
        if case.is_index and isinstance(case.target.feature, Category):
            case.log.report(
                codes.S403,
                span,
                f"`{loss.name}` compares value by value, and the target `{case.target.name}` is a class number",
                help="use `sparse_categorical_crossentropy`, or give the target `encode: one_hot`",
                related=case.related,
            )
            return
        if not _same_shape(case.answer, case.wanted):
            case.log.report(
                codes.S401,
                span,
                f"`{loss.name}` compares value by value: the output is {_shape(case.answer)} and the target "
                f"`{case.target.name}` is {_shape(case.wanted)}",
                help=_fit_output(case),
                related=case.related,
            )
            return
    if name in CROSSENTROPIES:
        _judge_activation(case, loss, name, span)


def _judge_sparse_shape(case: _Case, name: str, span: Span, code: Code) -> bool:
    answer, wanted = case.answer, case.wanted
    if answer is None or answer.shape is None or wanted.shape is None:
        return True
    lead = answer.shape[:-1]
    target = wanted.shape[:-1] if len(wanted.shape) == len(answer.shape) and wanted.shape[-1] == 1 else wanted.shape
    if not answer.shape or not _agree(lead, target):
        case.log.report(
            code,
            span,
            f"`{name}` wants one score for each class at the end of the output: the output is {_shape(answer)} and "
            f"the target `{case.target.name}` is {_shape(wanted)}",
            help="flatten or pool the output first, and end with `Dense: {units: CLASSES, activation: softmax}`",
            related=case.related,
        )
        return False
    scores, classes = answer.shape[-1], case.classes
    if scores is not None and classes is not None and scores != classes and (scores < classes or _is_last(case)):
        step = case.step
        case.log.report(
            codes.S405,
            step.span if step else span,
            f"the output has {scores} score{'s' * (scores != 1)}, and the target `{case.target.name}` has "
            f"{classes} classes",
            help=f"let the last layer have {classes} units: `${{targets.{case.target.name}.classes}}`",
            related=(*case.related, *(step.callers if step else ())),
        )
        return False
    return True


def _is_last(case: _Case) -> bool:
    """Is the output a layer whose `units` the spec gives? More scores than classes are a slip only there."""
    return case.step is not None and "units" in case.step.call.arguments


def _judge_activation(case: _Case, loss: Call, name: str, span: Span) -> None:
    activation = _activation(case.step)
    logits = loss.arguments.get("from_logits", False)
    if activation is None or not isinstance(logits, bool):
        return
    fitting = "sigmoid" if name in BINARY_LOSSES else "softmax"
    canonical = catalog.aliases("losses").get(loss.name, loss.name)
    place = (Related(f"the last activation, `{activation}`", case.step.span),) if case.step else ()
    if logits and activation in PROBABILITIES:
        case.log.report(
            codes.S402,
            span,
            f"`from_logits: true` applies {fitting} to an output that `{activation}` has made into probabilities",
            help="leave out `from_logits`, or leave out the activation",
            related=place,
        )
    elif not logits and activation not in PROBABILITIES:
        case.log.report(
            codes.S402,
            span,
            f"`{loss.name}` wants probabilities, and the last activation is `{activation}`",
            help=f"give the last layer `activation: {fitting}`, or write `{canonical}: {{from_logits: true}}`",
            related=place,
        )
    elif name in BINARY_LOSSES and activation == "softmax" and case.answer and (case.answer.shape or ())[-1:] == (1,):
        case.log.report(
            codes.S402,
            span,
            "softmax over one unit is always 1, so nothing can be learnt",
            help="give the last layer `activation: sigmoid`",
            related=place,
        )


def _judge_metric(case: _Case, metric: Call) -> None:
    name = catalog.aliases("metrics").get(metric.name, metric.name)
    span = metric.span or case.output.span
    if metric.name in ACCURACY:
        if isinstance(case.target.feature, Number):
            case.log.report(
                codes.S404,
                span,
                f"`{metric.name}` counts right classes, and the target `{case.target.name}` is a number",
                help="use `mean_absolute_error` or `RootMeanSquaredError`",
                related=case.related,
            )
    elif name in SPARSE_METRICS:
        if not case.is_index and case.wanted.dtype is not None:
            case.log.report(
                codes.S404,
                span,
                f"`{metric.name}` wants class numbers, and the target `{case.target.name}` is {_describe(case)}",
                help="use `accuracy`, which finds the fitting one",
                related=case.related,
            )
        elif case.answer is not None and case.answer.shape is not None and case.wanted.shape is not None:
            _judge_sparse_shape(case, metric.name, span, codes.S404)
    elif name in ELEMENTWISE_METRICS and not _same_shape(case.answer, case.wanted):
        case.log.report(
            codes.S404,
            span,
            f"`{metric.name}` compares value by value: the output is {_shape(case.answer)} and the target "
            f"`{case.target.name}` is {_shape(case.wanted)}",
            help="use `accuracy` or a `Sparse…` metric, or give the target `encode: one_hot`"
            if case.is_index
            else _fit_output(case),
            related=case.related,
        )


def _activation(step: Step | None) -> str | None:
    """The function that the step's values come out of, or None where that is not plain to see."""
    if step is None or len(step.outputs or ()) > 1:
        return None
    call = step.call
    if call.family == "ops":
        return call.name if call.name in ("softmax", "sigmoid", "relu", "tanh", "log_softmax") else None
    if call.family != "layers":
        return None
    if call.name in ("Softmax", "ReLU"):
        return call.name.lower()
    given: Any = call.arguments.get("activation", "linear")
    if isinstance(given, Call):
        given = given.name
    if call.name == "Activation" or call.name in ("Dense", "EinsumDense") or call.name.startswith("Conv"):
        return None if given is UNKNOWN_VALUE else "linear" if given is None else str(given)
    return None


def _describe(case: _Case) -> str:
    match case.target.feature:
        case Category():
            return "one-hot"
        case Binary():
            return "binary"
        case Number():
            return "a number"
    return f"{_shape(case.wanted)} of {case.wanted.dtype}"


def _better_loss(case: _Case) -> str:
    match case.target.feature:
        case Category():
            return "use `categorical_crossentropy`, or leave out `encode: one_hot`"
        case Binary():
            return "use `binary_crossentropy` on `Dense: {units: 1, activation: sigmoid}`"
        case Number():
            return "use `mean_squared_error`"
    return "give the target an integer dtype, or use another loss"


def _fit_output(case: _Case) -> str:
    wanted = case.wanted.shape
    if wanted is None:
        return ""
    if len(wanted) == 2 and wanted[1] is not None:
        return f"let the output have {wanted[1]} value{'s' * (wanted[1] != 1)}: `Dense: {wanted[1]}` at the end"
    return f"let the output be {show(wanted)}"


def _shape(tensor: Tensor | None) -> str:
    return show(tensor.shape if tensor else None)


def _same_shape(answer: Tensor | None, wanted: Tensor) -> bool:
    """Do they agree as far as is known, where Keras adds or drops a last dimension of 1?"""
    if answer is None or answer.shape is None or wanted.shape is None:
        return True
    a, b = answer.shape, wanted.shape
    if len(a) == len(b) + 1 and a[-1] == 1:
        a = a[:-1]
    elif len(b) == len(a) + 1 and b[-1] == 1:
        b = b[:-1]
    return _agree(a, b)


def _agree(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))
