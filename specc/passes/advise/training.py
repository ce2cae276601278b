"""How it is trained: the size of steps, when to stop, and answers that cannot be given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from specc import codes
from specc.calls import Call
from specc.diagnostics import Diagnostic, Related, Span
from specc.kinds.features.number import Number
from specc.passes.advise.graph import Graph, activation, bare, number, value

ADAPTIVE, SCALED, PLAIN_STEPS = (1e-8, 0.1), (1e-6, 1.0), (1e-6, 10.0)
USUAL: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        **dict.fromkeys(("Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "Lamb", "ScheduleFreeAdamW"), ADAPTIVE),
        **dict.fromkeys(("Adafactor", "Muon"), SCALED),
        **dict.fromkeys(("SGD", "Adagrad", "Adadelta", "Ftrl"), PLAIN_STEPS),
        "Lion": (1e-8, 0.01),
    }
)
"""The lowest and the highest learning rate of an optimizer that anyone is known to do well with, generously."""
PEAKS = ("initial_learning_rate", "warmup_target", "end_learning_rate", "values")
"""Arguments of schedules that are learning rates; the greatest is what counts."""
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")

UNREACHED = ("relu", "softplus", "sigmoid", "hard_sigmoid", "softmax", "exponential")
"""Functions that never give a number below 0."""


def learning_rates(graph: Graph) -> Iterator[Diagnostic]:
    """W401: a learning rate far from what its optimizer is used with, a number or within a schedule."""
    if graph.plan.training is None:
        return
    for optimizer in {id(phase.optimizer): phase.optimizer for phase in graph.plan.training.phases}.values():
        yield from _learning_rate(optimizer)


def _learning_rate(optimizer: Call) -> Iterator[Diagnostic]:
    if bare(optimizer).name == "LossScaleOptimizer" and isinstance(inner := value(optimizer, "inner_optimizer"), Call):
        optimizer = inner
    name = bare(optimizer).name
    rate, span = _rate(optimizer)
    if rate is None or span is None or name not in USUAL:
        return
    lowest, highest = USUAL[name]
    if rate > highest and not (name == "SGD" and any(value(optimizer, clip) for clip in CLIPPING)):
        wrong = "the first steps will most likely throw it off"
    elif rate < lowest:
        wrong = "it will hardly learn" if rate > 0 else "it goes uphill" if rate else "it learns nothing"
    else:
        return
    default = number(Call("optimizers", name), "learning_rate")
    yield Diagnostic(
        codes.W401,
        span,
        f"`{optimizer.name}` with a learning rate of {rate:.4g}: {wrong}",
        help=f"it is used with {lowest:g} to {highest:g}" + (f"; Keras begins with {default:g}" if default else ""),
    )


def _rate(optimizer: Call) -> tuple[float | None, Span | None]:
    """The learning rate, of a schedule its greatest, and where it stands."""
    given = optimizer.arguments.get("learning_rate")
    if not isinstance(given, Call):
        return number(optimizer, "learning_rate"), optimizer.spans.get("learning_rate")
    found: list[tuple[float, str]] = []
    for name in PEAKS:
        many = given.arguments.get(name)
        for one in many if isinstance(many, (list, tuple)) else [many]:
            if isinstance(one, (int, float)) and not isinstance(one, bool):
                found.append((one, name))
    if not found:
        return None, None
    rate, name = max(found)
    return rate, given.spans.get(name, given.span)


def stopping_by_training(graph: Graph) -> Iterator[Diagnostic]:
    """W402: `EarlyStopping` that watches the examples which are learnt."""
    training, dataset = graph.plan.training, graph.plan.dataset
    for callback in training.callbacks if training and dataset else ():
        watched = value(callback, "monitor")
        if callback.name != "EarlyStopping" or not isinstance(watched, str) or watched.startswith("val_"):
            continue
        if watched == "learning_rate":  # which is no answer to any example
            continue
        held_out = dataset is not None and (dataset.split.validation > 0 or "validation" in dataset.sources)
        span = callback.spans.get("monitor", callback.span)
        if span is not None:
            yield Diagnostic(
                codes.W402,
                span,
                f"`EarlyStopping` watches `{watched}` of the examples that are trained on: it goes on improving while "
                "the network learns them by heart",
                help=f"`monitor: val_{watched}`"
                + ("" if held_out else ", and hold examples out: `split: {validation: 0.1}` under `dataset`"),
            )


def unreachable_targets(graph: Graph) -> Iterator[Diagnostic]:
    """W403: a target with mean 0, and an output that is never below 0."""
    plan = graph.plan
    if plan.training is None or plan.dataset is None:
        return
    targets = {field.name: field for field in plan.dataset.targets}
    for output in graph.network.outputs:
        step, target = graph.steps.get(output.ref.name), targets.get(output.name)
        function = activation(step) if step is not None else None
        if step is None or target is None or not isinstance(target.feature, Number) or function not in UNREACHED:
            continue
        if target.feature.scale == "standard":
            yield Diagnostic(
                codes.W403,
                step.call.spans.get("activation", step.span),
                f"`{function}` never gives a number below 0, and `scale: standard` puts the mean of `{target.name}` at "
                "0: what is below the mean cannot be reached",
                help="leave out the activation, or the scaling: `scale: minmax` or `scale: none`",
                related=(Related(f"the target `{target.name}`", target.span), *step.callers),
            )
