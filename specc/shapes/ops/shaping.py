"""Ops that change the form and leave the values: reshape, transpose, expand, squeeze, repeat, pad."""

from __future__ import annotations

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axes, axis, integer, value, whole, wrong
from specc.shapes.dimensions import alike, broadcast, size_of
from specc.shapes.layers.reshaping import reshaped
from specc.shapes.ops.elementwise import seen
from specc.tensors import Shape, show

__all__ = [
    "broadcast_to",
    "expand_dims",
    "moveaxis",
    "pad",
    "ravel",
    "repeat",
    "reshape",
    "squeeze",
    "swapaxes",
    "tile",
    "transpose",
]


def _listed(site: Site, name: str) -> tuple[int, ...]:
    """One whole number or several, as a tuple."""
    found = value(site, name)
    return tuple(whole(site, name, one) for one in (found if isinstance(found, tuple) else (found,)))


def reshape(site: Site) -> Result:
    """(…) → `newshape`, the batch included, with as many elements as before."""
    x, given = site.tensor(), site.arguments["newshape"]
    listed = given if isinstance(given, (list, tuple)) else [value(site, "newshape")]
    target: Shape = tuple(None if d is UNKNOWN_VALUE else d for d in listed)
    return seen(None if x.shape is None else reshaped(site, "newshape", x.shape, target, x.shape), x.dtype)


def transpose(site: Site) -> Result:
    """(…) → the same axes in another order; without `axes`, backwards."""
    x = site.tensor()
    if x.shape is None:
        return single(None, x.dtype)
    order = axes(site, "axes", x.shape)
    if order is None:
        return single(x.shape[::-1], x.dtype)
    if sorted(order) != list(range(len(x.shape))):
        raise Refusal(
            codes.S301,
            f"{site.label} orders {len(order)} axes, {list(order)}, and is given {show(x.shape)}",
            help=f"name each axis from 0 to {len(x.shape) - 1} once",
            argument="axes",
        )
    return single(tuple(x.shape[a] for a in order), x.dtype)


def expand_dims(site: Site) -> Result:
    """(…) → the same with a dimension of 1 at `axis`."""
    x, wanted = site.tensor(), _listed(site, "axis")
    if x.shape is None:
        return seen(None, x.dtype)
    rank = len(x.shape) + len(wanted)
    ones = {axis(site, "axis", one, rank, x.shape) for one in wanted}
    if len(ones) < len(wanted):
        raise wrong(site, "axis", value(site, "axis"), "axes that differ")
    rest = iter(x.shape)
    return seen(tuple(1 if i in ones else next(rest) for i in range(rank)), x.dtype)


def squeeze(site: Site) -> Result:
    """(…) → the same without dimensions of 1: those of `axis`, or all that are known."""
    x = site.tensor()
    if x.shape is None:
        return seen(None, x.dtype)
    gone = axes(site, "axis", x.shape)
    if gone is None:
        return seen(tuple(d for d in x.shape if d != 1), x.dtype)
    for one in gone:
        if x.shape[one] != 1:
            known = x.shape[one] is not None
            raise Refusal(
                codes.S302 if known else codes.S305,
                f"{site.label} takes out axis {one} of {show(x.shape)}, which is not 1",
                help="only a dimension of 1 can be taken out; `Reshape` does the rest",
            )
    return seen(tuple(d for i, d in enumerate(x.shape) if i not in gone), x.dtype)


def swapaxes(site: Site) -> Result:
    """(…) → two axes in each other's place."""
    x = site.tensor()
    if x.shape is None:
        return single(None, x.dtype)
    one, other = (axis(site, n, integer(site, n), len(x.shape), x.shape) for n in ("axis1", "axis2"))
    order = list(x.shape)
    order[one], order[other] = order[other], order[one]
    return single(tuple(order), x.dtype)


def moveaxis(site: Site) -> Result:
    """(…) → axes at other places, the rest in order."""
    x, source, destination = site.tensor(), _listed(site, "source"), _listed(site, "destination")
    if len(source) != len(destination):
        raise wrong(site, "destination", value(site, "destination"), f"{len(source)} axes, as many as `source`")
    if x.shape is None:
        return single(None, x.dtype)
    rank = len(x.shape)
    come = [axis(site, "source", a, rank, x.shape) for a in source]
    go = [axis(site, "destination", a, rank, x.shape) for a in destination]
    order = [i for i in range(rank) if i not in come]
    for to, at in sorted(zip(go, come, strict=True)):
        order.insert(to, at)
    return single(tuple(x.shape[i] for i in order), x.dtype)


def ravel(site: Site) -> Result:
    """(…) → (all in one)."""
    x = site.tensor()
    return seen(None if x.shape is None else (size_of(x.shape),), x.dtype)


def broadcast_to(site: Site) -> Result:
    """(…) → `shape`, dimensions of 1 as often as it says."""
    x, target = site.tensor(), _listed(site, "shape")
    if x.shape is not None and not alike(broadcast(site, x.shape, target) or (), target):
        raise Refusal(
            codes.S302,
            f"{site.label} makes {show(target)} of {show(x.shape)}, which is larger",
            help="name each dimension, as large as it is; only a dimension of 1 becomes another one",
        )
    return single(target, x.dtype)


def repeat(site: Site) -> Result:
    """(…) → each element `repeats` times along `axis`, or without an axis all in one dimension."""
    x, times = site.tensor(), _listed(site, "repeats")
    if x.shape is None:
        return single(None, x.dtype)
    along = value(site, "axis")
    shape = (size_of(x.shape),) if along is None else x.shape
    index = 0 if along is None else axis(site, "axis", along, len(shape), shape)
    length = shape[index]
    if length is None:
        longer = None
    elif len(times) == 1:
        longer = length * times[0]
    elif len(times) == length:
        longer = sum(times)
    else:
        raise Refusal(
            codes.S302,
            f"{site.label} repeats {len(times)} elements, and is given {length} of them in {show(x.shape)}",
            help="`repeats` is one number, or one for each element",
        )
    return single((*shape[:index], longer, *shape[index + 1 :]), x.dtype)


def tile(site: Site) -> Result:
    """(…) → each dimension `repeats` times as long."""
    x, times = site.tensor(), _listed(site, "repeats")
    if x.shape is None:
        return single(None, x.dtype)
    rank = max(len(times), len(x.shape))
    times, shape = (1,) * (rank - len(times)) + times, (1,) * (rank - len(x.shape)) + x.shape
    return single(tuple(None if d is None else d * t for d, t in zip(shape, times, strict=True)), x.dtype)


def pad(site: Site) -> Result:
    """(…) → the same with `pad_width` added: a pair for each dimension, or one number or pair for a vector.

    Keras says that one pair does for all dimensions, and fails once it runs.
    """
    x, given = site.tensor(), value(site, "pad_width")
    if x.shape is None:
        return single(None, x.dtype)
    if isinstance(given, int):
        pairs: tuple[tuple[int, int], ...] = ((given, given),)
    else:
        listed = given if isinstance(given[0], tuple) else (given,)
        pairs = tuple((whole(site, "pad_width", p[0]), whole(site, "pad_width", p[-1])) for p in listed)
    if len(pairs) != len(x.shape):
        has = "one pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
        raise Refusal(
            codes.S301,
            f"{site.label} has {has} for all dimensions, and is given {show(x.shape)}",
            help="write a pair for each dimension, `[0, 0]` for those that stay",
            argument="pad_width",
        )
    return single(tuple(None if d is None else d + sum(p) for d, p in zip(x.shape, pairs, strict=True)), x.dtype)
