"""Pooling: windows that slide, and windows that adapt."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import channels_first, several, value, wrong
from specc.shapes.costs import elements, times
from specc.shapes.dimensions import steps, window
from specc.shapes.dtypes import FLOATS, among
from specc.shapes.ops.convolution import by_dimension
from specc.tensors import Shape, Tensor, show

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "average_pool", "max_pool"]

_COUNTED = (*FLOATS, "int8", "int16", "int32", "int64", "uint8", "uint16")


def _input(site: Site, x: Tensor) -> int:
    """Over how many dimensions it slides; 0 where that is not known."""
    if x.shape is not None and not 3 <= len(x.shape) <= 5:
        raise Refusal(
            codes.S301,
            f"{site.label} needs an input of 3 to 5 dimensions, batch and channels among them, and is given "
            f"{show(x.shape)}",
            help="bring it to that first, with `Reshape` or `ops.expand_dims`",
        )
    return 0 if x.shape is None else len(x.shape) - 2


def _allowed(site: Site, x: Tensor, spatial: int) -> None:
    if "average" in site.call.name:
        among(site, FLOATS, x)
    else:
        among(site, ("bfloat16", "float16", "float32") if spatial == 3 else _COUNTED, x)


def pooling(site: Site) -> Result:
    """(batch, …, channels) → the same with fewer steps: one for each window."""
    x, first, padding = site.tensor(), channels_first(site), value(site, "padding")
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise wrong(site, "padding", padding, "`valid` or `same`")
    spatial = _input(site, x)
    _allowed(site, x, spatial)
    if x.shape is None:
        return single(None, x.dtype, flops=None)
    pool = by_dimension(site, "pool_size", spatial)
    stride = pool if value(site, "strides") is None else by_dimension(site, "strides", spatial)
    windows = zip(x.shape[2:] if first else x.shape[1:-1], pool, stride, strict=True)
    after = [steps(length, cover, s, valid=padding.lower() == "valid") for length, cover, s in windows]
    window(site, x.shape, after, pool, "window")
    output: Shape = (*x.shape[:2], *after) if first else (x.shape[0], *after, x.shape[-1])
    return single(output, x.dtype, flops=times(elements(output), *pool))


def adaptive_pooling(site: Site) -> Result:
    """(batch, …, channels) → (batch, *output_size, channels). Keras declares that wrongly where channels come last."""
    x, first = site.tensor(), channels_first(site)
    spatial = _input(site, x)
    _allowed(site, x, spatial)
    given = value(site, "output_size")
    if not isinstance(given, tuple):
        raise wrong(site, "output_size", given, "a list of sizes, one for each dimension")
    if x.shape is None:
        return single(None, x.dtype, flops=None)
    sizes = several(site, "output_size", spatial)
    lengths = x.shape[2:] if first else x.shape[1:-1]
    if None in lengths:
        raise Refusal(
            codes.S305,
            f"{site.label} must know what it shares out, and is given {show(x.shape)}",
            help="write the dimensions in `model.inputs`, or use a global pooling layer, which needs none",
        )
    covers = [-(-(length or 0) // size) for length, size in zip(lengths, sizes, strict=True)]
    # Keras tries windows of that length, and of one more.
    if any(cover >= (length or 0) for length, cover in zip(lengths, covers, strict=True)):
        raise Refusal(
            codes.S303,
            f"{site.label} makes {list(sizes)} of {show(x.shape)}, and cannot bring a dimension down to one",
            help="use `ops.mean` or `ops.max` with `keepdims: true`, or a global pooling layer",
        )
    output = (*x.shape[:2], *sizes) if first else (x.shape[0], *sizes, x.shape[-1])
    return single(output if first else None, x.dtype, flops=times(elements(output), *covers))


max_pool = average_pool = pooling
adaptive_max_pool = adaptive_average_pool = adaptive_pooling
