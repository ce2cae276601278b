"""Rules of `keras.ops.image`: colours, sizes, edges, patches. A single image, without a batch, is taken as well."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Rule, Site, single
from specc.shapes.arguments import channels_first, choice, flag, integer, number, several, value, whole, wrong
from specc.shapes.costs import elements, per_element, times
from specc.shapes.dimensions import alike, listing, ranked
from specc.shapes.dtypes import FLOATS, INTEGERS, among, numeric
from specc.shapes.ops.convolution import one_kind_of_step, slid
from specc.tensors import Shape, Tensor, show

__all__ = [
    "crop_images",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "pad_images",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "sobel_edges",
    "ssim",
]

PREFIX = "image."
"""Where these ops stand within `keras.ops`."""


def pictures(site: Site, x: Tensor) -> tuple[Shape | None, int, int]:
    """The shape of images, and which axes are the height, the channels: counted from the end.

    Raises:
        Refusal: S301 for another number of dimensions than 3 or 4.
    """
    first = channels_first(site)
    if x.shape is not None and len(x.shape) not in (3, 4):
        raise Refusal(
            codes.S301,
            f"{site.label} needs (batch, height, width, channels), or one image without a batch, and is given "
            f"{show(x.shape)}",
            help="bring it to that first, with `Reshape` or `ops.expand_dims`",
        )
    return x.shape, -2 if first else -3, -3 if first else -1


def placed(shape: Shape, at: int, sizes: Shape) -> Shape:
    """A shape with other dimensions from an axis on, which is counted from the end."""
    start = len(shape) + at
    return (*shape[:start], *sizes, *shape[start + len(sizes) :])


def _channels(site: Site, shape: Shape | None, at: int, allowed: tuple[int, ...]) -> None:
    if shape is not None and shape[at] not in (None, *allowed):
        names = " or ".join(str(a) for a in allowed)
        raise Refusal(
            codes.S302,
            f"{site.label} needs images of {names} channels, and is given {shape[at]} in {show(shape)}",
            help="`data_format` says whether the channels come first or last",
        )


def rgb_to_grayscale(site: Site) -> Result:
    """(batch, height, width, 3) → (batch, height, width, 1)."""
    x = site.tensor()
    numeric(site, x)
    shape, _, channels = pictures(site, x)
    _channels(site, shape, channels, (1, 3))
    if shape is None:
        return single(None, x.dtype, flops=None)
    if shape[channels] is None:
        raise Refusal(
            codes.S305,
            f"{site.label} must know whether there are 1 or 3 channels, and is given {show(shape)}",
            help="write the dimension in `model.inputs`, or set it with `Reshape` before",
        )
    grey = placed(shape, channels, (1,))
    return single(grey, x.dtype, flops=0 if shape[channels] == 1 else per_element(grey, 6))


def colours(site: Site) -> Result:
    """(batch, height, width, 3) → the same, of other colours for the same ones."""
    x = site.tensor()
    among(site, FLOATS, x)
    shape, _, channels = pictures(site, x)
    _channels(site, shape, channels, (3,))
    return single(shape, x.dtype, flops=per_element(shape, 4))


rgb_to_hsv = hsv_to_rgb = colours

# Products and sums for an element of the output, from as many neighbours as each interpolation takes.
_INTERPOLATION = {"nearest": 0, "bilinear": 8, "area": 8, "bicubic": 32, "lanczos3": 72, "lanczos5": 200}


def resize(site: Site) -> Result:
    """(batch, height, width, channels) → the same of another size."""
    x, size = site.tensor(), value(site, "size")
    among(site, (*FLOATS, "int8", "int16", "int32", "int64", "uint8", "uint16"), x)
    if not isinstance(size, tuple):
        raise wrong(site, "size", size, "height and width, a list of two")
    sizes = several(site, "size", 2)
    kind = choice(site, "interpolation", *_INTERPOLATION)
    choice(site, "fill_mode", "constant")
    if flag(site, "crop_to_aspect_ratio") and flag(site, "pad_to_aspect_ratio"):
        raise wrong(site, "pad_to_aspect_ratio", True, "false where `crop_to_aspect_ratio` is true")
    shape, height, _ = pictures(site, x)
    if shape is None:
        return single(None, x.dtype, flops=None)
    output = placed(shape, height, sizes)
    return single(output, x.dtype, flops=per_element(output, _INTERPOLATION[str(kind)]))


def _sides(site: Site, before: str, after: str, target: str) -> tuple[int | None, int | None, int | None]:
    """What is added or cut off before and after, and what comes of it: two of the three."""
    found: list[int | None] = []
    for name in (before, after, target):
        given = value(site, name)
        found.append(None if given is None else whole(site, name, given, 0))
    if found.count(None) != 1:
        raise Refusal(
            codes.S105,
            f"{site.label} takes two of `{before}`, `{after}` and `{target}`, and is given {3 - found.count(None)}",
            help="the third follows from them",
            argument=target,
        )
    return found[0], found[1], found[2]


def _side(site: Site, shape: Shape, length: int | None, names: tuple[str, str, str], grows: bool) -> int | None:
    """How long a side of an image becomes.

    Raises:
        Refusal: S105 where less than nothing would be added or cut off or left, S305 where that is not known.
    """
    before, after, target = _sides(site, *names)
    if length is None:
        if target is not None and (grows or before is None):
            raise Refusal(
                codes.S305,
                f"{site.label} must know how long the side is that `{names[2]}` is of, and is given {show(shape)}",
                help=f"write `{names[0]}` and `{names[1]}`" if grows else f"write `{names[0]}` and `{names[2]}`",
            )
        if target is None and not grows:
            raise Refusal(
                codes.S305,
                f"{site.label} must know how long the side is that it cuts, and is given {show(shape)}",
                help=f"write `{names[0]}` and `{names[2]}`",
            )
        return target
    moved = (before or 0) + (after or 0)
    made = target if target is not None else length + moved if grows else length - moved
    if made < 0 or (target is not None and (target - length - moved < 0 if grows else length - target - moved < 0)):
        raise Refusal(
            codes.S303,
            f"{site.label} makes {length} of {show(shape)} {'longer' if grows else 'shorter'}: that does not come out "
            f"with `{names[0]}`, `{names[1]}` and `{names[2]}` as they are",
            help="what is added or cut off, and what is left, must not be negative",
        )
    return made


def bordered(what: str, grows: bool) -> Rule:
    """The rule of an op that adds borders to images, or cuts them off."""

    def apply(site: Site) -> Result:
        x = site.tensor()
        shape, height, _ = pictures(site, x)
        tall, wide = ((f"{a}_{what}", f"{b}_{what}", f"target_{c}") for a, b, c in _EDGES)
        if shape is None:
            _sides(site, *tall)
            _sides(site, *wide)
            return single(None, x.dtype)
        sizes = tuple(
            _side(site, shape, length, names, grows)
            for length, names in ((shape[height], tall), (shape[height + 1], wide))
        )
        return single(placed(shape, height, sizes), x.dtype)

    return apply


_EDGES = (("top", "bottom", "height"), ("left", "right", "width"))
crop_images = bordered("cropping", grows=False)
pad_images = bordered("padding", grows=True)


def _patches(site: Site, spatial: int) -> Result:
    x, first = site.tensor(), channels_first(site)
    among(site, (*FLOATS, "int32") if spatial == 2 else FLOATS, x)
    kernel = several(site, "size", spatial)
    choice(site, "padding", "valid", "same")
    stepped = site if value(site, "strides") is not None else _with(site, strides=kernel)
    one_kind_of_step(stepped, spatial)
    if x.shape is None:
        return single(None, x.dtype)
    if len(x.shape) not in (spatial + 1, spatial + 2):
        raise Refusal(
            codes.S301,
            f"{site.label} needs {spatial + 2} dimensions, or one less without a batch, and is given {show(x.shape)}",
            help="bring it to that first, with `Reshape` or `ops.expand_dims`",
        )
    batched = x.shape if len(x.shape) == spatial + 2 else (1, *x.shape)
    values = times(*kernel, batched[1 if first else -1])
    if values is None:
        raise Refusal(
            codes.S305,
            f"{site.label} must know the number of channels, and is given {show(x.shape)}",
            help="write the dimension in `model.inputs`, or set it with `Reshape` before",
        )
    output = slid(stepped, batched, kernel, values, first)
    return single(output if batched is x.shape else output[1:], x.dtype)


def _with(site: Site, **arguments: object) -> Site:
    return Site(site.call, {**site.arguments, **arguments}, site.inputs, site.options)


def extract_patches(site: Site) -> Result:
    """(batch, height, width, channels) → (batch, rows, columns, all of a patch); in three dimensions likewise."""
    size = value(site, "size")
    return _patches(site, 3 if isinstance(size, tuple) and len(size) == 3 else 2)


def extract_patches_3d(site: Site) -> Result:
    """(batch, depth, height, width, channels) → (batch, …, all of a patch)."""
    return _patches(site, 3)


def gaussian_blur(site: Site) -> Result:
    """(batch, height, width, channels) → the same, each point the mean of those around it."""
    x = site.tensor()
    among(site, ("float32", "float64", "bfloat16"), x)
    kernel = value(site, "kernel_size")
    if not isinstance(kernel, tuple):
        raise wrong(site, "kernel_size", kernel, "height and width, a list of two")
    kernel = several(site, "kernel_size", 2)
    sigma = value(site, "sigma")
    if not isinstance(sigma, tuple) or len(sigma) < 2:
        raise wrong(site, "sigma", sigma, "a list of two numbers")
    shape, _, _ = pictures(site, x)
    return single(shape, x.dtype, flops=per_element(shape, 2 * kernel[0] * kernel[1]))


def sobel_edges(site: Site) -> Result:
    """(batch, height, width, channels) → (batch, height, width, channels, 2): how it changes down and across."""
    x, first = site.tensor(), channels_first(site)
    among(site, FLOATS, x)
    shape = ranked(site, x, 4, "an input of 4 dimensions, a batch of images")
    if shape is None:
        return single(None, x.dtype, flops=None)
    sides = shape[2:] if first else shape[1:-1]
    if 1 in sides:
        raise Refusal(
            codes.S303,
            f"{site.label} mirrors a point at each edge, and is given {show(shape)}, which has only one",
            help="height and width must be at least 2",
        )
    return single((*shape, 2), x.dtype, flops=per_element((*shape, 2), 2 * 3 * 3))


def ssim(site: Site) -> Result:
    """Two batches of images → (batch,): how much each looks like the other."""
    one, other = site.tensor("image1"), site.tensor("image2")
    numeric(site, one, other)
    covers = integer(site, "filter_size", 1)
    number(site, "filter_sigma", float("-inf"), float("inf"))
    among(site, [d for d in (*FLOATS, *INTEGERS, "bool") if d != "float16"], one)
    shape, height, _ = pictures(site, one)
    second, _, _ = pictures(site, other)
    if shape is None or second is None:
        made = None if shape is None else shape[:1] if len(shape) == 4 else ()
        return single(made, one.dtype, flops=None)
    if not alike(shape, second):
        raise Refusal(
            codes.S302 if len(shape) == len(second) else codes.S301,
            f"{site.label} compares images of one shape, and is given {listing([shape, second])}",
            help="bring them to one size first, with `Resizing`",
        )
    start = len(shape) + height
    left = tuple(None if d is None else d - covers + 1 for d in shape[start : start + 2])
    if any(d is not None and d < 1 for d in left):
        raise Refusal(
            codes.S303,
            f"{site.label} has a window of {covers} by {covers} and is given {show(shape)}: nothing is left",
            help="make `filter_size` smaller",
        )
    # Five convolutions, and what is made of them at each place.
    places = placed(shape, height, left)
    return single(shape[:1] if len(shape) == 4 else (), one.dtype, flops=times(elements(places), 10 * covers**2 + 20))
