"""Ops that pick values by their places, or put values at places."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, Unsettled, single
from specc.shapes.arguments import axis, extent, value, whole, wrong
from specc.shapes.dimensions import agree, alike, broadcast, ranked_from
from specc.shapes.dtypes import is_integer, numbers, numeric, promote
from specc.shapes.ops.elementwise import operand
from specc.tensors import Shape, Tensor, show

__all__ = [
    "get_item",
    "nonzero",
    "scatter",
    "scatter_update",
    "select",
    "slice",
    "slice_update",
    "take",
    "take_along_axis",
    "unravel_index",
    "where",
]


def where(site: Site) -> Result:
    """A condition and two tensors, broadcast together."""
    condition = site.tensor("condition")
    (one, first), (other, second) = operand(site, "x1"), operand(site, "x2")
    return single(broadcast(site, condition.shape, one, other), promote(site, (first, second)))


def select(site: Site) -> Result:
    """Conditions and as many tensors, all broadcast together: at each place, the tensor of the first that holds.

    Keras declares the shape and dtype of the first tensor; where more comes of the others, they are unknown.
    """
    conditions, choices = site.tensors("condlist"), site.tensors("choicelist")
    if len(conditions) != len(choices) or not choices:
        raise Refusal(
            codes.S204,
            f"{site.label} takes a tensor for each condition, and is given {len(choices)} for {len(conditions)}",
            help="name as many in `choicelist` as in `condlist`",
        )
    numeric(site, *conditions, *choices)
    first = choices[0]
    whole_shape = broadcast(site, *(t.shape for t in (*conditions, *choices)))
    shape = None
    if first.shape is not None and whole_shape is not None and len(first.shape) == len(whole_shape):
        shape = tuple(a if a == b else None for a, b in zip(first.shape, whole_shape, strict=True))
    return single(shape, first.dtype if {t.dtype for t in choices} == {first.dtype} else None)


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


def get_item(site: Site) -> Result:
    """(…) → what stands at the first axes' places; null among them makes a new dimension of 1."""
    x, key = site.tensor(), value(site, "key")
    if x.shape is None:
        return single(None, x.dtype)
    rest, made = list(x.shape), list[int | None]()
    for place in key if isinstance(key, tuple) else (key,):
        if place is None:
            made.append(1)
            continue
        index = whole(site, "key", place)
        if not rest:
            raise wrong(site, "key", key, f"a place for each axis at most, and {show(x.shape)} has {len(x.shape)}")
        length = rest.pop(0)
        if length is not None and not -length <= index < length:
            raise Refusal(
                codes.S105,
                f"{site.label} takes place {index} of {length}, from {show(x.shape)}",
                help=f"places go from {-length} to {length - 1}",
                argument="key",
            )
    return single((*made, *rest), x.dtype)


def nonzero(site: Site) -> Result:
    """(…) → for each axis the places of what is not zero: how many, only the values tell."""
    x = site.tensor()
    if x.shape is None:
        raise Unsettled
    ranked_from(site, x, 1)
    return Result((Tensor((None,), "int32"),) * len(x.shape))


def unravel_index(site: Site) -> Result:
    """(…) of places counted through all of `shape` → for each of its axes the places along it."""
    x, shape = site.tensor(), value(site, "shape")
    numbers(site, x)
    return Result((Tensor(x.shape, x.dtype),) * len(shape))


def slice(site: Site) -> Result:
    """(…) → a part of that `shape`, from `start_indices` on; -1 stands for all that is left."""
    x, sizes, starts = site.tensor(), value(site, "shape"), value(site, "start_indices")
    if x.shape is None:
        return single(None, x.dtype)
    for name, given in (("shape", sizes), ("start_indices", starts)):
        if not isinstance(given, tuple) or len(given) != len(x.shape):
            raise wrong(site, name, given, f"a whole number for each dimension of {show(x.shape)}")
    made = []
    for at, (length, start, size) in enumerate(zip(x.shape, starts, sizes, strict=True)):
        whole(site, "start_indices", start, 0)
        whole(site, "shape", size, -1)
        if length is not None and start + max(size, 0) > length:
            raise Refusal(
                codes.S302,
                f"{site.label} takes {size} from {start} on, along axis {at} of {show(x.shape)}: there are {length}",
                help="write -1 in `shape` for all that is left",
            )
        made.append((None if length is None else length - start) if size == -1 else size)
    return single(tuple(made), x.dtype)


