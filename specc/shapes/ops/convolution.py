"""Convolutions whose kernels are tensors, and windows cut out of images and put together again."""

from __future__ import annotations

from collections.abc import Sequence

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import channels_first, several, spread, value, wrong
from specc.shapes.costs import elements, times, total
from specc.shapes.dimensions import agree, listing, ranked, steps, window
from specc.shapes.dtypes import FLOATS, INTEGERS, among, numeric, one_dtype
from specc.tensors import Shape, Tensor, show

__all__ = ["conv", "depthwise_conv", "fold", "separable_conv", "unfold"]


def slid(site: Site, shape: Shape, kernel: Sequence[int], filters: int | None, first: bool) -> Shape:
    """What a kernel leaves of the input that it slides over.

    Raises:
        Refusal: S303 when it is larger than the input.
    """
    spatial = len(kernel)
    stride, dilation = by_dimension(site, "strides", spatial), several(site, "dilation_rate", spatial)
    padding = value(site, "padding")
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise wrong(site, "padding", padding, "`valid` or `same`")
    covers = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    windows = zip(shape[2:] if first else shape[1:-1], covers, stride, strict=True)
    after = [steps(length, cover, s, valid=padding.lower() == "valid") for length, cover, s in windows]
    window(site, shape, after, covers, "kernel")
    return (shape[0], filters, *after) if first else (shape[0], *after, filters)


def by_dimension(site: Site, name: str, count: int) -> tuple[int, ...]:
    """A whole number for each dimension; one alone stands for all, also in a list."""
    found = value(site, name)
    return spread(site, name, found[0] if isinstance(found, tuple) and len(found) == 1 else found, count)


def one_kind_of_step(site: Site, spatial: int) -> None:
    """Refuse strides and dilation at once, which TensorFlow has no convolution for."""
    if max(by_dimension(site, "strides", spatial)) > 1 and max(several(site, "dilation_rate", spatial)) > 1:
        raise wrong(site, "dilation_rate", value(site, "dilation_rate"), "1 where `strides` is more than 1")


def _spatial(site: Site, x: Tensor, most: int) -> int:
    rank = len(x.shape or ())
    if not 3 <= rank <= most + 2:
        raise Refusal(
            codes.S301,
            f"{site.label} needs an input of 3 to {most + 2} dimensions, batch and channels among them, and is given "
            f"{show(x.shape)}",
            help="bring it to that first, with `Reshape` or `ops.expand_dims`",
        )
    return rank - 2


def _kernel(site: Site, x: Shape, kernel: Shape, first: bool) -> tuple[int, ...]:
    """Over what a kernel extends, once it fits the input."""
    if len(kernel) != len(x):
        raise Refusal(
            codes.S301,
            f"{site.label} needs a kernel of as many dimensions as the input, and is given {listing([x, kernel])}",
            help="a kernel is (height, width, channels in, channels out), with as many lengths as the input has",
        )
    channels = x[1 if first else -1]
    if not agree(channels, kernel[-2]):
        raise Refusal(
            codes.S302,
            f"{site.label} is given {channels} channels in {show(x)}, and a kernel {_plain(kernel)} for {kernel[-2]}",
            help="the last dimension of a kernel but one is the number of channels that it takes",
        )
    covers = tuple(d for d in kernel[:-2] if d is not None)
    if len(covers) < len(kernel) - 2:
        raise Refusal(
            codes.S305,
            f"{site.label} must know over what its kernel extends, and is given {_plain(kernel)}",
            help="a kernel must not depend on the batch: make it of known dimensions, with `Reshape`",
        )
    return covers


def _plain(kernel: Shape) -> str:
    """A shape whose first dimension is no batch."""
    return f"({', '.join('?' if d is None else str(d) for d in kernel)})"


def conv(site: Site) -> Result:
    """(batch, …, channels) and a kernel (…, channels, filters) → (batch, …, filters)."""
    x, kernel, first = site.tensor("inputs"), site.tensor("kernel"), channels_first(site)
    one_dtype(site, x, kernel)
    if x.shape is None or kernel.shape is None:
        among(site, (*FLOATS, "int32"), x, kernel)
        return single(None, x.dtype, flops=None)
    spatial = _spatial(site, x, 3)
    among(site, (*FLOATS, "int32") if spatial < 3 else FLOATS, x, kernel)
    covers = _kernel(site, x.shape, kernel.shape, first)
    one_kind_of_step(site, spatial)
    output = slid(site, x.shape, covers, kernel.shape[-1], first)
    return single(output, x.dtype, flops=times(2, elements(output), *kernel.shape[:-1]))


def depthwise_conv(site: Site) -> Result:
    """(batch, …, channels) and a kernel (…, channels, n) → (batch, …, channels · n), each channel on its own."""
    x, kernel = site.tensor("inputs"), site.tensor("kernel")
    output, flops = _depthwise(site, x, kernel)
    return single(output, x.dtype, flops=flops)


