"""Ops that put tensors together, take them apart, and pick from them."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, Unsettled, single
from specc.shapes.arguments import axis, extent, integer, size, value, whole, wrong
from specc.shapes.dimensions import agree, alike, listing
from specc.shapes.dtypes import DEFAULT, promote
from specc.tensors import Shape, Tensor, show

__all__ = [
    "concatenate",
    "hstack",
    "one_hot",
    "split",
    "stack",
    "take",
    "take_along_axis",
    "top_k",
    "unstack",
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


def stack(site: Site) -> Result:
    """Tensors of one shape → one with a new axis, as long as there are tensors."""
    shapes, dtype = _given(site)
    if shapes is None:
        return single(None, dtype)
    _alike(site, shapes, None)
    first = shapes[0]
    at = axis(site, "axis", integer(site, "axis"), len(first) + 1, first)
    return single((*first[:at], len(shapes), *first[at:]), dtype)


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
    x, parts = site.tensor(), value(site, "indices_or_sections")
    count = parts if isinstance(parts, int) else len(parts) + 1
    if x.shape is None:
        return Result((Tensor(None, x.dtype),) * count)
    at = axis(site, "axis", integer(site, "axis"), len(x.shape), x.shape)
    length = x.shape[at]
    sizes: list[int | None]
    if isinstance(parts, int):
        whole(site, "indices_or_sections", parts, 1)
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
    return Result(tuple(Tensor((*x.shape[:at], s, *x.shape[at + 1 :]), x.dtype) for s in sizes))


def take(site: Site) -> Result:
    """(…) and indices → what stands at the indices, along an axis or of all in one."""
    x = site.tensor("x")
    plain = "indices" not in site.inputs
    indices: Shape | None = extent(value(site, "indices")) if plain else site.tensor("indices").shape
    along = value(site, "axis")
    if indices is None or (x.shape is None and along is not None):
        return single(None, x.dtype)
    if along is None:
        return single(indices, x.dtype)
    shape = x.shape or ()
    at = axis(site, "axis", along, len(shape), shape)
    return single((*shape[:at], *indices, *shape[at + 1 :]), x.dtype)


def take_along_axis(site: Site) -> Result:
    """(…) and indices of the same rank → as many along the axis as there are indices."""
    x, indices = site.tensor("x"), site.tensor("indices")
    along = value(site, "axis")
    if x.shape is None or indices.shape is None or along is None:
        return single(indices.shape if along is None and indices.shape and len(indices.shape) == 1 else None, x.dtype)
    if len(x.shape) != len(indices.shape):
        raise Refusal(
            codes.S301,
            f"{site.label} is given {show(x.shape)} and indices {show(indices.shape)} of another number of dimensions",
            help="give the indices the same number of dimensions, with `ops.expand_dims`",
        )
    at = axis(site, "axis", along, len(x.shape), x.shape)
    output: list[int | None] = []
    for i, (a, b) in enumerate(zip(x.shape, indices.shape, strict=True)):
        if i != at and not agree(a, b) and 1 not in (a, b):
            raise Refusal(
                codes.S302,
                f"{site.label} is given {show(x.shape)} and indices {show(indices.shape)}: axis {i} is {a} and {b}",
                help="all dimensions but that of `axis` must be equal, or 1",
            )
        output.append(b if i == at or a == 1 else (None if b == 1 else b) if a is None else a)
    return single(tuple(output), x.dtype)


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
    if x.shape is None:
        return Result((Tensor(None, x.dtype), Tensor(None, "int32")))
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
    return Result((Tensor(shape, x.dtype), Tensor(shape, "int32")))
