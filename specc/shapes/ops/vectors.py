"""Ops on vectors and on pairs of axes: cross products, distances, polar coordinates, traces."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axis, integer, value
from specc.shapes.costs import elements, per_element, times
from specc.shapes.dimensions import agree, broadcast, listing
from specc.shapes.dtypes import DEFAULT, among, is_float, numeric, one_dtype, promote
from specc.tensors import Tensor, show

__all__ = ["cdist", "cross", "polar", "trace"]


def cdist(site: Site) -> Result:
    """(…, n, k) and (…, m, k) → (…, n, m): how far each vector is from each."""
    one, other = site.tensor("x"), site.tensor("y")
    numeric(site, one, other)
    one_dtype(site, one, other)
    if "bool" in (one.dtype, other.dtype):
        raise Refusal(codes.S304, f"{site.label} computes with numbers, and is given bool")
    dtype = promote(site, (one.dtype, other.dtype, "float"))
    if one.shape is None or other.shape is None:
        return single(None, dtype, flops=None)
    if min(len(one.shape), len(other.shape)) < 2:
        raise Refusal(
            codes.S301,
            f"{site.label} needs vectors in rows, at least 2 dimensions, and is given "
            f"{listing([one.shape, other.shape])}",
            help="give it one more dimension first, with `ops.expand_dims`",
        )
    width, second = one.shape[-1], other.shape[-1]
    if not agree(width, second):
        raise Refusal(
            codes.S302,
            f"{site.label} compares vectors of one width, and is given {listing([one.shape, other.shape])}",
            help="bring both to one width with `Dense`",
        )
    before = broadcast(site, one.shape[:-2], other.shape[:-2]) or ()
    shape = (*before, one.shape[-2], other.shape[-2])
    # A difference, its square and a sum for each number, and a root.
    each = times(3, second if width is None else width)
    return single(shape, dtype, flops=None if each is None else per_element(shape, each + 1))


def cross(site: Site) -> Result:
    """(…, 3) and (…, 3) → (…, 3), along the axes named; of two vectors in the plane, (…) what stands upright."""
    one, other = site.tensor("x1"), site.tensor("x2")
    numeric(site, one, other)
    if one.dtype == other.dtype == "bool":
        raise Refusal(codes.S304, f"{site.label} computes with numbers, and is given bool")
    dtype = promote(site, (one.dtype, other.dtype))
    if one.shape is None or other.shape is None:
        return single(None, dtype, flops=None)
    for_all = value(site, "axis")
    at = [integer(site, name) if for_all is None else integer(site, "axis") for name in ("axisa", "axisb", "axisc")]
    rest, widths = [], []
    for shape, given, name in ((one.shape, at[0], "axisa"), (other.shape, at[1], "axisb")):
        along = axis(site, name if for_all is None else "axis", given, len(shape), shape)
        widths.append(shape[along])
        rest.append(shape[:along] + shape[along + 1 :])
    if wide := next((w for w in widths if w not in (2, 3, None)), None):
        raise Refusal(
            codes.S302,
            f"{site.label} multiplies vectors of 2 or 3 numbers, not of {wide}, and is given "
            f"{listing([one.shape, other.shape])}",
            help="name their axis: `axis: 1`",
        )
    met = broadcast(site, *rest) or ()
    upright = 3 not in widths
    place = axis(site, "axisc" if for_all is None else "axis", at[2], len(met) + (not upright))
    shape = met if upright else (*met[:place], 3, *met[place:])
    if upright and None in widths:
        return single(None, dtype, flops=None)
    return single(shape, dtype, flops=per_element(shape, 3))


def polar(site: Site) -> Result:
    """Lengths (…) and angles (…) → the complex numbers, which Keras declares to be `float32` of the lengths' shape."""
    length, angle = site.tensor("abs_"), site.tensor("angle")
    numeric(site, length, angle)
    among(site, ("float32", "float64"), length)
    # The cosine of whole numbers is `float32`.
    one_dtype(site, length, angle if is_float(angle.dtype) else Tensor(angle.shape, angle.dtype and DEFAULT))
    if length.shape is None or angle.shape is None:
        return single(None, DEFAULT, flops=None)
    shape = broadcast(site, length.shape, angle.shape)
    return single(shape if shape == length.shape else None, DEFAULT, flops=per_element(shape, 4))


def trace(site: Site) -> Result:
    """(…) → the sum along the diagonal of two axes, which are gone."""
    x = site.tensor()
    numeric(site, x)
    small = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}
    dtype = small.get(x.dtype or "", x.dtype)
    if x.shape is None:
        return single(None, dtype, flops=None)
    integer(site, "offset")
    one, other = (axis(site, name, integer(site, name), len(x.shape), x.shape) for name in ("axis1", "axis2"))
    if one == other:
        raise Refusal(
            codes.S105,
            f"{site.label} needs two axes, and is given {one} of {show(x.shape)} twice",
            help="name two that differ: `axis1: -2` and `axis2: -1`",
            argument="axis2",
        )
    shape = tuple(d for i, d in enumerate(x.shape) if i not in (one, other))
    sides = [d for d in (x.shape[one], x.shape[other]) if d is not None]
    return single(shape, dtype, flops=times(elements(shape), min(sides, default=None)))