def _depthwise(site: Site, x: Tensor, kernel: Tensor) -> tuple[Shape | None, int | None]:
    first = channels_first(site)
    one_dtype(site, x, kernel)
    among(site, FLOATS, x, kernel)
    if x.shape is None or kernel.shape is None:
        return None, None
    _spatial(site, x, 2)
    covers = _kernel(site, x.shape, kernel.shape, first)
    filters = times(*kernel.shape[-2:])
    if filters is None:
        raise Refusal(
            codes.S305,
            f"{site.label} must know how many filters its kernel has, and is given {_plain(kernel.shape)}",
            help="make the kernel of known dimensions, with `Reshape`",
        )
    output = slid(site, x.shape, covers, filters, first)
    return output, times(2, elements(output), *covers)


def separable_conv(site: Site) -> Result:
    """(batch, …, channels) → (batch, …, filters): each channel on its own, then all of them mixed at each point."""
    x, first = site.tensor("inputs"), channels_first(site)
    depthwise, pointwise = site.tensor("depthwise_kernel"), site.tensor("pointwise_kernel")
    one_dtype(site, x, depthwise, pointwise)
    between, flops = _depthwise(site, x, depthwise)
    if between is None or pointwise.shape is None:
        return single(None, x.dtype, flops=None)
    channels, point = between[1 if first else -1], pointwise.shape
    shape = (1,) * (len(between) - 2)
    if len(point) != len(between) or not all(agree(a, b) for a, b in zip(point, (*shape, channels), strict=False)):
        needed = ", ".join([*map(str, shape), "?" if channels is None else str(channels)])
        raise Refusal(
            codes.S301 if len(point) != len(between) else codes.S302,
            f"{site.label} needs a pointwise kernel ({needed}, filters), and is given {_plain(point)}",
            help="it takes all channels that the depthwise kernel makes, at one point",
        )
    output = tuple(point[-1] if i == (1 if first else len(between) - 1) else d for i, d in enumerate(between))
    mixed = times(2, elements(output), channels)
    return single(output, x.dtype, flops=total(flops, mixed), kept=(Tensor(between, x.dtype), Tensor(output, x.dtype)))


def unfold(site: Site) -> Result:
    """(batch, channels, height, width) → (batch, channels · window, places): each window as a column."""
    x = site.tensor()
    among(site, (*FLOATS, *INTEGERS), x)
    kernel, dilation, stride = (several(site, name, 2) for name in ("kernel_size", "dilation", "stride"))
    padding = several(site, "padding", 2, minimum=0)
    shape = ranked(site, x, 4, "an input of 4 dimensions, (batch, channels, height, width)")
    if shape is None:
        return single(None, x.dtype)
    if None in shape:
        raise Refusal(
            codes.S305,
            f"{site.label} must know every dimension, the batch as well, and is given {show(shape)}",
            help="`ops.image.extract_patches` does not need the batch",
        )
    places = _places([n or 0 for n in shape[2:]], kernel, dilation, padding, stride)
    window(site, shape, places, [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)], "window")
    return single((shape[0], times(shape[1], *kernel), times(*places)), x.dtype)


def _places(
    lengths: Sequence[int],
    kernel: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    stride: Sequence[int],
) -> list[int]:
    """How often a window stands on each dimension, with `padding` before and after it."""
    windows = zip(lengths, kernel, dilation, padding, stride, strict=True)
    return [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in windows]


def fold(site: Site) -> Result:
    """(batch, channels · window, places) → (batch, channels, *output_size): overlapping windows added up."""
    x = site.tensor()
    numeric(site, x)
    size, kernel, dilation, stride = (
        several(site, name, 2) for name in ("output_size", "kernel_size", "dilation", "stride")
    )
    padding = several(site, "padding", 2, minimum=0)
    shape = ranked(site, x, 3, "an input of 3 dimensions, (batch, channels · window, places)")
    if shape is None:
        return single(None, x.dtype, flops=None)
    covers = kernel[0] * kernel[1]
    places = _places(size, kernel, dilation, padding, stride)
    window(site, (None, *size), places, kernel, "window")
    if shape[1] is None:
        raise Refusal(
            codes.S305,
            f"{site.label} must know how many channels there are, and is given {show(shape)}",
            help="write the dimension in `model.inputs`, or set it with `Reshape` before",
        )
    if shape[1] % covers or not agree(shape[2], places[0] * places[1]):
        raise Refusal(
            codes.S302,
            f"{site.label} needs (batch, a multiple of {covers}, {places[0] * places[1]}), and is given {show(shape)}",
            help=f"windows of {kernel[0]} by {kernel[1]} stand at {places[0]} by {places[1]} places of `output_size`",
        )
    return single((shape[0], shape[1] // covers, *size), x.dtype, flops=elements(shape))
