"""Arithmetic in 16 bits: averages that stop short, and whole numbers that are rounded."""

from __future__ import annotations

from collections.abc import Iterator

from specc import codes
from specc.diagnostics import Diagnostic
from specc.passes.advise.graph import Graph, layer, named, number
from specc.plan import Step
from specc.tensors import Tensor

SLOWEST = 0.95
"""The momentum above which a moving average of bfloat16 stands still well before it has arrived."""

WHOLE = {"bfloat16": 2**8, "float16": 2**11}
"""Up to which all whole numbers are there."""
SIZES = {"Embedding": "input_dim", "CategoryEncoding": "num_tokens"}
"""Layers that take indices, and the argument that says how many there are."""


def short_averages(graph: Graph) -> Iterator[Diagnostic]:
    """W309: moving averages of bfloat16 with a momentum near 1."""
    for step in graph.of("BatchNormalization"):
        momentum = number(step, "momentum")
        if _policy(graph, step) != "bfloat16" or momentum is None or not SLOWEST < momentum < 1:
            continue
        yield Diagnostic(
            codes.W309,
            step.call.spans.get("momentum", step.span),
            f"the moving averages of {named(step)} stop short in bfloat16: with a momentum of {momentum:g} they add "
            f"{1 - momentum:.2g} of a difference, which is soon rounded away",
            help="`momentum: 0.9`, or `dtype: mixed_bfloat16` for this layer, which keeps them in float32",
            related=step.callers,
        )


def rounded_indices(graph: Graph) -> Iterator[Diagnostic]:
    """W310: indices that come as floats into a layer which computes in 16 bits, and so casts them to that first."""
    for step in graph.of(*SIZES):
        given, count = graph.given(step), number(step, SIZES[layer(step)])
        computes = _policy(graph, step).removeprefix("mixed_")
        if not _is_float(given) or computes not in WHOLE or count is None or count - 1 <= WHOLE[computes]:
            continue
        yield Diagnostic(
            codes.W310,
            step.span,
            f"{named(step)} gets its indices as {given.dtype}, which Keras turns into {computes} first: above "
            f"{WHOLE[computes]} several of them become one",
            help="let them come as `int32`: `dtype: int32` of the input, or `ops.cast: int32` before this step",
            related=step.callers,
        )


def _is_float(tensor: Tensor) -> bool:
    return tensor.dtype is not None and "float" in tensor.dtype


def _policy(graph: Graph, step: Step) -> str:
    """The dtype policy of a layer: its own, or that of the network."""
    own = step.call.arguments.get("dtype")
    return own if isinstance(own, str) else graph.plan.runtime.precision
