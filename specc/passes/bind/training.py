"""Training, runtime and export: losses and metrics by the output they judge."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from specc import codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log, Span
from specc.passes.bind.calls import bind_call
from specc.passes.bind.losses import bind_losses, known_output
from specc.passes.bind.paths import absolute
from specc.passes.bind.phases import bind_phases, count
from specc.passes.bind.values import Values
from specc.plan import ClassWeight, Runtime, Schedule, Step, Training
from specc.tensors import PRECISIONS
from specc.tree import Tree

_EVERY = re.compile(r"([1-9]\d*) (epoch|step|minute)s?")


def bind_training(
    tree: Tree, steps: Sequence[Step], meant: Mapping[str, str], targets: Collection[str], values: Values, log: Log
) -> Training:
    """The `training` section. What is given once counts for every output; `meant` names them, as in `bind_losses`."""
    names = list(dict.fromkeys(meant.values()))
    return Training(
        terms=bind_losses(tree["loss"], meant, targets, values, log),
        metrics=_metrics(tree["metrics"], names, targets, values, log) if "metrics" in tree else {},
        phases=bind_phases(tree, steps, values, log),
        span=tree.key,
        class_weight=_class_weight(tree["class_weight"], values, log) if "class_weight" in tree else None,
        validation_freq=count(tree, "validation_freq", values, log) or 1,
        start_from=_start(tree["start_from"], values) if "start_from" in tree else None,
    )


def _start(tree: Tree, values: Values) -> tuple[str, Span] | None:
    """Where weights come from, a path made absolute."""
    path = values.compute(tree).value
    return (absolute(path, tree.span), tree.span) if isinstance(path, str) else None


def bind_runtime(tree: Tree | None, values: Values, log: Log) -> Runtime:
    """The `runtime` section; left out, specc chooses."""
    strategy = _call("strategies", tree["strategy"], values, log) if tree and "strategy" in tree else None
    steps = values.compute(tree["steps_per_call"]).value if tree and "steps_per_call" in tree else None
    xla = _one_of("xla", (True, False, "auto"), tree, values, log)
    return Runtime(
        strategy=strategy or Call("strategies", "auto"),
        steps_per_call=steps if isinstance(steps, int) and steps > 0 else None,
        precision=_one_of("precision", PRECISIONS, tree, values, log) or PRECISIONS[0],
        xla=xla if isinstance(xla, bool) else None,
        checkpoint=_schedule(tree["checkpoint"], values, log) if tree and "checkpoint" in tree else Schedule(),
        tracking=tuple(_call("trackers", item, values, log) for item in tree["tracking"].elements)
        if tree and "tracking" in tree
        else (),
        deterministic=bool(tree and "deterministic" in tree and values.compute(tree["deterministic"]).value is True),
        spans={name: item.span for name, item in tree.entries.items()} if tree else {},
    )


def _one_of(name: str, allowed: Sequence[Any], tree: Tree | None, values: Values, log: Log) -> Any:
    """A value of `runtime`, which an expression may have made; None where it is not given, or is not allowed."""
    if tree is None or name not in tree:
        return None
    given = values.compute(tree[name])
    if any(given.value is one or (isinstance(one, str) and given.value == one) for one in allowed):
        return given.value
    if given.value is not UNKNOWN_VALUE:
        written = ", ".join(f"`{str(one).lower()}`" for one in allowed)
        log.report(codes.S105, given.span, f"`{name}` must be one of {written}, not {given.plain()!r}")
    return None


def _schedule(tree: Tree, values: Values, log: Log) -> Schedule:
    """When checkpoints are taken: `{every: 500 steps, keep: 3}`."""
    schedule = Schedule()
    for name, item in tree.entries.items():
        computed = values.compute(item)
        value = computed.value
        if value is UNKNOWN_VALUE:
            continue
        if name == "keep" and isinstance(value, int) and not isinstance(value, bool) and value > 0:
            schedule = replace(schedule, keep=value)
        elif name == "every" and (found := _EVERY.fullmatch(str(value))):
            schedule = replace(schedule, every=int(found[1]), unit=found[2])  # type: ignore[arg-type]
        else:
            wanted = "a whole number of at least 1" if name == "keep" else "`1 epoch`, `500 steps` or `10 minutes`"
            log.report(codes.S105, computed.span, f"`{name}` must be {wanted}, not {computed.plain()!r}")
    return schedule


def bind_exports(tree: Tree | None, values: Values, log: Log) -> tuple[Call, ...]:
    """The `export` section: a list of exporters."""
    return tuple(_call("exporters", item, values, log) for item in tree.elements) if tree else ()


def _metrics(
    tree: Tree, names: list[str], targets: Collection[str], values: Values, log: Log
) -> dict[str, tuple[Call, ...]]:
    if tree.is_mapping:
        return {
            name: _list("metrics", item, values, log)
            for name, item in tree.entries.items()
            if known_output(name, item, names, targets, log)
        }
    # An output that answers another's target is measured where it is asked for by its name.
    answering = [name for name in names if name in targets] or names
    return dict.fromkeys(answering, _list("metrics", tree, values, log))


def _class_weight(tree: Tree, values: Values, log: Log) -> ClassWeight | None:
    """`balanced`, or weights by class; which classes there are may be for the data to tell."""
    computed = values.compute(tree)
    if not computed.is_mapping:
        if computed.value not in ("balanced", None, UNKNOWN_VALUE):
            log.report(
                codes.S105,
                computed.span,
                f"`class_weight` must be `balanced`, or weights by class, not {computed.plain()!r}",
                help="write `class_weight: balanced`, or `class_weight: {0: 1.0, 1: 3.5}`",
            )
        return ClassWeight(None, tree.key) if computed.value == "balanced" else None
    weights = {}
    for name, item in computed.entries.items():
        if isinstance(item.value, (int, float)) and not isinstance(item.value, bool) and item.value >= 0:
            weights[name] = float(item.value)
        elif item.value is not UNKNOWN_VALUE:
            message = f"the weight of `{name}` must be a number of at least 0, not {item.plain()!r}"
            log.report(codes.S105, item.span, message)
    values.spec.facts.need_classes()
    return ClassWeight(weights, tree.key, {name: item.key for name, item in computed.entries.items()})


def _list(family: str, tree: Tree, values: Values, log: Log) -> tuple[Call, ...]:
    items = tree.elements if tree.is_list else (tree,)
    return tuple(_call(family, item, values, log) for item in items)


def _call(family: str, tree: Tree, values: Values, log: Log) -> Call:
    return bind_call(family, tree, values.compute(tree), log)
