"""Activations as ops: element by element, floats mostly."""

from __future__ import annotations

from specc.shapes import Result, Site
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
    return computed(x.shape, x.dtype)


def rectified(site: Site) -> Result:
    """(…) → the same, whole numbers too."""
    x = site.tensor()
    numbers(site, x)
    return computed(x.shape, x.dtype)


relu = relu6 = leaky_relu = rectified
sigmoid = sparse_sigmoid = softplus = softsign = sparse_plus = silu = swish = log_sigmoid = fractions
hard_sigmoid = hard_silu = hard_swish = hard_tanh = hard_shrink = soft_shrink = tanh_shrink = fractions
elu = celu = gelu = selu = squareplus = threshold = fractions
