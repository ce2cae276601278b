"""Ops that put tensors together, and those that count classes."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axis, integer, size, value, wrong
from specc.shapes.dimensions import alike, listing, size_of
from specc.shapes.dtypes import DEFAULT, numbers, promote
from specc.tensors import Shape, Tensor, show

__all__ = [
    "append",
    "concatenate",
    "dstack",
    "hstack",
    "one_hot",
    "stack",
    "top_k",
    "vstack",
]


def _given(site: Site) -> tuple[list[Shape] | None, str | None]:
    """The shapes of the tensors, None where one is not known, and their dtype together."""
    tensors = site.tensors()
    if not tensors:
        raise Refusal(codes.S204, f"{site.label} takes a list of tensors, and is given none")
    shapes = [t.shape for t in tensors if t.shape is not None]
    return shapes if len(shapes) == len(tensors) else None, promote(site, [t.dtype for t in tensors])


def _alike(site: Site, shapes: list[Shape], along: int | None) -> None:
    apart = () if along is None else (along,)
    ranks = {len(s) for s in shapes}
    if len(ranks) > 1 or not all(alike(shapes[0], s, apart) for s in shapes):
        but = "" if along is None else f", but for axis {along}"
        raise Refusal(
            codes.S301 if len(ranks) > 1 else codes.S302,
            f"{site.label} needs tensors of one shape{but}, and is given {listing(shapes)}",
            help="bring them to one shape first, with `Reshape` or `Dense`",
        )


def concatenate(site: Site) -> Result:
    """Tensors alike but for one axis → one, as long there as all of them together."""
    shapes, dtype = _given(site)
    if shapes is None:
        return single(None, dtype)
    return _along(site, shapes, axis(site, "axis", integer(site, "axis"), len(shapes[0]), shapes[0]), dtype)


def _along(site: Site, shapes: list[Shape], along: int, dtype: str | None) -> Result:
    _alike(site, shapes, along)
    first, lengths = shapes[0], [s[along] for s in shapes]
    known = [n for n in lengths if n is not None]
    joined = sum(known) if len(known) == len(lengths) else None
    return single((*first[:along], joined, *first[along + 1 :]), dtype)


def side_by_side(site: Site) -> Result:
    """Tensors alike but for the second axis (`hstack`) or the first (`vstack`) → one."""
    shapes, dtype = _given(site)
    if shapes is None:
        return single(None, dtype)
    along = 1 if site.call.name == "hstack" else 0
    if len(shapes[0]) <= along:
        raise Refusal(codes.S301, f"{site.label} needs at least {along + 1} dimensions, and is given {listing(shapes)}")
    return _along(site, shapes, along, dtype)


hstack = vstack = side_by_side


def dstack(site: Site) -> Result:
    """Tensors alike but for the third axis → one; a vector counts as (1, n, 1), a matrix as (n, m, 1)."""
    shapes, dtype = _given(site)
    if shapes is None:
        return single(None, dtype)
    return _along(site, [_deep(shape) for shape in shapes], 2, dtype)


def _deep(shape: Shape) -> Shape:
    if len(shape) < 2:
        return (1, *(shape or (1,)), 1)
    return shape if len(shape) > 2 else (*shape, 1)


def append(site: Site) -> Result:
    """Two tensors alike but for `axis` → one, as long there as both; without an axis, all in one dimension."""
    one, other = site.tensor("x1"), site.tensor("x2")
    dtype = promote(site, (one.dtype, other.dtype))
    along = value(site, "axis")
    if along is None:
        sizes = [None if t.shape is None else size_of(t.shape) for t in (one, other)]
        return single((None if None in sizes else sum(s for s in sizes if s is not None),), dtype)
    if one.shape is None or other.shape is None:
        return single(None, dtype)
    at = axis(site, "axis", along, len(one.shape), one.shape)
    joined = _along(site, [one.shape, other.shape], at, dtype)
    if None in (one.shape[at], other.shape[at]):
        raise Refusal(
            codes.S305,
            f"{site.label} must know how long axis {at} is, and is given {listing([one.shape, other.shape])}",
            help="`ops.concatenate` does without",
        )
    return joined


def stack(site: Site) -> Result:
    """Tensors of one shape → one with a new axis, as long as there are tensors."""
    shapes, dtype = _given(site)
    if shapes is None:
        return single(None, dtype)
    _alike(site, shapes, None)
    first = shapes[0]
    at = axis(site, "axis", integer(site, "axis"), len(first) + 1, first)
    return single((*first[:at], len(shapes), *first[at:]), dtype)


def one_hot(site: Site) -> Result:
    """(…) → (…, num_classes), the new axis at `axis`."""
    x, classes, at = site.tensor(), size(site, "num_classes", 0), integer(site, "axis")
    dtype = value(site, "dtype")
    dtype = DEFAULT if dtype is None else str(dtype)
    if x.shape is None:
        return single(None, dtype)
    if at == -1:
        at = len(x.shape)
    elif not 0 <= at < len(x.shape):
        raise wrong(site, "axis", at, f"-1, or from 0 to {len(x.shape) - 1}")
    return single((*x.shape[:at], classes, *x.shape[at:]), dtype)


def top_k(site: Site) -> Result:
    """(…, n) → the `k` largest values, and their places."""
    x, count = site.tensor(), size(site, "k")
    numbers(site, x)
    if x.shape is None:
        return Result((Tensor(None, x.dtype), Tensor(None, "int32")), flops=None)
    if not x.shape:
        raise Refusal(codes.S301, f"{site.label} looks along the last axis, and is given a single number")
    last = x.shape[-1]
    if last is not None and count is not None and last < count:
        raise Refusal(
            codes.S302,
            f"{site.label} takes the {count} largest of {last}, along the last axis of {show(x.shape)}",
            help=f"`k` is {last} at most",
        )
    shape = (*x.shape[:-1], count)
    return Result((Tensor(shape, x.dtype), Tensor(shape, "int32")), flops=x.elements)
