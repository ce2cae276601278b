"""Convolutions and pooling."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.shapes.configurations.drawing import (
    FLOATS,
    Arguments,
    Cases,
    booleans,
    counts,
    digit,
    each,
    each_of,
    formats,
    given,
    one_of,
    sizes,
    spatial_rank,
)

LAYERS: Cases = {}
paddings = one_of("valid", "same", "valid", "same", "causal")


def _convolution(name: str) -> Arguments:
    count = digit(name)
    small = one_of(1, 1, 2, 3, 5, 0)
    return given(
        {"filters": counts, "kernel_size": each(count, small)},
        strides=each(count, one_of(1, 1, 2)),
        padding=paddings,
        data_format=formats,
        dilation_rate=one_of(1, 1, 1, 2),
        groups=one_of(1, 1, 2, 3, 0),
        use_bias=booleans,
        output_padding=one_of(None, 0, 1),
        depth_multiplier=one_of(1, 2, 0),
    )


def _without_filters(name: str) -> Arguments:
    return _convolution(name).map(lambda a: {k: v for k, v in a.items() if k != "filters"})


LAYERS.update(each_of("Conv1D Conv2D Conv3D", _convolution, spatial_rank, *FLOATS))
LAYERS.update(each_of("Conv1DTranspose Conv2DTranspose Conv3DTranspose", _convolution, spatial_rank))
LAYERS.update(each_of("SeparableConv1D SeparableConv2D", _convolution, spatial_rank))
LAYERS.update(each_of("DepthwiseConv1D DepthwiseConv2D", _without_filters, spatial_rank))


def _pooling(name: str) -> Arguments:
    count = digit(name)
    return given(
        {},
        pool_size=each(count, one_of(1, 2, 3, 0)),
        strides=st.one_of(st.none(), each(count, one_of(1, 2))),
        padding=one_of("valid", "same", "causal"),
        data_format=formats,
    )


LAYERS.update(
    each_of(
        "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D",
        _pooling,
        spatial_rank,
    )
)
LAYERS.update(
    each_of(
        "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
        "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D",
        lambda _: given({}, data_format=formats, keepdims=booleans),
        spatial_rank,
    )
)
LAYERS.update(
    each_of(
        "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D "
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D",
        lambda name: given({"output_size": each(digit(name), sizes)}, data_format=formats),
        spatial_rank,
    )
)
