"""What stands between layers: no function, one that lets no gradient through, the same one twice."""

from __future__ import annotations

from collections.abc import Iterator
from math import e

from specc import codes
from specc.diagnostics import Diagnostic, Related
from specc.passes.advise.graph import (
    CONVOLUTIONS,
    LINEAR,
    PLAIN,
    POOLINGS,
    Graph,
    activation,
    layer,
    named,
    value,
    width,
)
from specc.plan import Step

SIGMOIDS = ("sigmoid", "hard_sigmoid")
PROBABILITIES = ("softmax", "sigmoid")
OVER_AN_AXIS = ("softmax", "log_softmax", "sparsemax")
DEEP = 4
"""Sigmoids in a row from which little is left: behind four of them one or two hundredths of the gradient."""
RESHAPES = ("Flatten", "Reshape", "Permute", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D")
PASSING = frozenset((*PLAIN, *POOLINGS, *RESHAPES))
"""What leaves a row of layers as it is."""


def linear_pairs(graph: Graph) -> Iterator[Diagnostic]:
    """W301: two layers that together are one linear function.

    A narrow layer in between is none: it bounds the rank, as in an autoencoder, a factored `Embedding` or the linear
    bottleneck of MobileNetV2. Nor are kernels that are long in one direction and thin in the other.
    """
    for first in graph.of("Dense", *CONVOLUTIONS):
        passed = (*PLAIN, "BatchNormalization") if layer(first) == "Dense" else PLAIN
        if activation(first) != "linear" or not graph.learns(first):
            continue
        second = graph.after(first, passed)
        if second is None or layer(second) != layer(first) or not graph.learns(second):
            continue
        if _widens(graph, first, second) and _is_compact(first) and _is_compact(second):
            yield Diagnostic(
                codes.W301,
                first.span,
                f"no activation stands between this {named(first)} and the {named(second)} behind it: together "
                "they are one linear function",
                help="give this one an activation, like `activation: relu`, or leave it out",
                related=(Related("the next one", second.span), *first.callers),
            )


def _widens(graph: Graph, first: Step, second: Step) -> bool:
    """Does the first give at least as many values as it takes, or as the second gives? Then the two are one."""
    between = graph.width(first.name)
    around = (width(graph.given(first)), graph.width(second.name))
    return between is not None and any(size is not None and between >= size for size in around)


def _is_compact(step: Step) -> bool:
    """Is it a `Dense`, or a convolution over all channels with the same size in every direction?"""
    if layer(step) == "Dense":
        return value(step, "lora_rank") is None
    size = value(step, "kernel_size")
    sizes = size if isinstance(size, (list, tuple)) else [size]
    return len(set(sizes)) == 1 and value(step, "groups") == 1 and value(step, "data_format") != "channels_first"


def sigmoid_stacks(graph: Graph) -> Iterator[Diagnostic]:
    """W302: layers in a row that each end in a sigmoid. What normalizes or adds between them ends the row."""
    rows: dict[str, tuple[Step, ...]] = {}
    weighted: dict[str, tuple[Step, ...]] = {}  # rows whose last layer still waits for its activation
    for step in graph.network.steps:
        before = graph.before(step)
        row = rows.get(before.name, ()) if before else ()
        function = activation(step)
        if layer(step) in LINEAR and function == "linear":
            weighted[step.name] = row
        elif layer(step) in LINEAR and function in SIGMOIDS:
            rows[step.name] = (*row, step)
        elif before and function in SIGMOIDS and before.name in weighted:
            rows[step.name] = (*weighted[before.name], step)
        elif before and layer(step) in PASSING:
            if before.name in weighted:
                weighted[step.name] = weighted[before.name]
            elif row:
                rows[step.name] = row
            continue
        if len(rows.get(step.name, ())) == DEEP and step.name not in graph.ends:
            first = rows[step.name][0]
            yield Diagnostic(
                codes.W302,
                step.span,
                f"{DEEP} layers in a row end in `{function}`, and each passes on at most a quarter of the gradient: "
                "the first hardly learns",
                help="use `relu`, `gelu` or `tanh` within the network, and keep `sigmoid` for its output",
                related=(Related("the first of them", first.span), *step.callers),
            )


def probabilities_twice(graph: Graph) -> Iterator[Diagnostic]:
    """W305: a softmax or a sigmoid of what one has made into probabilities already."""
    for step in graph.network.steps:
        function = activation(step)
        if function not in (*PROBABILITIES, "log_softmax") or layer(step) in LINEAR:
            continue
        before = graph.ahead(step, PLAIN)
        inner = activation(before) if before else None
        if before is None or inner not in PROBABILITIES or (inner == "sigmoid" and function != "sigmoid"):
            continue
        if inner == "softmax" and function != "sigmoid" and _axis(step) != _axis(before):
            continue  # over rows and then over columns
        count = graph.width(step.name)
        surest = (
            f": of {count} answers none can be surer than {100 * e / (e + count - 1):.0f} %"
            if count and count > 1
            else ""
        )
        yield Diagnostic(
            codes.W305,
            step.span,
            f"`{function}` is given what `{inner}` has made into probabilities already"
            + (surest if (inner, function) == ("softmax", "softmax") else ""),
            help="leave out one of the two",
            related=(Related(f"the first, `{inner}`", before.span), *step.callers),
        )


def softmax_of_one(graph: Graph) -> Iterator[Diagnostic]:
    """W306: a softmax over a dimension of 1, which is 1 whatever it is given."""
    for step in graph.network.steps:
        function, axis = activation(step), _axis(step)
        if function not in OVER_AN_AXIS or not isinstance(axis, int):
            continue
        tensors = graph.tensors[step.name]
        shape = tensors[0].shape if len(tensors) == 1 else None
        if shape and -len(shape) <= axis < len(shape) and shape[axis] == 1:
            constant = 0 if function == "log_softmax" else 1
            yield Diagnostic(
                codes.W306,
                step.call.spans.get("activation", step.span),
                f"`{function}` over one value is always {constant}: nothing before it can learn",
                help="use `sigmoid`, or give it as many values as there are answers",
                related=step.callers,
            )


def _axis(step: Step) -> object:
    """The axis that a softmax goes over: of an activation always the last."""
    axis = value(step, "axis") if step.call.family == "ops" or layer(step) == "Softmax" else -1
    rank = step.outputs[0].rank if step.outputs else None
    return axis - rank if isinstance(axis, int) and axis >= 0 and rank else axis
