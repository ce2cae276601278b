"""Pooling: windows that slide, whole dimensions at once, and windows that adapt."""

from __future__ import annotations

from specc.shapes import Result, Site, single
from specc.shapes.arguments import channels_first, choice, flag, several, value
from specc.shapes.costs import elements, times
from specc.shapes.dimensions import layout, ranked, steps, window
from specc.shapes.dtypes import compute_dtype, numeric
from specc.tensors import Shape

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


def _input(site: Site) -> tuple[Shape | None, bool, int]:
    """The input's shape, whether its channels come first, and how many spatial dimensions it has."""
    spatial = next(int(c) for c in site.call.name if c.isdigit())
    inputs, first = site.tensor(), channels_first(site)
    numeric(site, inputs)
    needed = f"an input of {spatial + 2} dimensions, {layout(spatial, first)}"
    return ranked(site, inputs, spatial + 2, needed), first, spatial


def pooling(site: Site) -> Result:
    """(batch, …, channels) → the same with fewer steps: one for each window."""
    shape, first, spatial = _input(site)
    pool = several(site, "pool_size", spatial)
    strides = pool if value(site, "strides") is None else several(site, "strides", spatial)
    padding = choice(site, "padding", "valid", "same")
    if shape is None:
        return single(None, compute_dtype(site), (), None)
    windows = zip(shape[2:] if first else shape[1:-1], pool, strides, strict=True)
    after = [steps(length, covers, stride, valid=padding == "valid") for length, covers, stride in windows]
    window(site, shape, after, pool, "window")
    output = _around(shape, first, tuple(after))
    return single(output, compute_dtype(site), (), times(elements(output), *pool))


def global_pooling(site: Site) -> Result:
    """(batch, …, channels) → (batch, channels), or with `keepdims` (batch, 1, …, channels)."""
    shape, first, spatial = _input(site)
    if shape is None:
        return single(None, compute_dtype(site), (), None)
    output = _around(shape, first, (1,) * spatial if flag(site, "keepdims") else ())
    return single(output, compute_dtype(site), (), elements(shape))


def adaptive_pooling(site: Site) -> Result:
    """(batch, …, channels) → (batch, *output_size, channels).

    An input of another rank is refused here; Keras notices when it runs.
    """
    shape, first, spatial = _input(site)
    sizes = several(site, "output_size", spatial)
    if shape is None:
        return single(None, compute_dtype(site), (), None)
    output, lengths = _around(shape, first, sizes), shape[2:] if first else shape[1:-1]
    covers = [None if n is None else -(-n // s) for n, s in zip(lengths, sizes, strict=True)]
    return single(output, compute_dtype(site), (), times(elements(output), *covers))


def _around(shape: Shape, first: bool, spatial: Shape) -> Shape:
    return (shape[0], shape[1], *spatial) if first else (shape[0], *spatial, shape[-1])


MaxPooling1D = MaxPooling2D = MaxPooling3D = pooling
AveragePooling1D = AveragePooling2D = AveragePooling3D = pooling
GlobalMaxPooling1D = GlobalMaxPooling2D = GlobalMaxPooling3D = global_pooling
GlobalAveragePooling1D = GlobalAveragePooling2D = GlobalAveragePooling3D = global_pooling
AdaptiveAveragePooling1D = AdaptiveAveragePooling2D = AdaptiveAveragePooling3D = adaptive_pooling
AdaptiveMaxPooling1D = AdaptiveMaxPooling2D = AdaptiveMaxPooling3D = adaptive_pooling
