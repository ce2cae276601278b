"""Convolutions: over one to three spatial dimensions, transposed, depthwise and separable."""

from __future__ import annotations

from dataclasses import replace

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import channels_first, flag, integer, several, size, value, wrong
from specc.shapes.costs import activated, output_and_input, per_element, times, total
from specc.shapes.dimensions import joined, kernels, known, layout, ranked, steps, stretched, window
from specc.shapes.dtypes import compute_dtype, fractional
from specc.shapes.layers.core import adapted, adapting, halved
from specc.tensors import Shape, Tensor, Weight, show

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
]


def spatial_dimensions(site: Site) -> int:
    """Over how many dimensions a convolution slides: the digit in its name."""
    return next(int(c) for c in site.call.name if c.isdigit())


def _input(site: Site, spatial: int) -> tuple[Shape | None, bool]:
    """The input's shape, and whether its channels come first."""
    inputs, first = site.tensor(), channels_first(site)
    fractional(site, inputs)
    return ranked(site, inputs, spatial + 2, f"an input of {spatial + 2} dimensions, {layout(spatial, first)}"), first


def _channels(site: Site, shape: Shape, first: bool) -> int:
    return known(site, shape, 1 if first else -1, "the number of channels")


def convolved(site: Site, shape: Shape, first: bool, filters: int | None) -> Shape:
    """What a convolution leaves of its input.

    Raises:
        Refusal: S303 when the kernel is larger than the input.
    """
    spatial = spatial_dimensions(site)
    kernel, strides, dilation = (several(site, name, spatial) for name in ("kernel_size", "strides", "dilation_rate"))
    padding = _padding(site, causal=site.call.name == "Conv1D")
    covers = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    before = shape[2:] if first else shape[1:-1]
    windows = zip(before, covers, strides, strict=True)
    after = [steps(length, cover, stride, valid=padding == "valid") for length, cover, stride in windows]
    window(site, shape, after, covers, "kernel")
    return (shape[0], filters, *after) if first else (shape[0], *after, filters)


def _padding(site: Site, causal: bool) -> str:
    padding = value(site, "padding")
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same", *(["causal"] if causal else [])):
        raise wrong(site, "padding", padding, "`valid`, `same` or `causal`" if causal else "`valid` or `same`")
    return padding.lower()


def one_kind_of_step(site: Site, spatial: int) -> None:
    if max(several(site, "strides", spatial)) > 1 and max(several(site, "dilation_rate", spatial)) > 1:
        raise wrong(site, "dilation_rate", value(site, "dilation_rate"), "1 where `strides` is more than 1")