def slice_update(site: Site) -> Result:
    """(…) → the same, a part of it replaced, from `start_indices` on."""
    x, part, starts = site.tensor("inputs"), site.tensor("updates"), value(site, "start_indices")
    _one_dtype(site, x, part)
    if x.shape is None:
        return single(None, x.dtype)
    if not isinstance(starts, tuple) or len(starts) != len(x.shape):
        raise wrong(site, "start_indices", starts, f"a whole number for each dimension of {show(x.shape)}")
    for start in starts:
        whole(site, "start_indices", start)
    if part.shape is not None:
        fits = len(part.shape) == len(x.shape) and all(
            a is None or b is None or a >= b for a, b in zip(x.shape, part.shape, strict=True)
        )
        if not fits:
            raise Refusal(
                codes.S302 if len(part.shape) == len(x.shape) else codes.S301,
                f"{site.label} puts {show(part.shape)} into {show(x.shape)}, where it has no room",
                help="`updates` has as many dimensions as `inputs`, none of them larger",
            )
    return single(x.shape, x.dtype)


def scatter(site: Site) -> Result:
    """Places (…, k) and values (…, rest) → `shape`, zero but for the values at the places."""
    places, values, shape = site.tensor("indices"), site.tensor("values"), value(site, "shape")
    shape = tuple(whole(site, "shape", size, 0) for size in shape)
    _placed(site, shape, places, values, "values")
    return single(shape, values.dtype)


def scatter_update(site: Site) -> Result:
    """(…) → the same, with `updates` (…, rest) at the places `indices` (…, k)."""
    x, places, updates = site.tensor("inputs"), site.tensor("indices"), site.tensor("updates")
    _one_dtype(site, x, updates)
    if x.shape is not None:
        _placed(site, x.shape, places, updates, "updates")
    return single(x.shape, x.dtype)


def _one_dtype(site: Site, x: Tensor, updates: Tensor) -> None:
    if None not in (x.dtype, updates.dtype) and x.dtype != updates.dtype:
        raise Refusal(
            codes.S304,
            f"{site.label} puts {updates.dtype} into {x.dtype}",
            help=f"bring both to one dtype first: `ops.cast: {x.dtype}`",
        )


def _placed(site: Site, shape: Shape, places: Tensor, values: Tensor, name: str) -> None:
    """Refuse places that are no whole numbers, or too many for the shape, and values that do not fit them."""
    if places.dtype is not None and not is_integer(places.dtype):
        raise Refusal(
            codes.S304,
            f"{site.label} needs whole numbers as `indices`, and is given {places.dtype}",
            help="turn them into whole numbers first: `ops.cast: int32`",
        )
    if places.shape is None:
        return
    depth = places.shape[-1] if places.shape else 0
    if not places.shape or (depth is not None and depth > len(shape)):
        raise Refusal(
            codes.S302 if places.shape else codes.S301,
            f"{site.label} is given indices {show(places.shape)} into {show(shape)}",
            help="the last dimension of `indices` holds a place for each axis, counted from the first",
        )
    if depth is None or values.shape is None:
        return
    needed = (*places.shape[:-1], *shape[depth:])
    if not alike(needed, values.shape):
        raise Refusal(
            codes.S302 if len(needed) == len(values.shape) else codes.S301,
            f"{site.label} needs `{name}` of {show(needed)} for indices {show(places.shape)} into {show(shape)}, and "
            f"is given {show(values.shape)}",
            help=f"`{name}` has the dimensions of the indices but the last, then those of what each index stands for",
        )
