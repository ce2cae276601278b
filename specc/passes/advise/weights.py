"""Weights to no purpose: a bias that is subtracted again, a layer that has most of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from specc import codes
from specc.diagnostics import Diagnostic, Edit, Related
from specc.passes.advise.graph import (
    ACTIVATIONS,
    CONVOLUTIONS,
    LINEAR,
    NORMALIZATIONS,
    OTHER_CONVOLUTIONS,
    PLAIN,
    POOLINGS,
    Graph,
    activation,
    layer,
    named,
    value,
)
from specc.plan import Step
from specc.tensors import show

MANY = 2_000_000
"""Weights below which a `Dense` is no burden: 8 MB, and three times that while Adam trains it."""


def cancelled_biases(graph: Graph) -> Iterator[Diagnostic]:
    """W303: a bias right before a `BatchNormalization`, which subtracts the mean and the bias with it."""
    found = [(step, norm) for step in graph.of(*LINEAR) if (norm := _cancelling(graph, step)) is not None]
    made = Counter(step.span for step in graph.network.steps)
    cancelled = Counter(step.span for step, _ in found)
    for step, norm in found:
        # A line in a block makes several steps: it can be changed when every one of them may lose its bias.
        everywhere = cancelled[step.span] == made[step.span]
        yield Diagnostic(
            codes.W303,
            step.call.spans.get("use_bias", step.span),
            f"the bias of this {named(step)} has no effect: the `BatchNormalization` behind it subtracts it again, "
            "with the mean",
            help="give it `use_bias: false`",
            related=(Related("subtracted here", norm.span), *step.callers),
            fix=_without_bias(graph, step) if everywhere else None,
        )


def _cancelling(graph: Graph, step: Step) -> Step | None:
    """The normalization that takes the step's bias away; None where the bias counts, or there is none."""
    if value(step, "use_bias") is not True or activation(step) != "linear" or not graph.learns(step):
        return None
    norm = graph.after(step, ())
    if norm is None or layer(norm) != "BatchNormalization" or not graph.learns(norm) or value(norm, "renorm"):
        return None
    axis, rank = value(norm, "axis"), graph.given(norm).rank
    channels = 1 if value(step, "data_format") == "channels_first" else -1
    over_channels = axis == channels or (rank is not None and axis == channels % rank)
    return norm if over_channels and norm.options.get("training") is not False else None


def _without_bias(graph: Graph, step: Step) -> Edit | None:
    """The edit of the step's call that takes its bias away, where the call is written out on one line."""
    name, values = step.span, [span for span in step.call.spans.values() if span.path == step.span.path]
    lines = graph.texts.get(name.path, "").splitlines()
    if not values or len(values) != len(step.call.spans) or name.line > len(lines):
        return None
    if any(span.line != name.line or span.end_line != name.line or span.column < name.column for span in values):
        return None
    line = lines[name.line - 1]
    head = re.match(r"\s*:\s*", line[name.end_column - 1 :])
    if head is None or "<<" in line:
        return None
    start = name.end_column + head.end()
    last = max(values, key=lambda span: span.end_column)
    if (written := step.call.spans.get("use_bias")) is not None:
        said = line[written.column - 1 : written.end_column - 1]
        return Edit(written, "false") if said.casefold() == "true" else None
    if line[start - 1] == "{" and re.match(r"\s*\}", line[last.end_column - 1 :]):
        return Edit(replace(last, column=last.end_column, pointer=""), ", use_bias: false")
    takes = next(iter(step.call.spans))
    if len(values) == 1 and last.column == start:
        return Edit(last, f"{{{takes}: {line[last.column - 1 : last.end_column - 1]}, use_bias: false}}")
    return None


def heavy_heads(graph: Graph) -> Iterator[Diagnostic]:
    """W307: a `Dense` behind the `Flatten` of what convolutions saw, with more than half of all weights."""
    total = graph.network.weights
    if total is None:
        return
    for step in graph.of("Dense"):
        weights = sum(weight.size for weight in step.weights or ())
        if weights <= MANY or 2 * weights <= total or not graph.learns(step):
            continue
        flatten = graph.ahead(step, PLAIN)
        shape = graph.given(flatten).shape if flatten is not None else None
        if flatten is None or layer(flatten) != "Flatten" or shape is None or not 3 <= len(shape) <= 5:
            continue
        seen = graph.ahead(flatten, (*PLAIN, *POOLINGS, *NORMALIZATIONS, *ACTIVATIONS, "Activation"))
        if seen is None or layer(seen) not in (*CONVOLUTIONS, *OTHER_CONVOLUTIONS):
            continue
        pooling = f"GlobalAveragePooling{len(shape) - 2}D"
        yield Diagnostic(
            codes.W307,
            step.span,
            f"this {named(step)} has {weights:,} of the network's {total:,} weights, because `Flatten` gives it every "
            f"place of {show(shape)}",
            help=f"`{pooling}` in place of `Flatten`; where the place of things matters, fewer channels or more "
            "pooling before it",
            related=(Related("flattened here", flatten.span), *step.callers),
        )
