"""Reshaping: flatten, reshape, permute, repeat, crop, pad and scale up."""

from __future__ import annotations

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import channels_first, integer, pairs, several, spread, value, wrong
from specc.shapes.costs import per_element
from specc.shapes.dimensions import layout, ranked, ranked_from, size_of
from specc.shapes.dtypes import compute_dtype, received
from specc.tensors import Shape, show

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Flatten",
    "Permute",
    "RepeatVector",
    "Reshape",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]

_NEIGHBOURS = {"bilinear": 4, "bicubic": 16, "lanczos3": 36, "lanczos5": 100}


def Flatten(site: Site) -> Result:
    """(batch, …) → (batch, all in one)."""
    inputs = site.tensor()
    shape = ranked_from(site, inputs, 1)
    return single(None if shape is None else (shape[0], size_of(shape[1:])), received(site, inputs), kept=())


def Reshape(site: Site) -> Result:
    """(batch, …) → (batch, *target_shape), with as many elements as before; one -1 is what is left over."""
    inputs, given = site.tensor(), site.arguments["target_shape"]
    if not isinstance(given, (list, tuple)):
        given = [value(site, "target_shape")]
    target = tuple(None if d is UNKNOWN_VALUE else d for d in given)
    if inputs.shape is None:
        shape = None
    else:
        shape = (*inputs.shape[:1], *reshaped(site, "target_shape", inputs.shape[1:], target, inputs.shape))
    return single(shape, received(site, inputs), kept=())


def reshaped(site: Site, name: str, before: Shape, target: Shape, shown: Shape) -> Shape:
    """What `target` makes of `before`, its -1 filled in where that can be known.

    Raises:
        Refusal: S105 for a target that is none, S302 when the number of elements differs.
    """
    if any(d is not None and d < -1 for d in target) or target.count(-1) > 1:
        raise wrong(site, name, target, "dimensions of 0 or more, with one -1 at most")
    if None in before or None in target:
        return tuple(None if d == -1 else d for d in target)
    have, rest = size_of(before) or 0, size_of([d for d in target if d != -1]) or 0
    if -1 in target and rest and have % rest == 0:
        return tuple(have // rest if d == -1 else d for d in target)
    if -1 in target or have != rest:
        made = f"{rest} elements" if -1 not in target else f"a multiple of {rest}"
        raise Refusal(
            codes.S302,
            f"{site.label} cannot make [{', '.join(map(str, target))}], {made}, of {show(shown)}, which has {have}",
            help="the number of elements must stay; -1 stands for the dimension that follows from the others",
        )
    return target


def Permute(site: Site) -> Result:
    """(batch, …) → (batch, …) in another order; `dims` counts from 1, after the batch."""
    inputs, given = site.tensor(), value(site, "dims")
    dims = given if isinstance(given, tuple) else (given,)
    if sorted(dims) != list(range(1, len(dims) + 1)):
        raise wrong(site, "dims", given, "each number from 1 up, once: `[2, 1]` swaps two dimensions")
    needed = f"as many dimensions after the batch as `dims` has, {len(dims)}"
    hint = f"name each of the {(inputs.rank or 1) - 1} dimensions once in `dims`"
    shape = ranked(site, inputs, len(dims) + 1, needed, hint)
    return single(None if shape is None else (shape[0], *(shape[d] for d in dims)), received(site, inputs))


def RepeatVector(site: Site) -> Result:
    """(batch, features) → (batch, n, features)."""
    times = integer(site, "n", 1)
    shape = ranked(site, site.tensor(), 2, "an input of 2 dimensions, (batch, features)")
    return single(None if shape is None else (shape[0], times, shape[1]), compute_dtype(site))


def _input(site: Site) -> tuple[Shape | None, bool, int]:
    """The input's shape, whether its channels come first, and how many spatial dimensions it has."""
    spatial, first = next(int(c) for c in site.call.name if c.isdigit()), channels_first(site)
    needed = f"an input of {spatial + 2} dimensions, {layout(spatial, first)}"
    return ranked(site, site.tensor(), spatial + 2, needed), first, spatial


def _ends(site: Site, name: str, spatial: int) -> tuple[tuple[int, int], ...]:
    """Before and after each spatial dimension. Over one dimension, a list of two is its pair."""
    if spatial > 1:
        return pairs(site, name, spatial)
    before, after = spread(site, name, value(site, name), 2, minimum=0)
    return ((before, after),)


def _spatially(shape: Shape, first: bool, spatial: Shape) -> Shape:
    return (*shape[:2], *spatial) if first else (shape[0], *spatial, shape[-1])


def cropping(site: Site) -> Result:
    """(batch, …, channels) → the same, less what is cut off at the ends.

    Raises:
        Refusal: S303 when nothing is left.
    """
    shape, first, spatial = _input(site)
    cut = _ends(site, "cropping", spatial)
    if shape is None:
        return single(None, compute_dtype(site))
    lengths = shape[2:] if first else shape[1:-1]
    left = tuple(None if n is None else n - sum(c) for n, c in zip(lengths, cut, strict=True))
    if any(n is not None and n < 1 for n in left):
        raise Refusal(
            codes.S303,
            f"{site.label} cuts {', '.join(str(sum(c)) for c in cut)} off {show(shape)}: nothing is left",
            help="`cropping` must be less than the dimension",
        )
    return single(_spatially(shape, first, left), compute_dtype(site))


def padding(site: Site) -> Result:
    """(batch, …, channels) → the same with zeros at the ends."""
    shape, first, spatial = _input(site)
    added = _ends(site, "padding", spatial)
    if shape is None:
        return single(None, compute_dtype(site))
    lengths = shape[2:] if first else shape[1:-1]
    longer = tuple(None if n is None else n + sum(a) for n, a in zip(lengths, added, strict=True))
    return single(_spatially(shape, first, longer), compute_dtype(site))


def upsampling(site: Site) -> Result:
    """(batch, …, channels) → the same, each step `size` times."""
    shape, first, spatial = _input(site)
    times = several(site, "size", spatial) if spatial > 1 else (integer(site, "size", 1),)
    if shape is None:
        return single(None, compute_dtype(site), (), None if interpolated(site, "nearest") else 0)
    lengths = shape[2:] if first else shape[1:-1]
    output = _spatially(shape, first, tuple(None if n is None else n * t for n, t in zip(lengths, times, strict=True)))
    return single(output, compute_dtype(site), (), per_element(output, interpolated(site, "nearest")))


def interpolated(site: Site, default: str) -> int:
    """What an element of an image of another size costs: a product and a sum for each neighbour that it is made of."""
    return 2 * _NEIGHBOURS.get(str(value(site, "interpolation", default)), 0)


Cropping1D = Cropping2D = Cropping3D = cropping
ZeroPadding1D = ZeroPadding2D = ZeroPadding3D = padding
UpSampling1D = UpSampling2D = UpSampling3D = upsampling