def convolution(site: Site) -> Result:
    """(batch, …, channels) → (batch, …, filters)."""
    spatial, filters, groups = spatial_dimensions(site), size(site, "filters"), integer(site, "groups", 1)
    kernel = several(site, "kernel_size", spatial)
    one_kind_of_step(site, spatial)
    if filters is not None and filters % groups:
        raise wrong(site, "groups", groups, f"a divisor of the {filters} filters")
    shape, first = _input(site, spatial)
    if shape is None:
        return single(None, compute_dtype(site), None, None)
    channels = _channels(site, shape, first)
    if channels % groups:
        raise Refusal(
            codes.S302,
            f"{site.label} splits its channels into {groups} groups, and is given {channels} channels in {show(shape)}",
            help=f"`groups` must divide {channels}",
        )
    bias = (filters,) if flag(site, "use_bias", True) else None
    sizes = (*kernel, channels // groups, filters)
    output = convolved(site, shape, first, filters)
    products = times(2, *sizes[:-1], Tensor(output).elements)
    return _ended(site, output, adapted(site, sizes, bias), total(products, adapting(site, sizes)))


def transposed(site: Site) -> Result:
    """(batch, …, channels) → (batch, …, filters), each spatial dimension `strides` times as long or a little longer."""
    spatial, filters = spatial_dimensions(site), size(site, "filters")
    kernel, strides, dilation = (several(site, name, spatial) for name in ("kernel_size", "strides", "dilation_rate"))
    padding = _padding(site, causal=False)
    one_kind_of_step(site, spatial)
    extra = None
    if value(site, "output_padding") is not None:
        extra = several(site, "output_padding", spatial, minimum=0)
        if any(e >= s for e, s in zip(extra, strides, strict=True)):
            raise wrong(site, "output_padding", value(site, "output_padding"), "less than `strides`")
    shape, first = _input(site, spatial)
    if shape is None:
        return single(None, compute_dtype(site), None, None)
    channels = _channels(site, shape, first)
    after = [
        stretched(length, (k - 1) * d + 1, s, None if extra is None else extra[i], valid=padding == "valid")
        for i, (length, k, d, s) in enumerate(
            zip(shape[2:] if first else shape[1:-1], kernel, dilation, strides, strict=True)
        )
    ]
    bias = kernels((filters,)) if flag(site, "use_bias", True) else ()
    weights = joined(kernels((*kernel, filters, channels)), bias)
    output = (shape[0], filters, *after) if first else (shape[0], *after, filters)
    # Each element of the input spreads over a kernel; what falls over the edge counts, as with a window.
    return _ended(site, output, weights, times(2, *kernel, filters, Tensor(shape).elements))


def depthwise(site: Site) -> Result:
    """(batch, …, channels) → (batch, …, channels · depth_multiplier), each channel on its own."""
    spatial, multiplier = spatial_dimensions(site), integer(site, "depth_multiplier", 1)
    kernel = several(site, "kernel_size", spatial)
    shape, first = _input(site, spatial)
    if shape is None:
        return single(None, compute_dtype(site), None, None)
    channels = _channels(site, shape, first)
    bias = kernels((multiplier * channels,)) if flag(site, "use_bias", True) else ()
    weights = joined(kernels((*kernel, channels, multiplier)), bias)
    output = convolved(site, shape, first, multiplier * channels)
    return _ended(site, output, weights, times(2, *kernel, Tensor(output).elements))


def separable(site: Site) -> Result:
    """(batch, …, channels) → (batch, …, filters): depthwise, and then every channel mixed at each point."""
    spatial, filters, multiplier = spatial_dimensions(site), size(site, "filters"), integer(site, "depth_multiplier", 1)
    kernel = several(site, "kernel_size", spatial)
    shape, first = _input(site, spatial)
    if shape is None:
        return single(None, compute_dtype(site), None, None)
    channels = _channels(site, shape, first)
    depth, point = (*kernel, channels, multiplier), (*(1,) * spatial, multiplier * channels, filters)
    bias = kernels((filters,)) if flag(site, "use_bias", True) else ()
    between = Tensor(convolved(site, shape, first, multiplier * channels), compute_dtype(site))
    output = convolved(site, shape, first, filters)
    flops = total(times(2, *kernel, between.elements), times(2, multiplier * channels, Tensor(output).elements))
    result = _ended(site, output, joined(kernels(depth, point), bias), flops)
    held = result.outputs if result.kept is None else result.kept
    return replace(result, kept=(between, *held))


def _ended(site: Site, shape: Shape, weights: tuple[Weight, ...] | None, products: int | None) -> Result:
    """A convolution with its bias and its activation, after so many operations of products."""
    output = Tensor(shape, compute_dtype(site))
    biased = per_element(shape, flag(site, "use_bias", True))
    flops = total(products, biased, activated(site, output.elements))
    return single(halved(site, shape), output.dtype, weights, flops, output_and_input(site, output))


Conv1D = Conv2D = Conv3D = convolution
Conv1DTranspose = Conv2DTranspose = Conv3DTranspose = transposed
DepthwiseConv1D = DepthwiseConv2D = depthwise
SeparableConv1D = SeparableConv2D = separable
