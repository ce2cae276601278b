"""Preprocessing layers that stand in a network: scaling, normalizing, resizing and augmenting."""

from __future__ import annotations

from dataclasses import replace

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axis, channels_first, extent, several, size, value, wrong
from specc.shapes.costs import per_element, times, total
from specc.shapes.dimensions import kernels, known, layout, ranked
from specc.shapes.dtypes import compute_dtype, is_float, numeric
from specc.shapes.layers.activation import unchanged
from specc.shapes.layers.reshaping import interpolated
from specc.tensors import Shape, Tensor, show

__all__ = [
    "AugMix",
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MaxNumBoundingBoxes",
    "MixUp",
    "Normalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Rescaling",
    "Resizing",
    "Solarization",
]


def Rescaling(site: Site) -> Result:
    """(…) → the same, each element times `scale` plus `offset`."""
    return unchanged(site, 2)


def Normalization(site: Site) -> Result:
    """(…) → the same, by a mean and a variance for each element along `axis`: given, or adapted and not trained."""
    inputs = site.tensor()
    numeric(site, inputs)
    given = value(site, "axis")
    listed = () if given is None else given if isinstance(given, tuple) else (given,)
    mean, variance = (None if value(site, n) is None else extent(value(site, n)) for n in ("mean", "variance"))
    if (mean is None) != (variance is None):
        missing = "variance" if variance is None else "mean"
        raise wrong(site, missing, None, "given where the other is")
    if mean != variance:
        raise wrong(site, "variance", value(site, "variance"), "of the same shape as `mean`")
    if mean is not None and len(mean) > len(listed):
        raise wrong(site, "mean", value(site, "mean"), f"of at most {len(listed)} dimensions, one for each axis")
    shape = inputs.shape
    if shape is None:
        return single(None, compute_dtype(site), None if mean is None else (), None)
    kept_axes = sorted(axis(site, "axis", one, len(shape), shape) for one in listed)
    sizes = [known(site, shape, i, "the size of its axis") for i in kept_axes]
    if mean is None:
        return single(shape, compute_dtype(site), kernels(sizes, sizes, (), trainable=False), per_element(shape, 2))
    for have, need in zip(reversed(mean), reversed(sizes), strict=False):
        if have not in (1, need):
            raise Refusal(
                codes.S302,
                f"{site.label} has a mean of {have} values for an axis of {need} in {show(shape)}",
                help="give a mean and a variance for each of them, or one for all",
                argument="mean",
            )
    return single(shape, compute_dtype(site), (), per_element(shape, 2))


def resized(site: Site) -> Result:
    """(batch, height, width, channels) → the same of another height and width.

    Anything but a batch of images is refused here; Keras takes a single image too, which a network never sees.
    """
    height, width = size(site, "height"), size(site, "width")
    inputs, first = site.tensor(), channels_first(site)
    numeric(site, inputs)
    shape: Shape | None = ranked(site, inputs, 4, f"an input of 4 dimensions, {layout(2, first)}")
    operations = interpolated(site, "bilinear") if site.call.name == "Resizing" else 0
    if shape is None:
        return single(None, compute_dtype(site), (), None if operations else 0)
    output = (*shape[:2], height, width) if first else (shape[0], height, width, shape[3])
    return single(output, compute_dtype(site), (), per_element(output, operations))


def augmented(site: Site) -> Result:
    """(batch, height, width, channels) → the same, changed at random while training.

    Anything but a batch of images is refused here; Keras notices when it runs.
    """
    inputs, first = site.tensor(), channels_first(site)
    numeric(site, inputs)
    return single(ranked(site, inputs, 4, f"an input of 4 dimensions, {layout(2, first)}"), compute_dtype(site))


def CutMix(site: Site) -> Result:
    """(batch, height, width, channels) → the same; while training, with parts of each other."""
    given = value(site, "factor")
    for one in given if isinstance(given, tuple) else (given,):
        if not 0 <= one <= 1:
            raise wrong(site, "factor", given, "a number from 0 to 1, or a list of two")
    if compute_dtype(site) in ("float16", "bfloat16"):
        # Keras weighs in float32 what it has made in the dtype of the layer, and fails once it trains.
        raise wrong(site, "dtype", site.dtype_policy, "`float32`, also where the network has another policy")
    return augmented(site)


def contrasted(site: Site) -> Result:
    """(batch, height, width, channels) → the same, its colours spread over their range."""
    result, inputs = augmented(site), site.tensor()
    return replace(result, flops=per_element(inputs.shape, 7))


def as_declared(site: Site) -> Result:
    """(batch, height, width, channels) → the same. Keras declares floats, and leaves whole numbers what they are."""
    result, inputs = augmented(site), site.tensor()
    if is_float(inputs.dtype):
        return result
    return replace(result, outputs=(Tensor(result.outputs[0].shape, None),))


MaxNumBoundingBoxes = as_declared


def ContrastLimitedAdaptiveHistogramEqualization(site: Site) -> Result:
    """(batch, height, width, channels) → the same, its contrast evened out tile by tile."""
    tiles = several(site, "tile_grid_size", 2)
    shape = site.tensor().shape
    result = as_declared(site)
    if shape is None:
        return replace(result, flops=None)
    first = channels_first(site)
    for length, count in zip(shape[2:] if first else shape[1:3], tiles, strict=True):
        # What is missing of the last tile is a mirror image of what is there.
        if length is not None and -(-length // count) * count > 2 * length:
            raise Refusal(
                codes.S303,
                f"{site.label} makes {tiles[0]} by {tiles[1]} tiles, and is given {show(shape)}: a tile is missing",
                help="write a smaller `tile_grid_size`, like `[2, 2]`",
            )
    # Of each pixel 256 counts, one of which it adds to; of each tile the sums of its counts; then four tiles meet.
    channels = shape[1 if first else -1]
    return replace(result, flops=total(per_element(shape, 280), times(10 * 256, *tiles, channels)))


def coloured(site: Site) -> Result:
    """(batch, height, width, 3) → the same, its colours changed at random while training."""
    result = augmented(site)
    shape = result.outputs[0].shape
    channels = None if shape is None else shape[1 if channels_first(site) else -1]
    if shape is not None and channels not in (3, None):
        raise Refusal(
            codes.S302,
            f"{site.label} needs images of 3 channels, red, green and blue, and is given {show(shape)}",
            help="leave it out where images have no colour",
        )
    return result


Resizing = CenterCrop = RandomCrop = resized
RandomColorDegeneration = RandomHue = RandomSaturation = coloured
AugMix = Equalization = MixUp = RandAugment = Solarization = augmented
AutoContrast = contrasted
RandomBrightness = RandomColorJitter = RandomContrast = RandomElasticTransform = augmented
RandomErasing = RandomFlip = RandomGaussianBlur = RandomGrayscale = RandomInvert = augmented
RandomPerspective = RandomPosterization = RandomRotation = RandomSharpness = augmented
RandomShear = RandomTranslation = RandomZoom = augmented
