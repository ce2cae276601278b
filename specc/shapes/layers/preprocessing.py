"""Preprocessing layers that stand in a network: scaling, normalizing, resizing and augmenting."""

from __future__ import annotations

from specc import codes
from specc.diagnostics import Refusal
from specc.shapes import Result, Site, single
from specc.shapes.arguments import axis, channels_first, extent, size, value, wrong
from specc.shapes.dimensions import kernels, known, layout, ranked
from specc.shapes.dtypes import compute_dtype, numeric
from specc.shapes.layers.activation import kept
from specc.tensors import Shape, show

__all__ = [
    "AugMix",
    "AutoContrast",
    "CenterCrop",
    "Equalization",
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

Rescaling = kept


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
        return single(None, compute_dtype(site), None if mean is None else ())
    kept_axes = sorted(axis(site, "axis", one, len(shape), shape) for one in listed)
    sizes = [known(site, shape, i, "the size of its axis") for i in kept_axes]
    if mean is None:
        return single(shape, compute_dtype(site), kernels(sizes, sizes, (), trainable=False))
    for have, need in zip(reversed(mean), reversed(sizes), strict=False):
        if have not in (1, need):
            raise Refusal(
                codes.S302,
                f"{site.label} has a mean of {have} values for an axis of {need} in {show(shape)}",
                help="give a mean and a variance for each of them, or one for all",
                argument="mean",
            )
    return single(shape, compute_dtype(site))


def resized(site: Site) -> Result:
    """(batch, height, width, channels) → the same of another height and width.

    Anything but a batch of images is refused here; Keras takes a single image too, which a network never sees.
    """
    height, width = size(site, "height"), size(site, "width")
    inputs, first = site.tensor(), channels_first(site)
    numeric(site, inputs)
    shape: Shape | None = ranked(site, inputs, 4, f"an input of 4 dimensions, {layout(2, first)}")
    if shape is None:
        return single(None, compute_dtype(site))
    output = (*shape[:2], height, width) if first else (shape[0], height, width, shape[3])
    return single(output, compute_dtype(site))


def augmented(site: Site) -> Result:
    """(batch, height, width, channels) → the same, changed at random while training.

    Anything but a batch of images is refused here; Keras notices when it runs.
    """
    inputs, first = site.tensor(), channels_first(site)
    numeric(site, inputs)
    return single(ranked(site, inputs, 4, f"an input of 4 dimensions, {layout(2, first)}"), compute_dtype(site))


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
AugMix = AutoContrast = Equalization = RandAugment = Solarization = augmented
RandomBrightness = RandomColorJitter = RandomContrast = RandomElasticTransform = augmented
RandomErasing = RandomFlip = RandomGaussianBlur = RandomGrayscale = RandomInvert = augmented
RandomPerspective = RandomPosterization = RandomRotation = RandomSharpness = augmented
RandomShear = RandomTranslation = RandomZoom = augmented
