"""Layers that work on each element or each vector: core, activation, normalization, regularization."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from specc.tensors import Tensor
from tests.shapes.configurations.drawing import (
    DTYPES,
    FLOATS,
    Cases,
    any_rank,
    booleans,
    counts,
    dimensions,
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
# Core ---------------------------------------------------------------------------------------------------------------
LAYERS.update(
    each_of(
        "Dense", lambda _: given({"units": counts}, use_bias=booleans, lora_rank=one_of(None, 2)), any_rank, *DTYPES
    )
)
LAYERS.update(
    each_of(
        "Embedding",
        lambda _: given({"input_dim": counts, "output_dim": counts}, mask_zero=booleans, lora_rank=one_of(None, 2)),
        any_rank,
        *DTYPES,
    )
)
LAYERS.update(each_of("Identity Masking", lambda _: given({}), any_rank, *DTYPES))
LAYERS["InputLayer"] = given(
    {"shape": st.lists(dimensions, max_size=3)}, batch_size=one_of(None, 2), dtype=one_of(None, "int32")
).map(lambda a: Case("layers", "InputLayer", {k: v for k, v in a.items() if k != "trainable"}, {}))

_EQUATIONS = {
    "ab,bc->ac": 1,
    "abc,cd->abd": 2,
    "abc,cde->abde": 3,
    "abcd,cde->abe": 2,
    "...x,xy->...y": 1,
    "...xy,yz->...xz": 2,
    "ab...,bc->ac...": 1,
    "abc,ce->abf": 2,
    "abc": 1,
}


@st.composite
def einsum_dense(draw: DrawFn) -> Case:
    equation = draw(st.sampled_from(sorted(_EQUATIONS)))
    size = st.one_of(sizes, st.none())
    output = draw(st.lists(size, min_size=_EQUATIONS[equation], max_size=_EQUATIONS[equation] + draw(one_of(0, 0, 1))))
    letters = equation.partition("->")[2].replace(".", "")
    biased = draw(st.one_of(st.none(), st.sampled_from([*letters, letters[1:] or "a", "q"])))
    arguments = {
        "equation": equation,
        "output_shape": output,
        "bias_axes": biased,
        "dtype": draw(one_of(None, None, "float16")),
    }
    return Case("layers", "EinsumDense", arguments, {"inputs": draw(tensors(st.integers(1, 5)))})


LAYERS["EinsumDense"] = einsum_dense()


@st.composite
def reversible(draw: DrawFn) -> Case:
    arguments = draw(
        given(
            {"input_dim": counts, "output_dim": counts},
            tie_weights=booleans,
            mask_zero=booleans,
            reverse_dtype=one_of(None, None, "float16"),
            logit_soft_cap=one_of(None, 2.0),
        )
    )
    options = draw(one_of({}, {"reverse": True}, {"reverse": True}))
    tensor = draw(tensors(any_rank(""), DTYPES))
    if options and draw(one_of(True, True, False)):
        tensor = Tensor((*(tensor.shape or ())[:-1], max(1, arguments["output_dim"])), tensor.dtype)
    return Case("layers", "ReversibleEmbedding", arguments, {"inputs": tensor}, options)


LAYERS["ReversibleEmbedding"] = reversible()

# Activation ---------------------------------------------------------------------------------------------------------
slopes = one_of(0, 0.3, 2.5, -1.0)
LAYERS.update(
    each_of(
        "Activation",
        lambda _: given({"activation": one_of("relu", "softmax", "tanh", "glu")}),
        lambda _: st.integers(2, 4),
        *FLOATS,
    )
)
LAYERS.update(each_of("ELU", lambda _: given({}), any_rank, *DTYPES))
LAYERS.update(
    each_of(
        "ReLU",
        lambda _: given({}, max_value=one_of(None, 6, -1), negative_slope=slopes, threshold=slopes),
        any_rank,
        *DTYPES,
    )
)
LAYERS.update(each_of("LeakyReLU", lambda _: given({}, negative_slope=slopes), any_rank, *FLOATS))
LAYERS.update(each_of("Softmax", lambda _: given({}, axis=one_of(-1, 1, -2, 2, 4, [1, 2])), any_rank, *FLOATS))
LAYERS.update(
    each_of("PReLU", lambda _: given({}, shared_axes=one_of(None, 1, [1], [1, 2], [2], [3])), any_rank, *FLOATS)
)

# Normalization ------------------------------------------------------------------------------------------------------
axis = one_of(-1, -1, 1, 2, -2, 3, 0, -6)
axes = one_of(-1, -1, 1, [1], [1, 2], [-1, -2], [2, 1], 4)
LAYERS.update(
    each_of(
        "BatchNormalization",
        lambda _: given({}, axis=axis, scale=booleans, center=booleans, renorm=booleans),
        any_rank,
        *DTYPES,
    )
)
LAYERS.update(
    each_of("LayerNormalization", lambda _: given({}, axis=axes, scale=booleans, center=booleans), any_rank, *DTYPES)
)
LAYERS.update(each_of("RMSNormalization UnitNormalization", lambda _: given({}, axis=axes), any_rank, *FLOATS))
LAYERS.update(
    each_of(
        "GroupNormalization",
        lambda _: given({}, groups=one_of(1, 2, 3, -1, 0, 32), axis=axis, scale=booleans, center=booleans),
        any_rank,
        *FLOATS,
    )
)

# Regularization -----------------------------------------------------------------------------------------------------
rates = one_of(0, 0.5, 1, 1.5, -0.1)
LAYERS.update(
    each_of("Dropout", lambda _: given({"rate": rates}, noise_shape=one_of(None, [None, 1], [0, 1])), any_rank, *DTYPES)
)
LAYERS.update(each_of("AlphaDropout GaussianDropout", lambda _: given({"rate": rates}), any_rank, *FLOATS))
LAYERS.update(each_of("GaussianNoise", lambda _: given({"stddev": rates}), any_rank, *FLOATS))
LAYERS.update(each_of("ActivityRegularization", lambda _: given({}, l1=one_of(0.0, 0.1)), any_rank, *FLOATS))
LAYERS.update(
    each_of(
        "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
        lambda _: given({"rate": rates}, data_format=formats),
        spatial_rank,
    )
)
