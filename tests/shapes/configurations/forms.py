"""Reshaping and preprocessing of images."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.shapes.configurations.drawing import (
    DTYPES,
    NUMBERS,
    Cases,
    any_rank,
    counts,
    digit,
    each,
    each_of,
    formats,
    given,
    one_of,
    sizes,
    spatial_rank,
    tensors,
)
from tests.shapes.judge import Case

LAYERS: Cases = {}
# Reshaping ----------------------------------------------------------------------------------------------------------
LAYERS.update(each_of("Flatten", lambda _: given({}, data_format=formats), any_rank, *DTYPES))
LAYERS.update(
    each_of(
        "Permute", lambda _: given({"dims": one_of([2, 1], [1, 2], [3, 1, 2], [1], [0, 1], [1, 3])}), any_rank, *DTYPES
    )
)
LAYERS.update(each_of("RepeatVector", lambda _: given({"n": counts}), lambda _: 2))
LAYERS.update(each_of("Cropping1D", lambda _: given({}, cropping=each(2, one_of(0, 1, 2, -1))), spatial_rank))
LAYERS.update(
    each_of(
        "ZeroPadding1D", lambda _: given({}, padding=each(2, one_of(0, 1, 2, -1)), data_format=formats), spatial_rank
    )
)
LAYERS.update(each_of("UpSampling1D", lambda _: given({}, size=counts), spatial_rank))
ends = st.one_of(one_of(0, 1, 2), st.lists(one_of(0, 1), min_size=2, max_size=2), st.just([1, 2, 3]))


def _ends(name: str) -> SearchStrategy[Any]:
    count = digit(name)
    return st.one_of(one_of(0, 1, 3, -1), st.lists(ends, min_size=count, max_size=count), st.just([1] * (count + 1)))


LAYERS.update(
    each_of("Cropping2D Cropping3D", lambda name: given({}, cropping=_ends(name), data_format=formats), spatial_rank)
)
LAYERS.update(
    each_of(
        "ZeroPadding2D ZeroPadding3D", lambda name: given({}, padding=_ends(name), data_format=formats), spatial_rank
    )
)
LAYERS.update(
    each_of("UpSampling2D UpSampling3D", lambda n: given({}, size=each(digit(n)), data_format=formats), spatial_rank)
)


@st.composite
def reshape(draw: DrawFn) -> Case:
    tensor = draw(tensors(st.integers(1, 4), DTYPES))
    body = [d or 1 for d in (tensor.shape or ())[1:]]
    draw_from = [body, body[::-1], [-1], [-1, *body[-1:]], [-1, 2], [*body, 2], [-1, -1], [0], [None, *body], [-2]]
    return Case("layers", "Reshape", {"target_shape": draw(st.sampled_from(draw_from))}, {"inputs": tensor})


LAYERS["Reshape"] = reshape()


# Preprocessing ------------------------------------------------------------------------------------------------------
LAYERS.update(each_of("Rescaling", lambda _: given({"scale": one_of(0.5, 2)}, offset=one_of(0, 1)), any_rank, *NUMBERS))
LAYERS.update(
    each_of(
        "Resizing CenterCrop RandomCrop",
        lambda _: given({"height": sizes, "width": sizes}, data_format=formats),
        lambda _: 4,
    )
)


@st.composite
def normalization(draw: DrawFn) -> Case:
    mean = draw(one_of(None, None, 0.5, [0.1, 0.2, 0.3], [0.5]))
    variance = mean if draw(one_of(True, True, True, False)) else draw(one_of(None, 1.0))
    arguments = {"axis": draw(one_of(-1, -1, 1, None, [1, 2], 4)), "mean": mean, "variance": variance}
    return Case("layers", "Normalization", arguments, {"inputs": draw(tensors(st.integers(1, 4), NUMBERS))})


LAYERS["Normalization"] = normalization()
factor = given({"factor": one_of(0.1, 0.5)}, data_format=formats)
LAYERS.update(
    each_of(
        "RandomBrightness RandomColorDegeneration RandomContrast RandomHue RandomPosterization RandomRotation "
        "RandomSaturation RandomSharpness",
        lambda name: factor.map(lambda a: a | {"factor": 4} if name == "RandomPosterization" else a),
        lambda _: 4,
    )
)
LAYERS.update(
    each_of(
        "AugMix AutoContrast Equalization RandAugment RandomColorJitter RandomElasticTransform RandomErasing "
        "RandomFlip RandomGaussianBlur RandomGrayscale RandomInvert RandomPerspective RandomShear Solarization",
        lambda _: given({}, data_format=formats),
        lambda _: 4,
    )
)
LAYERS.update(
    each_of("RandomZoom", lambda _: given({"height_factor": one_of(0.1, 0.5)}, data_format=formats), lambda _: 4)
)
LAYERS.update(
    each_of(
        "RandomTranslation", lambda _: given({"height_factor": one_of(0.1), "width_factor": one_of(0.2)}), lambda _: 4
    )
)
