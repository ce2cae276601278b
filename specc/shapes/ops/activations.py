"""Activations as ops: element by element, floats mostly."""

from __future__ import annotations

from dataclasses import replace

from specc.shapes import Result, Site
from specc.shapes.costs import APPROXIMATE, HELD, held_alone
from specc.shapes.dtypes import fractional, numbers
from specc.shapes.ops.elementwise import computed

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]


def fractions(site: Site) -> Result:
    """(…) → the same, floats only."""
    x = site.tensor()
    fractional(site, x)
    return _held(site, computed(x.shape, x.dtype))


def rectified(site: Site) -> Result:
    """(…) → the same, whole numbers too."""
    x = site.tensor()
    numbers(site, x)
    return _held(site, computed(x.shape, x.dtype))


def _held(site: Site, made: Result) -> Result:
    """With what training holds of it, where that is more than what comes in or out."""
    name = site.call.name
    if name == "gelu" and site.arguments.get("approximate") is not False:
        name = APPROXIMATE
    return replace(made, kept=held_alone(name, made.outputs[0])) if name in HELD else made


relu = relu6 = leaky_relu = rectified
sigmoid = sparse_sigmoid = softplus = softsign = sparse_plus = silu = swish = log_sigmoid = fractions
hard_sigmoid = hard_silu = hard_swish = hard_tanh = hard_shrink = soft_shrink = tanh_shrink = fractions
elu = celu = gelu = selu = squareplus = threshold = fractions
