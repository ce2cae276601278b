"""Ops that change what a value is said to be: its dtype, its bits, or nothing at all."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.dtypes import named_dtype, numbers, numeric
from specc.shapes.ops.elementwise import computed, seen
from specc.tensors import WIDTHS, Tensor, show

__all__ = [
    "array",
    "cast",
    "conj",
    "conjugate",
    "convert_to_tensor",
    "copy",
    "empty_like",
    "full_like",
    "ones_like",
    "real",
    "saturate_cast",
    "stop_gradient",
    "view",
    "zeros_like",
]


def cast(site: Site) -> Result:
    """(…) → the same in another dtype; a view where that is its own."""
    x = site.tensor()
    dtype = named_dtype(site, x.dtype)
    return seen(x.shape, dtype) if dtype == x.dtype else single(x.shape, dtype)


def saturate_cast(site: Site) -> Result:
    """(…) → the same in another dtype, what is beyond its range brought to its ends."""
    x = site.tensor()
    return computed(x.shape, named_dtype(site, x.dtype))


def filled(site: Site) -> Result:
    """(…) → as large, with other values."""
    x = site.tensor()
    return single(x.shape, named_dtype(site, x.dtype))


def same_value(site: Site) -> Result:
    """(…) → the same."""
    x = site.tensor()
    numeric(site, x)
    return seen(x.shape, x.dtype)


def same_number(site: Site) -> Result:
    """(…) → the same, of real numbers."""
    numbers(site, site.tensor())
    return same_value(site)


array = convert_to_tensor = cast
empty_like = full_like = ones_like = zeros_like = filled
copy = stop_gradient = same_value
conj = conjugate = real = same_number


def view(site: Site) -> Result:
    """(…, n) → the same bytes read as another dtype, the last dimension longer or shorter by as much."""
    x = site.tensor()
    dtype = named_dtype(site, x.dtype)
    numbers(site, x, Tensor(None, dtype))
    if x.shape is None or x.dtype is None or dtype is None:
        return seen(x.shape if named_dtype(site) is None else None, dtype)
    before, after = WIDTHS[x.dtype], WIDTHS[dtype]
    if before == after:
        return seen(x.shape, dtype)
    if not x.shape:
        raise Refusal(
            codes.S301,
            f"{site.label} reads {x.dtype} as {dtype}, of another size, and is given a single number",
            help="`ops.cast` turns the value itself into another dtype",
        )
    last = x.shape[-1]
    if last is not None and last * before % after:
        raise Refusal(
            codes.S302,
            f"{site.label} reads {x.dtype} as {dtype}, and the last dimension of {show(x.shape)} has "
            f"{last * before} bytes, not a multiple of {after}",
            help="`ops.cast` turns the values themselves into another dtype",
        )
    return seen((*x.shape[:-1], None if last is None else last * before // after), dtype)
