"""Rules of `keras.ops.image` that move points: transforms, distortions, and values picked between points."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import choice, value, whole, wrong
from specc.shapes.costs import elements, per_element, times
from specc.shapes.dimensions import agree, alike, listing
from specc.shapes.dtypes import FLOATS, INTEGERS, among, numeric
from specc.shapes.ops.images import pictures
from specc.tensors import Shape, show

__all__ = ["affine_transform", "elastic_transform", "map_coordinates", "perspective_transform", "scale_and_translate"]

PREFIX = "image."
"""Where these ops stand within `keras.ops`."""

_FILLING = ("constant", "nearest", "wrap", "reflect")


def _moved(site: Site, shape: Shape | None) -> int | None:
    """What picking values between points costs: each from its four neighbours, and where it comes from."""
    return per_element(shape, 8 if choice(site, "interpolation", "bilinear", "nearest") == "bilinear" else 0)


def affine_transform(site: Site) -> Result:
    """(batch, height, width, channels), and 8 numbers for each image or for all → the same, moved."""
    x, transform = site.tensor("images"), site.tensor("transform")
    among(site, (*FLOATS, "uint8", "int32", "int64"), x)
    numeric(site, transform)
    flops = _moved(site, x.shape)
    choice(site, "fill_mode", *_FILLING)
    shape, _, _ = pictures(site, x)
    if transform.shape is not None:
        _transforms(site, transform.shape, shape)
    return single(shape, x.dtype, flops=flops)


def _transforms(site: Site, given: Shape, images: Shape | None) -> None:
    if len(given) not in (1, 2):
        raise Refusal(
            codes.S301,
            f"{site.label} needs transforms (batch, 8), or 8 numbers for all, and is given {show(given)}",
            help="bring them to that first, with `Reshape`",
        )
    count = 1 if len(given) == 1 else given[0]
    batch = images[0] if images is not None and len(images) == 4 else 1
    if not agree(given[-1], 8) or (images is not None and count != 1 and not agree(count, batch)):
        raise Refusal(
            codes.S302,
            f"{site.label} needs 8 numbers for each image, and is given {listing([images, given])}",
            help="`(batch, 8)`, or `(8,)` for all",
        )
    if images is not None and len(images) == 3 and count is None:
        raise Refusal(
            codes.S305,
            f"{site.label} needs one transform for one image, and is given {listing([images, given])}",
            help="write `(8,)` for the transform, or give the image a batch",
        )


def perspective_transform(site: Site) -> Result:
    """(batch, height, width, channels), and 4 corners before and after, (batch, 4, 2) or (4, 2) → the same, moved."""
    x, before, after = (site.tensor(name) for name in ("images", "start_points", "end_points"))
    among(site, (*FLOATS, "uint8", "int32", "int64"), x)
    numeric(site, before, after)
    flops = _moved(site, x.shape)
    shape, _, _ = pictures(site, x)
    for points in (before.shape, after.shape):
        if points is None:
            continue
        if len(points) not in (2, 3):
            raise Refusal(
                codes.S301,
                f"{site.label} needs 4 corners, (batch, 4, 2) or (4, 2), and is given {show(points)}",
                help="bring them to that first, with `Reshape`",
            )
        if points[-2:] != (4, 2):
            unknown = agree(points[-2], 4) and agree(points[-1], 2)
            raise Refusal(
                codes.S305 if unknown else codes.S302,
                f"{site.label} needs 4 corners of 2 numbers, and is given {show(points)}",
                help="write the dimensions in `model.inputs`, or set them with `Reshape`",
            )
    if before.shape is not None and after.shape is not None and before.shape != after.shape:
        raise Refusal(
            codes.S305 if alike(before.shape, after.shape) else codes.S302,
            f"{site.label} needs as many corners before as after, and is given {listing([before.shape, after.shape])}",
            help="bring both to one shape",
        )
    return single(shape, x.dtype, flops=flops)


def elastic_transform(site: Site) -> Result:
    """(batch, height, width, channels) → the same, pulled here and there."""
    x = site.tensor()
    among(site, ("float32", "float64", "bfloat16"), x)
    flops = _moved(site, x.shape)
    choice(site, "fill_mode", "reflect", "constant", "nearest", "wrap")
    shape, _, _ = pictures(site, x)
    if shape is not None and None in shape:
        raise Refusal(
            codes.S305,
            f"{site.label} must know every dimension, the batch as well, and is given {show(shape)}",
            help="`RandomElasticTransform` does without, and only in training",
        )
    return single(shape, x.dtype, flops=flops)


def map_coordinates(site: Site) -> Result:
    """(…) of n dimensions, and where to look, (n, …) → (…): the values there."""
    x, where = site.tensor("inputs"), site.tensor("coordinates")
    order = whole(site, "order", value(site, "order"))
    among(site, (*FLOATS, *INTEGERS, "bool"), x)
    numeric(site, where)
    if order not in (0, 1):
        raise wrong(site, "order", order, "0 or 1: the nearest value, or between the nearest two")
    choice(site, "fill_mode", "constant", "nearest", "wrap", "mirror", "reflect")
    if order and where.dtype is not None:
        among(site, FLOATS, where)
    places = where.shape
    if places is not None and len(places) < 2:
        raise Refusal(
            codes.S301,
            f"{site.label} needs coordinates (dimensions, …), at least 2 dimensions, and is given {show(places)}",
            help="give it one more dimension first, with `ops.expand_dims`",
        )
    if x.shape is not None and places is not None and places[0] != len(x.shape):
        raise Refusal(
            codes.S302 if places[0] is not None else codes.S305,
            f"{site.label} needs a coordinate for each dimension of {show(x.shape)}, and is given {show(places)}",
            help=f"the first dimension of the coordinates must be {len(x.shape)}",
        )
    if x.shape is not None and None in x.shape:
        raise Refusal(
            codes.S305,
            f"{site.label} must know every dimension, the batch as well, and is given {show(x.shape)}",
            help="write the batch in `model.inputs` as well",
        )
    shape = None if places is None else places[1:]
    corners = 1 if x.shape is None or not order else 2 ** len(x.shape)
    return single(shape, x.dtype, flops=None if x.shape is None else per_element(shape, 2 * corners))


_METHODS = ("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


def scale_and_translate(site: Site) -> Result:
    """(…) → the same, scaled and moved along `spatial_dims` to what `output_shape` says of them."""
    x = site.tensor()
    among(site, FLOATS, x)
    choice(site, "method", *_METHODS)
    wanted, dims = value(site, "output_shape"), value(site, "spatial_dims")
    if not isinstance(wanted, tuple) or not isinstance(dims, tuple):
        name = "spatial_dims" if isinstance(wanted, tuple) else "output_shape"
        raise wrong(site, name, value(site, name), "a list of whole numbers")
    target: Shape = tuple(None if d is None else whole(site, "output_shape", d, 0) for d in wanted)
    numbers = [value(site, name) for name in ("scale", "translation")]
    for name, given in zip(("scale", "translation"), numbers, strict=True):
        if not isinstance(given, tuple) or len(given) < len(dims):
            raise wrong(site, name, given, f"a list of {len(dims)} numbers, one for each of `spatial_dims`")
    if dims and all(is_whole(given) for given in numbers):
        raise wrong(site, "scale", numbers[0], "a list with a fraction: TensorFlow cannot scale by whole numbers")
    if x.shape is None:
        return single(None, x.dtype, flops=None)
    # Keras counts on past the last axis, and begins again with the first.
    along = {whole(site, "spatial_dims", d) % max(len(x.shape), 1) for d in dims}
    if any(one >= len(target) for one in along):
        raise wrong(site, "output_shape", wanted, f"a size for each dimension of {show(x.shape)}")
    real = tuple(target[i] if i in along else d for i, d in enumerate(x.shape))
    known = None
    if len(target) == len(real):
        known = tuple(a if a == b else None for a, b in zip(target, real, strict=True))
    sums = [times(2, x.shape[i], elements(real)) for i in along]
    return single(known, x.dtype, flops=None if None in sums else sum(s or 0 for s in sums))


def is_whole(numbers: tuple[object, ...]) -> bool:
    """Whether all of them are whole, so that TensorFlow makes a tensor of integers of them."""
    return all(isinstance(n, int) for n in numbers)
