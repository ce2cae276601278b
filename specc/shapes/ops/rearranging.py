"""Ops that put the same values in another order, in blocks or by a pattern of names."""

from __future__ import annotations

import re

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import channels_first, integer, value, wrong
from specc.shapes.dimensions import layout, ranked
from specc.tensors import Shape, show

__all__ = ["depth_to_space", "rearrange", "space_to_depth"]


def _image(site: Site) -> tuple[Shape | None, int, bool]:
    """The image's shape with its channels last, the size of a block, and whether its channels come first."""
    first, block = channels_first(site), integer(site, "block_size", 2)
    shape = ranked(site, site.tensor(), 4, f"an input of 4 dimensions, {layout(2, first)}")
    return (shape[0], *shape[2:], shape[1]) if shape is not None and first else shape, block, first


def _made(site: Site, shape: Shape, first: bool) -> Result:
    return single((shape[0], shape[3], *shape[1:3]) if first else shape, site.tensor().dtype)


def depth_to_space(site: Site) -> Result:
    """(batch, height, width, channels) → each point a block, of `block_size` by `block_size` fewer channels."""
    shape, block, first = _image(site)
    if shape is None:
        return single(None, site.tensor().dtype)
    channels = shape[3]
    if channels is not None and channels % block**2:
        raise Refusal(
            codes.S302,
            f"{site.label} makes blocks of {block} by {block} of the channels, and is given {channels} of them in "
            f"{show(site.tensor().shape)}",
            help=f"it needs a multiple of {block**2}",
        )
    height, width = (None if d is None else d * block for d in shape[1:3])
    return _made(site, (shape[0], height, width, None if channels is None else channels // block**2), first)


def space_to_depth(site: Site) -> Result:
    """(batch, height, width, channels) → each block of `block_size` by `block_size` a point of more channels."""
    shape, block, first = _image(site)
    if shape is None:
        return single(None, site.tensor().dtype)
    if any(d is not None and d % block for d in shape[1:3]):
        raise Refusal(
            codes.S302,
            f"{site.label} takes blocks of {block} by {block}, and {show(site.tensor().shape)} does not come out",
            help=f"height and width must be multiples of {block}: `ZeroPadding2D` or `Cropping2D` makes them so",
        )
    height, width = (None if d is None else d // block for d in shape[1:3])
    return _made(site, (shape[0], height, width, None if shape[3] is None else shape[3] * block**2), first)


def rearrange(site: Site) -> Result:
    """(…) → the dimensions in another order, some in one: `b h w c -> b (h w) c`. Keras needs to know all of them."""
    x, pattern = site.tensor(), value(site, "pattern")
    sides = re.split(r"\s*->\s*", pattern) if isinstance(pattern, str) else []
    if len(sides) != 2:
        raise wrong(site, "pattern", pattern, "names on both sides of one `->`: `b h w c -> b (h w) c`")
    before, after = ([_names(part) for part in re.findall(r"\w+|\(.*?\)", side)] for side in sides)
    taken, given = [n for group in before for n in group], [n for group in after for n in group]
    if not all(len(group) == 1 for group in before):
        raise wrong(site, "pattern", pattern, "one without groups before `->`: a spec cannot say how they are divided")
    if any(not group for group in after) or len(set(taken)) < len(taken) or sorted(taken) != sorted(given):
        raise wrong(site, "pattern", pattern, "one with the same names before and after `->`, each once")
    if x.shape is None:
        return single(None, x.dtype)
    if len(taken) != len(x.shape):
        raise Refusal(
            codes.S301,
            f"{site.label} names {len(taken)} dimensions in `{pattern}`, and is given {show(x.shape)}",
            help="write a name for each dimension, the batch among them",
            argument="pattern",
        )
    if None in x.shape:
        raise Refusal(
            codes.S305,
            f"{site.label} must know every dimension, the batch as well, and is given {show(x.shape)}",
            help="`Permute` and `Reshape`, or `ops.einsum`, do without the batch",
        )
    sizes = dict(zip(taken, x.shape, strict=True))
    shape = []
    for group in after:
        size = 1
        for name in group:
            size *= sizes[name] or 0
        shape.append(size)
    return single(tuple(shape), x.dtype, kept=() if taken == given else None)


def _names(part: str) -> list[str]:
    return re.findall(r"\w+", part)
