"""Ops that take a tensor apart along an axis."""

from __future__ import annotations

from collections.abc import Sequence

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, Unsettled
from specc.shapes.arguments import axis, integer, value, whole, wrong
from specc.shapes.dimensions import ranked_from
from specc.tensors import Shape, Tensor, show

__all__ = ["array_split", "dsplit", "hsplit", "split", "unstack", "vsplit"]


def unstack(site: Site) -> Result:
    """(…) → the slices along an axis, one output each."""
    x = site.tensor()
    count = value(site, "num")
    if x.shape is None and count is None:
        raise Unsettled
    if x.shape is None:
        return Result((Tensor(None, x.dtype),) * integer(site, "num", 1))
    at = axis(site, "axis", integer(site, "axis"), len(x.shape), x.shape)
    if count is None:
        count = x.shape[at]
    if count is None:
        raise Refusal(
            codes.S305,
            f"{site.label} must know how many slices {show(x.shape)} has along axis {at}",
            help="write `num`, or the dimension in `model.inputs`",
        )
    return Result((Tensor(x.shape[:at] + x.shape[at + 1 :], x.dtype),) * whole(site, "num", count, 1))


def split(site: Site) -> Result:
    """(…) → parts along an axis: that many equal ones, or cut at the indices."""
    x, along = site.tensor(), integer(site, "axis")
    return _parts(site, x, None if x.shape is None else axis(site, "axis", along, len(x.shape), x.shape))


def vsplit(site: Site) -> Result:
    """(…) → parts along the first axis of at least two."""
    x = site.tensor()
    return _parts(site, x, None if ranked_from(site, x, 2) is None else 0)


def hsplit(site: Site) -> Result:
    """(…) → parts along the second axis, of a vector along its only one."""
    x = site.tensor()
    shape = ranked_from(site, x, 1)
    return _parts(site, x, None if shape is None else min(1, len(shape) - 1))


def dsplit(site: Site) -> Result:
    """(…) → parts along the third axis."""
    x = site.tensor()
    return _parts(site, x, None if ranked_from(site, x, 3) is None else 2)


def _parts(site: Site, x: Tensor, at: int | None) -> Result:
    parts = value(site, "indices_or_sections")
    count = parts if isinstance(parts, int) else len(parts) + 1
    if isinstance(parts, int):
        whole(site, "indices_or_sections", parts, 1)
    if x.shape is None or at is None:
        return Result((Tensor(None, x.dtype),) * count)
    length = x.shape[at]
    sizes: list[int | None]
    if isinstance(parts, int):
        if length is not None and length % parts:
            raise Refusal(
                codes.S302,
                f"{site.label} makes {parts} equal parts of axis {at} of {show(x.shape)}, which does not come out",
                help="name the places to cut at: `indices_or_sections: [2, 5]`",
            )
        sizes = [None if length is None else length // parts] * parts
    else:
        cuts = [0, *(whole(site, "indices_or_sections", p, 0) for p in parts)]
        ends = [*cuts[1:], length]
        sizes = [None if b is None else b - a for a, b in zip(cuts, ends, strict=True)]
        if any(s is not None and s < 0 for s in sizes):
            raise wrong(site, "indices_or_sections", parts, f"places in order, none beyond {length}")
    return _cut(x.shape, at, sizes, x.dtype)


def array_split(site: Site) -> Result:
    """(…) → that many parts along an axis, the first ones longer by one where it does not come out."""
    x, parts = site.tensor(), integer(site, "indices_or_sections", 1)
    if x.shape is None:
        return Result((Tensor(None, x.dtype),) * parts)
    at = axis(site, "axis", integer(site, "axis"), len(x.shape), x.shape)
    length = x.shape[at]
    if length is None:
        return _cut(x.shape, at, [None] * parts, x.dtype)
    return _cut(x.shape, at, [length // parts + (i < length % parts) for i in range(parts)], x.dtype)


def _cut(shape: Shape, at: int, sizes: Sequence[int | None], dtype: str | None) -> Result:
    return Result(tuple(Tensor((*shape[:at], size, *shape[at + 1 :]), dtype) for size in sizes))
