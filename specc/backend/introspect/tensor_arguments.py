"""Which arguments of ops, and of the calls of layers, are tensors: the inputs of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import Parameter
from typing import Any

import keras

OPTIONS = ("training", "reverse", "return_attention_scores", "use_causal_mask")
"""Arguments of a layer's call that are no tensors."""

TENSORS = """
    x x1 x2 xs y inputs images image1 image2 volumes kernel depthwise_kernel pointwise_kernel condition indices values
    updates data segment_ids sorted_sequence target output targets predictions query key value bias mask tensor variable
    array abs_ angle coordinates transform start_points end_points weights gamma beta mean variance target_length
    output_length sequence_lengths condlist choicelist operands
"""
"""Arguments of ops that are tensors wherever they appear, but in the ops below."""

TENSORS_OF = {
    "batch_normalization": "x mean variance offset scale",
    "bartlett": "",
    "bincount": "x",
    "blackman": "",
    "diff": "a",
    "digitize": "x bins",
    "get_item": "x",
    "hamming": "",
    "hanning": "",
    "kaiser": "",
    "lstsq": "a b",
    "rms_normalization": "x scale",
    "solve": "a b",
    "solve_triangular": "a b",
    "trapezoid": "y",
}
"""Ops whose tensors are exactly these."""

MERGING = ("Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract")
ATTENDING = ("Attention", "AdditiveAttention")
LISTS = (
    *(f"{layer}.inputs" for layer in (*MERGING, *ATTENDING, "HashedCrossing")),
    *(f"{layer}.mask" for layer in ATTENDING),
    "stack.x",
    # A complex tensor, as its real and its imaginary part.
    *(f"{op}.x" for op in ("fft", "fft2", "ifft2", "irfft", "istft")),
)
"""Tensor arguments that take a list, beside those that do by their name."""

NUMBERS_TOO = {"take": ("indices",), "where": ("x1", "x2")}
"""Tensor arguments for which numbers do, of ops that are not of two tensors alike."""


def tensors_of(owner: str, parameters: Iterable[Parameter], *, layer: bool) -> dict[str, dict[str, Any]]:
    """The tensor arguments of an op or of a layer's call, each with what is special about it."""
    wanted = TENSORS_OF.get(owner, TENSORS).split()
    found = [p for p in parameters if (p.name not in OPTIONS if layer else p.name in wanted)]
    return {p.name: _special(owner, p.name) | _optional(p) for p in found}


def values_of(op: Callable[..., Any], tensors: Iterable[str]) -> tuple[str, ...]:
    """The tensor arguments of an op that a spec may give as plain numbers: `ops.power: 2`, `ops.take: [0, 2]`.

    The one that the shorthand stands for comes first. Of an op of two tensors, Keras is asked.
    """
    names = tuple(tensors)
    if names in (("x1", "x2"), ("x", "y")):
        first, second = names
        return tuple(name for name, other in ((second, first), (first, second)) if _takes_a_number(op, name, other))
    return NUMBERS_TOO.get(op.__name__, ())


def _takes_a_number(op: Callable[..., Any], name: str, other: str) -> bool:
    for dtype in ("float32", "int32"):
        try:
            op(**{name: 2, other: keras.KerasTensor((2, 3), dtype)})
        except (
            ValueError,
            TypeError,
            AttributeError,
            IndexError,
        ):  # what Keras raises for a number where only a tensor fits
            continue
        return True
    return False


def _special(owner: str, name: str) -> dict[str, Any]:
    if name in ("xs", "condlist", "choicelist", "initial_state", "states") or f"{owner}.{name}" in LISTS:
        return {"many": True}
    return {"variadic": True} if name == "operands" or f"{owner}.{name}" == "meshgrid.x" else {}


def _optional(parameter: Parameter) -> dict[str, Any]:
    return {} if parameter.default is parameter.empty else {"required": False}
