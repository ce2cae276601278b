"""Ops on whole numbers: bits, shifts, divisors."""

from __future__ import annotations

from specc.shapes import Result, Site
from specc.shapes.arguments import integer
from specc.shapes.dimensions import broadcast
from specc.shapes.dtypes import integral, numeric, promote
from specc.shapes.ops.elementwise import STRONG, computed, operand
from specc.tensors import Shape, Tensor

__all__ = [
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "gcd",
    "lcm",
    "left_shift",
    "right_shift",
]


def inverted(site: Site) -> Result:
    """(…) → the same, each bit turned."""
    x = site.tensor()
    integral(site, x)
    return computed(x.shape, x.dtype)


def _first(one: Shape | None, both: Shape | None) -> Shape | None:
    """The shape of an op of which Keras declares the first tensor's shape, though the second makes more of it."""
    if one is None or both is None or len(one) < len(both):
        return None
    return tuple(a if a == b else None for a, b in zip(one, both, strict=True))


def bits(site: Site) -> Result:
    """Two tensors, bit by bit."""
    one, other = site.tensor("x"), site.tensor("y")
    dtype = promote(site, (one.dtype, other.dtype))
    numeric(site, one, other)
    integral(site, Tensor(None, dtype))
    return computed(_first(one.shape, broadcast(site, one.shape, other.shape)), dtype)


def shifted(site: Site) -> Result:
    """A tensor, each number shifted by a number of bits or by those of another tensor."""
    if "y" in site.inputs:
        return bits(site)
    x = site.tensor("x")
    integral(site, x)
    integer(site, "y")
    return computed(x.shape, x.dtype)


bitwise_invert = bitwise_not = inverted
bitwise_and = bitwise_or = bitwise_xor = bits
bitwise_left_shift = bitwise_right_shift = left_shift = right_shift = shifted


def divisors(site: Site) -> Result:
    """Two tensors of whole numbers, broadcast together."""
    (one, first), (other, second) = operand(site, "x1", STRONG), operand(site, "x2", STRONG)
    dtype = promote(site, (first, second))
    integral(site, Tensor(None, dtype))
    return computed(broadcast(site, one, other), dtype)


def lcm(site: Site) -> Result:
    """Likewise, each of the two of whole numbers."""
    integral(site, *(Tensor(None, operand(site, name, STRONG)[1]) for name in ("x1", "x2")))
    return divisors(site)


gcd = divisors
