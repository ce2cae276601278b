"""Ops that look values up among others: sets, borders, places."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site
from specc.shapes.arguments import axis, extent, flag, integer, value
from specc.shapes.dimensions import ranked
from specc.shapes.dtypes import numbers, numeric, promote
from specc.shapes.ops.elementwise import computed
from specc.tensors import Shape, Tensor, show

__all__ = ["digitize", "isin", "searchsorted", "unique"]


def isin(site: Site) -> Result:
    """(…) and (…) → for each element of the first, whether it is among those of the second."""
    one = site.tensor("x1")
    numeric(site, one)
    if "x2" in site.inputs:
        other = site.tensor("x2")
        numeric(site, other)
        promote(site, (one.dtype, other.dtype))
    else:
        extent(value(site, "x2"))
    return computed(one.shape, "bool")


def searchsorted(site: Site) -> Result:
    """A sorted (n) and values (…) → for each value its place among the sorted ones."""
    among, values = site.tensor("sorted_sequence"), site.tensor("values")
    numeric(site, among, values)
    if None not in (among.dtype, values.dtype) and among.dtype != values.dtype:
        raise Refusal(
            codes.S304,
            f"{site.label} looks for {values.dtype} among {among.dtype}",
            help=f"bring both to one dtype first: `ops.cast: {among.dtype}`",
        )
    shape = ranked(site, among, 1, "a vector as `sorted_sequence`")
    rows = (2,) if values.shape == () else (values.shape or ())[:-1]
    if any(size not in (None, 1) for size in rows):
        raise Refusal(
            codes.S301,
            f"{site.label} looks a vector of values up, and is given {show(values.shape)}",
            help="bring them to one dimension first: `ops.ravel`",
        )
    if shape is None:
        return computed(values.shape, None)
    return computed(values.shape, "int64" if shape[0] is None else "int32")


def digitize(site: Site) -> Result:
    """(…) and the borders (n) of bins → for each element the number of its bin."""
    x, bins = site.tensor("x"), site.tensor("bins")
    numeric(site, x, bins)
    ranked(site, bins, 1, "a vector as `bins`")
    return computed(x.shape, "int32")


def unique(site: Site) -> Result:
    """(…) → each value once, or each slice along `axis`: how many there are, only the values tell, or `size`.

    Beside them, where asked for: where each stood first, for each element which it is, and how often each occurs.
    """
    x, wanted, along = site.tensor(), value(site, "size"), value(site, "axis")
    many = None if wanted is None else integer(site, "size", 0)
    found: Shape | None = (many,)
    places: Shape | None = x.shape
    if along is not None:
        found = places = None
        if x.shape is not None:
            at = axis(site, "axis", along, len(x.shape), x.shape)
            found, places = (*x.shape[:at], many, *x.shape[at + 1 :]), (x.shape[at],)
    outputs = [Tensor(found, x.dtype)]
    if flag(site, "return_index"):
        outputs.append(Tensor((many,), "int32"))
    if flag(site, "return_inverse"):
        outputs.append(Tensor(places, "int32"))
    if flag(site, "return_counts"):
        outputs.append(Tensor((many,), "int32"))
    if value(site, "sorted"):
        numbers(site, Tensor(None, x.dtype if x.dtype == "bool" else None))
    return Result(tuple(outputs), flops=x.elements)
