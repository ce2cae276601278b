"""Configurations of layers and ops to hold rules against Keras on: mostly sound, some wrong in one way or another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from specc import catalog
from specc.calls import Call
from specc.tensors import Shape, Tensor
from tests.shapes.judge import Case, layer

Arguments = SearchStrategy[Mapping[str, Any]]

FLOATS = ("float32", "float32", "float32", "float16", "float64", "bfloat16")
NUMBERS = (*FLOATS, "int32", "uint8", "int64", "bool")
DTYPES = (*NUMBERS, "string")

sizes = st.integers(1, 5)
dimensions = st.one_of(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.none())
batches = st.sampled_from([None, None, None, 2])
counts = st.sampled_from([1, 2, 3, 4, 6, 0, -1])
booleans = st.booleans()
policies = st.sampled_from([None, None, None, "float16", "mixed_bfloat16", "float64", "flot32"])
formats = st.sampled_from([None, "channels_last", "channels_first", "channels_first"])


@st.composite
def shapes(draw: DrawFn, rank: int) -> Shape:
    """A shape of that rank, the batch mostly unknown."""
    return tuple(draw(batches if i == 0 else dimensions) for i in range(rank))


@st.composite
def near(draw: DrawFn, rank: int) -> int:
    """That rank, or now and then one beside it."""
    return draw(st.sampled_from([rank] * 8 + [rank - 1, rank + 1])) if rank > 1 else draw(st.sampled_from([1, 1, 2]))


@st.composite
def tensors(draw: DrawFn, rank: int | SearchStrategy[int], dtypes: Sequence[str] = FLOATS) -> Tensor:
    found = rank if isinstance(rank, int) else draw(rank)
    return Tensor(draw(shapes(found)), draw(st.sampled_from(dtypes)))


def one_of(*values: Any) -> SearchStrategy[Any]:
    return st.sampled_from(values)


def each(count: int, of: SearchStrategy[Any] = counts) -> SearchStrategy[Any]:
    """A number for every dimension, or a list of them, which now and then is one too long."""
    exact = st.lists(of, min_size=count, max_size=count)
    return st.one_of(of, exact, exact, st.lists(of, min_size=count + 1, max_size=count + 1))


def given(required: Mapping[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> Arguments:
    """Arguments that must be there, and some of those that need not."""
    return st.fixed_dictionaries(dict(required), optional={"dtype": policies, "trainable": booleans, **optional})


@st.composite
def layers_on(draw: DrawFn, name: str, arguments: Arguments, rank: int | SearchStrategy[int], *dtypes: str) -> Case:
    """A layer on one tensor."""
    takes = catalog.signature("layers", name)
    assert takes is not None
    known = {a.name for a in takes.arguments}
    found = {k: v for k, v in draw(arguments).items() if k in known}
    tensor = draw(tensors(draw(near(rank)) if isinstance(rank, int) else rank, dtypes or FLOATS))
    return Case("layers", name, found, {takes.tensors[0].name: tensor})


LAYERS: dict[str, SearchStrategy[Case]] = {}


def _all(names: str, arguments: Callable[[str], Arguments], rank: Callable[[str], Any], *dtypes: str) -> None:
    for name in names.split():
        LAYERS[name] = layers_on(name, arguments(name), rank(name), *dtypes)


def _digit(name: str) -> int:
    return next(int(c) for c in name if c.isdigit())


def _any_rank(_: str) -> SearchStrategy[int]:
    return st.integers(1, 5)


def _spatial_rank(name: str) -> int:
    return _digit(name) + 2


paddings = one_of("valid", "same", "valid", "same", "causal")


def _convolution(name: str) -> Arguments:
    count = _digit(name)
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


_all("Conv1D Conv2D Conv3D", _convolution, _spatial_rank, *FLOATS)
_all("Conv1DTranspose Conv2DTranspose Conv3DTranspose", _convolution, _spatial_rank)
_all("SeparableConv1D SeparableConv2D", _convolution, _spatial_rank)
_all("DepthwiseConv1D DepthwiseConv2D", _without_filters, _spatial_rank)


def _pooling(name: str) -> Arguments:
    count = _digit(name)
    return given(
        {},
        pool_size=each(count, one_of(1, 2, 3, 0)),
        strides=st.one_of(st.none(), each(count, one_of(1, 2))),
        padding=one_of("valid", "same", "causal"),
        data_format=formats,
    )


_all(
    "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D", _pooling, _spatial_rank
)
_all(
    "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D",
    lambda _: given({}, data_format=formats, keepdims=booleans),
    _spatial_rank,
)
_all(
    "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D "
    "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D",
    lambda name: given({"output_size": each(_digit(name), sizes)}, data_format=formats),
    _spatial_rank,
)

# Core ---------------------------------------------------------------------------------------------------------------
_all("Dense", lambda _: given({"units": counts}, use_bias=booleans, lora_rank=one_of(None, 2)), _any_rank, *DTYPES)
_all(
    "Embedding",
    lambda _: given({"input_dim": counts, "output_dim": counts}, mask_zero=booleans, lora_rank=one_of(None, 2)),
    _any_rank,
    *DTYPES,
)
_all("Identity Masking", lambda _: given({}), _any_rank, *DTYPES)
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

# Activation ---------------------------------------------------------------------------------------------------------
slopes = one_of(0, 0.3, 2.5, -1.0)
_all("Activation", lambda _: given({"activation": one_of("relu", "softmax")}), lambda _: st.integers(2, 4), *FLOATS)
_all("ELU", lambda _: given({}), _any_rank, *DTYPES)
_all(
    "ReLU",
    lambda _: given({}, max_value=one_of(None, 6, -1), negative_slope=slopes, threshold=slopes),
    _any_rank,
    *DTYPES,
)
_all("LeakyReLU", lambda _: given({}, negative_slope=slopes), _any_rank, *FLOATS)
_all("Softmax", lambda _: given({}, axis=one_of(-1, 1, -2, 2, 4, [1, 2])), _any_rank, *FLOATS)
_all("PReLU", lambda _: given({}, shared_axes=one_of(None, 1, [1], [1, 2], [2], [3])), _any_rank, *FLOATS)

# Normalization ------------------------------------------------------------------------------------------------------
axis = one_of(-1, -1, 1, 2, -2, 3, 0, -6)
axes = one_of(-1, -1, 1, [1], [1, 2], [-1, -2], [2, 1], 4)
_all(
    "BatchNormalization",
    lambda _: given({}, axis=axis, scale=booleans, center=booleans, renorm=booleans),
    _any_rank,
    *DTYPES,
)
_all("LayerNormalization", lambda _: given({}, axis=axes, scale=booleans, center=booleans), _any_rank, *DTYPES)
_all("RMSNormalization UnitNormalization", lambda _: given({}, axis=axes), _any_rank, *FLOATS)
_all(
    "GroupNormalization",
    lambda _: given({}, groups=one_of(1, 2, 3, -1, 0, 32), axis=axis, scale=booleans, center=booleans),
    _any_rank,
    *FLOATS,
)

# Regularization -----------------------------------------------------------------------------------------------------
rates = one_of(0, 0.5, 1, 1.5, -0.1)
_all("Dropout", lambda _: given({"rate": rates}, noise_shape=one_of(None, [None, 1], [0, 1])), _any_rank, *DTYPES)
_all("AlphaDropout GaussianDropout", lambda _: given({"rate": rates}), _any_rank, *FLOATS)
_all("GaussianNoise", lambda _: given({"stddev": rates}), _any_rank, *FLOATS)
_all("ActivityRegularization", lambda _: given({}, l1=one_of(0.0, 0.1)), _any_rank, *FLOATS)
_all(
    "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
    lambda _: given({"rate": rates}, data_format=formats),
    _spatial_rank,
)

# Reshaping ----------------------------------------------------------------------------------------------------------
_all("Flatten", lambda _: given({}, data_format=formats), _any_rank, *DTYPES)
_all("Permute", lambda _: given({"dims": one_of([2, 1], [1, 2], [3, 1, 2], [1], [0, 1], [1, 3])}), _any_rank, *DTYPES)
_all("RepeatVector", lambda _: given({"n": counts}), lambda _: 2)
_all("Cropping1D", lambda _: given({}, cropping=each(2, one_of(0, 1, 2, -1))), _spatial_rank)
_all("ZeroPadding1D", lambda _: given({}, padding=each(2, one_of(0, 1, 2, -1)), data_format=formats), _spatial_rank)
_all("UpSampling1D", lambda _: given({}, size=counts), _spatial_rank)
ends = st.one_of(one_of(0, 1, 2), st.lists(one_of(0, 1), min_size=2, max_size=2), st.just([1, 2, 3]))


def _ends(name: str) -> SearchStrategy[Any]:
    count = _digit(name)
    return st.one_of(one_of(0, 1, 3, -1), st.lists(ends, min_size=count, max_size=count), st.just([1] * (count + 1)))


_all("Cropping2D Cropping3D", lambda name: given({}, cropping=_ends(name), data_format=formats), _spatial_rank)
_all("ZeroPadding2D ZeroPadding3D", lambda name: given({}, padding=_ends(name), data_format=formats), _spatial_rank)
_all("UpSampling2D UpSampling3D", lambda n: given({}, size=each(_digit(n)), data_format=formats), _spatial_rank)


@st.composite
def reshape(draw: DrawFn) -> Case:
    tensor = draw(tensors(st.integers(1, 4), DTYPES))
    body = [d or 1 for d in (tensor.shape or ())[1:]]
    draw_from = [body, body[::-1], [-1], [-1, *body[-1:]], [-1, 2], [*body, 2], [-1, -1], [0], [None, *body], [-2]]
    return Case("layers", "Reshape", {"target_shape": draw(st.sampled_from(draw_from))}, {"inputs": tensor})


LAYERS["Reshape"] = reshape()


# Merging ------------------------------------------------------------------------------------------------------------
@st.composite
def alike(draw: DrawFn, rank: int, count: int, dtypes: Sequence[str] = FLOATS) -> tuple[Tensor, ...]:
    """Tensors that mostly share their shape: a dimension may be 1, unknown or another one, or missing."""
    shape = draw(shapes(rank))
    found = []
    for _ in range(count):
        mine = [draw(one_of(d, d, d, d, d, 1, None, 4)) for d in shape[1:]]
        cut = draw(one_of(0, 0, 0, 0, 1)) if rank > 1 else 0
        batch = draw(one_of(shape[0], shape[0], shape[0], shape[0], 3))
        found.append(Tensor((batch, *mine[cut:]), draw(st.sampled_from(dtypes))))
    return tuple(found)


@st.composite
def merging(draw: DrawFn, name: str, arguments: Arguments, most: int = 3) -> Case:
    count = draw(st.integers(1, most))
    inputs = draw(alike(draw(st.integers(1, 4)), count))
    return Case("layers", name, draw(arguments), {"inputs": inputs})


for merge in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"):
    LAYERS[merge] = merging(merge, given({}))
LAYERS["Concatenate"] = merging("Concatenate", given({}, axis=one_of(-1, -1, 1, 2, -2, 0, 5, -6)))
LAYERS["Dot"] = merging("Dot", given({"axes": one_of(-1, 1, 2, [1, 2], [2, 1], [-1, 1], 0, 7)}))

# Preprocessing ------------------------------------------------------------------------------------------------------
_all("Rescaling", lambda _: given({"scale": one_of(0.5, 2)}, offset=one_of(0, 1)), _any_rank, *NUMBERS)
_all(
    "Resizing CenterCrop RandomCrop",
    lambda _: given({"height": sizes, "width": sizes}, data_format=formats),
    lambda _: 4,
)


@st.composite
def normalization(draw: DrawFn) -> Case:
    mean = draw(one_of(None, None, 0.5, [0.1, 0.2, 0.3], [0.5]))
    variance = mean if draw(one_of(True, True, True, False)) else draw(one_of(None, 1.0))
    arguments = {"axis": draw(one_of(-1, -1, 1, None, [1, 2], 4)), "mean": mean, "variance": variance}
    return Case("layers", "Normalization", arguments, {"inputs": draw(tensors(st.integers(1, 4), NUMBERS))})


LAYERS["Normalization"] = normalization()
factor = given({"factor": one_of(0.1, 0.5)}, data_format=formats)
_all(
    "RandomBrightness RandomColorDegeneration RandomContrast RandomHue RandomPosterization RandomRotation "
    "RandomSaturation RandomSharpness",
    lambda name: factor.map(lambda a: a | {"factor": 4} if name == "RandomPosterization" else a),
    lambda _: 4,
)
_all(
    "AugMix AutoContrast Equalization RandAugment RandomColorJitter RandomElasticTransform RandomErasing RandomFlip "
    "RandomGaussianBlur RandomGrayscale RandomInvert RandomPerspective RandomShear Solarization",
    lambda _: given({}, data_format=formats),
    lambda _: 4,
)
_all("RandomZoom", lambda _: given({"height_factor": one_of(0.1, 0.5)}, data_format=formats), lambda _: 4)
_all("RandomTranslation", lambda _: given({"height_factor": one_of(0.1), "width_factor": one_of(0.2)}), lambda _: 4)

# Recurrent ----------------------------------------------------------------------------------------------------------
recurrences = given(
    {"units": counts},
    return_sequences=booleans,
    return_state=booleans,
    go_backwards=booleans,
    use_bias=booleans,
    reset_after=booleans,
    stateful=one_of(False, False, True),
    unroll=one_of(False, False, True),
)


@st.composite
def recurrent(draw: DrawFn, name: str) -> Case:
    drawn = draw(layers_on(name, recurrences, 3, *FLOATS))
    inputs: dict[str, Any] = dict(drawn.inputs)
    units = drawn.arguments["units"]
    if draw(one_of(False, False, True)) and units > 0:
        count = draw(one_of(1, 2)) if name == "LSTM" else draw(one_of(1, 1, 2))
        state = Tensor((inputs["sequences"].shape[0], units + draw(one_of(0, 0, 1))), "float32")
        inputs["initial_state"] = (state,) * count
    return Case("layers", name, drawn.arguments, inputs)


for rnn in ("LSTM", "GRU", "SimpleRNN"):
    LAYERS[rnn] = recurrent(rnn)


@st.composite
def inner(draw: DrawFn, names: str, arguments: Arguments) -> Call:
    name = draw(st.sampled_from(names.split()))
    takes = catalog.signature("layers", name)
    assert takes is not None
    known = {a.name for a in takes.arguments}
    return layer(name, **{k: v for k, v in draw(arguments).items() if k in known})


@st.composite
def bidirectional(draw: DrawFn) -> Case:
    arguments: dict[str, Any] = dict(draw(given({}, merge_mode=one_of("concat", "sum", "mul", "ave", None, "add"))))
    arguments["layer"] = draw(inner("LSTM GRU SimpleRNN LSTM GRU SimpleRNN Dense", recurrences))
    inputs: dict[str, Any] = {"sequences": draw(tensors(near(3)))}
    if draw(one_of(False, False, False, True)):
        arguments["backward_layer"] = draw(inner("LSTM GRU", recurrences))
    return Case("layers", "Bidirectional", arguments, inputs)


LAYERS["Bidirectional"] = bidirectional()


@st.composite
def time_distributed(draw: DrawFn) -> Case:
    small = given({}, units=sizes, filters=sizes, kernel_size=one_of(1, 2), return_state=one_of(False, False, True))
    held = small.map(lambda a: {"units": 2, "filters": 3, "kernel_size": 1, "rate": 0.5} | dict(a))
    wrapped = draw(inner("Dense Conv1D Conv2D Flatten LSTM BatchNormalization Dropout GlobalMaxPooling2D", held))
    arguments = {**draw(given({})), "layer": wrapped}
    return Case("layers", "TimeDistributed", arguments, {"inputs": draw(tensors(st.integers(2, 5)))})


LAYERS["TimeDistributed"] = time_distributed()


# Attention ----------------------------------------------------------------------------------------------------------
@st.composite
def attention(draw: DrawFn, name: str) -> Case:
    optional = {"use_scale": booleans, "score_mode": one_of("dot", "concat", "dots")}
    arguments = draw(given({}, **(optional if name == "Attention" else {"use_scale": booleans})))
    count = draw(one_of(2, 2, 3, 3, 4))
    inputs = draw(alike(draw(one_of(2, 3, 3, 3, 4)), count))
    return Case("layers", name, arguments, {"inputs": inputs}, draw(scores))


scores = one_of({}, {"return_attention_scores": True})
LAYERS["Attention"] = attention("Attention")
LAYERS["AdditiveAttention"] = attention("AdditiveAttention")


@st.composite
def multi_head(draw: DrawFn) -> Case:
    arguments = draw(
        given(
            {"num_heads": one_of(1, 2, 4, 0), "key_dim": one_of(1, 3, 0)},
            value_dim=one_of(None, 2),
            use_bias=booleans,
            use_gate=booleans,
            output_shape=one_of(None, 3, [5], [2, 3]),
            attention_axes=one_of(None, None, None, 1, [1], 2, [1, 2], -2, 7),
        )
    )
    roles = ["query", "value", "key"][: draw(one_of(2, 2, 3))]
    found = draw(alike(draw(one_of(3, 3, 3, 4, 2)), len(roles)))
    return Case("layers", "MultiHeadAttention", arguments, dict(zip(roles, found, strict=True)), draw(scores))


LAYERS["MultiHeadAttention"] = multi_head()
