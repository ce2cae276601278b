"""What the rules count: operations as TensorFlow's profiler counts them, and tensors as a training step holds them."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from specc import catalog
from specc.calls import UNKNOWN_VALUE, Call
from specc.shapes import Result, Site, apply
from specc.tensors import Shape, Tensor
from tests.shapes.judge import completed, layer
from tests.shapes.profiler import counted

ROWS, IMAGE, VOLUME = (1, 6, 8), (1, 10, 10, 4), (1, 5, 5, 5, 3)


def lowered(call: Call) -> Any:
    arguments = {k: _made(v) for k, v in call.arguments.items()}
    return getattr(keras.layers, call.name)(**arguments)


def _made(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_made(one) for one in value]
    return lowered(value) if isinstance(value, Call) else value


def ruled(call: Call, *shapes: Shape, **options: Any) -> Result:
    """What the rule says of a layer on floats of those shapes, by the order of its call arguments."""
    takes, whole = catalog.signature("layers", call.name), completed(call)
    assert takes is not None
    given = tuple(Tensor(shape, "float32") for shape in shapes)
    first, *rest = takes.tensors
    inputs: dict[str, Any] = {first.name: given} if first.many else {first.name: given[0]}
    if rest and not first.many:
        inputs |= {rest[0].name: given[1:]} if rest[0].many and given[1:] else {}
        inputs |= dict(zip((r.name for r in rest if not rest[0].many), given[1:], strict=False))
    result = apply(Site(whole, whole.arguments, inputs, options))
    assert result is not None
    return result


def profiled(call: Call, *shapes: tuple[int, ...], **options: Any) -> int:
    takes = catalog.signature("layers", call.name)
    assert takes is not None
    made = lowered(call)
    if hasattr(made, "unroll") and call.name != "TimeDistributed":
        made.unroll = True
    if takes.tensors[0].many:
        options["listed"] = True
    if len(takes.tensors) > 1 and takes.tensors[1].name == "states":
        return sum(counted(lambda step, *states: made(step, list(states)), shapes).values())
    return sum(counted(made, shapes, **options).values())


EXACT = [
    (layer("Dense", units=5), [ROWS]),
    (layer("Dense", units=5, activation="relu"), [(1, 8)]),
    (layer("Dense", units=5, activation="softmax", use_bias=False), [(1, 8)]),
    (layer("Dense", units=5, activation="tanh"), [(1, 2, 3, 4)]),
    (layer("EinsumDense", equation="abc,cde->abde", output_shape=[None, 2, 3], bias_axes="de"), [ROWS]),
    (layer("EinsumDense", equation="...x,xy->...y", output_shape=5, activation="sigmoid"), [ROWS]),
    (layer("Conv1D", filters=5, kernel_size=3, activation="tanh"), [ROWS]),
    (layer("Conv1D", filters=5, kernel_size=3, padding="causal", use_bias=False), [ROWS]),
    (layer("Conv2D", filters=5, kernel_size=3, strides=2, padding="same"), [IMAGE]),
    (layer("Conv2D", filters=5, kernel_size=[3, 2], activation="elu"), [IMAGE]),
    (layer("Conv2D", filters=5, kernel_size=3, dilation_rate=2), [IMAGE]),
    (layer("Conv3D", filters=2, kernel_size=2, activation="relu"), [VOLUME]),
    (layer("Conv1DTranspose", filters=5, kernel_size=3, strides=2, padding="same"), [ROWS]),
    (layer("Conv2DTranspose", filters=5, kernel_size=3, strides=2, padding="same", activation="relu"), [IMAGE]),
    (layer("SeparableConv1D", filters=5, kernel_size=3, depth_multiplier=2), [ROWS]),
    (layer("SeparableConv2D", filters=5, kernel_size=3, strides=2, padding="same"), [IMAGE]),
    (layer("DepthwiseConv1D", kernel_size=3, depth_multiplier=2), [ROWS]),
    (layer("DepthwiseConv2D", kernel_size=3, padding="same", use_bias=False), [IMAGE]),
    (layer("MaxPooling1D", pool_size=2), [ROWS]),
    (layer("MaxPooling2D", pool_size=2), [IMAGE]),
    (layer("AveragePooling2D", pool_size=3, strides=2, padding="same"), [IMAGE]),
    (layer("GlobalAveragePooling1D"), [ROWS]),
    (layer("GlobalAveragePooling2D"), [IMAGE]),
    (layer("GlobalMaxPooling3D"), [VOLUME]),
    *((layer(name), [ROWS] * 3) for name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply")),
    (layer("Subtract"), [ROWS] * 2),
    (layer("Dot", axes=2), [ROWS] * 2),
    (layer("Rescaling", scale=2.0, offset=1.0), [ROWS]),
    (layer("Softmax"), [ROWS]),
    (layer("ELU"), [ROWS]),
    (layer("LeakyReLU"), [ROWS]),
    (layer("PReLU"), [ROWS]),
    (layer("Masking"), [ROWS]),
    *((layer(name), [ROWS]) for name in ("Flatten", "Identity", "RepeatVector", "ActivityRegularization")[:2]),
    (layer("Dropout", rate=0.5), [ROWS]),
    (layer("Attention"), [ROWS] * 2),
    (layer("Attention", use_scale=True), [ROWS] * 2),
    (layer("MultiHeadAttention", num_heads=2, key_dim=4), [ROWS] * 2),
    (layer("MultiHeadAttention", num_heads=2, key_dim=4, value_dim=3, use_gate=True, output_shape=5), [ROWS] * 2),
    (layer("MultiHeadAttention", num_heads=2, key_dim=4, use_bias=False), [ROWS, (1, 4, 8)]),
    (layer("LSTM", units=5), [ROWS]),
    (layer("LSTM", units=5, use_bias=False, return_sequences=True), [ROWS]),
    (layer("GRU", units=5), [ROWS]),
    (layer("GRU", units=5, reset_after=False), [ROWS]),
    (layer("SimpleRNN", units=5, activation="relu"), [ROWS]),
    (layer("RNN", cell=(layer("LSTMCell", units=3), layer("GRUCell", units=2))), [ROWS]),
    (layer("LSTMCell", units=5), [(1, 8), (1, 5), (1, 5)]),
    (layer("GRUCell", units=5), [(1, 8), (1, 5)]),
    (layer("ConvLSTM1D", filters=3, kernel_size=3, padding="same"), [(1, 3, 6, 2)]),
    (layer("ConvLSTM2D", filters=3, kernel_size=2, use_bias=False), [(1, 2, 6, 6, 2)]),
    (layer("Bidirectional", layer=layer("LSTM", units=5, unroll=True), merge_mode="ave"), [ROWS]),
    (layer("TimeDistributed", layer=layer("Dense", units=3, activation="relu")), [ROWS]),
    (layer("SpectralNormalization", layer=layer("Dense", units=3)), [ROWS]),
    (layer("Pipeline", layers=(layer("Rescaling", scale=2.0), layer("Dense", units=3))), [ROWS]),
    *(
        (layer("STFTSpectrogram", mode=mode, frame_length=16, frame_step=8, fft_length=16), [(1, 64, 2)])
        for mode in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
    ),
]


@pytest.mark.parametrize(("call", "shapes"), EXACT, ids=[f"{i}-{c.name}" for i, (c, _) in enumerate(EXACT)])
def test_operations_are_those_that_the_profiler_counts(call: Call, shapes: list[tuple[int, ...]]) -> None:
    assert ruled(call, *shapes).flops == profiled(call, *shapes)


# What is worked out once for a channel or a vector is counted by its order only: each with how far it may be off.
NEARLY = [
    (layer("BatchNormalization"), [(1, 20, 20, 4)], 0.01),
    (layer("LayerNormalization"), [(1, 10, 64)], 0.02),
    (layer("LayerNormalization", scale=False, center=False), [(1, 10, 64)], 0.02),
    (layer("RMSNormalization"), [(1, 10, 64)], 0.02),
    (layer("UnitNormalization"), [(1, 10, 64)], 0.02),
    (layer("GroupNormalization", groups=2), [(1, 20, 20, 4)], 0.02),
    (layer("Normalization", mean=1.0, variance=2.0), [(1, 20, 20, 4)], 0.02),
    (layer("Dot", axes=2, normalize=True), [(1, 20, 32)] * 2, 0.05),
    (layer("Attention", score_mode="concat"), [(1, 20, 32)] * 2, 0.02),
    (layer("AdditiveAttention"), [(1, 20, 32)] * 2, 0.02),
    (layer("GroupQueryAttention", head_dim=4, num_query_heads=4, num_key_value_heads=2), [(1, 10, 32)] * 2, 0.01),
    (
        layer("GroupQueryAttention", head_dim=4, num_query_heads=4, num_key_value_heads=1, use_gate=True),
        [(1, 10, 32)] * 2,
        0.01,
    ),
    (layer("AutoContrast"), [(1, 16, 16, 3)], 0.1),
]


@pytest.mark.parametrize(("call", "shapes", "off"), NEARLY, ids=[f"{i}-{c.name}" for i, (c, *_) in enumerate(NEARLY)])
def test_operations_are_nearly_those_that_the_profiler_counts(
    call: Call, shapes: list[tuple[int, ...]], off: float
) -> None:
    assert ruled(call, *shapes).flops == pytest.approx(profiled(call, *shapes), rel=off)


def test_the_way_back_of_an_embedding_is_a_product_of_matrices() -> None:
    call = layer("ReversibleEmbedding", input_dim=9, output_dim=8, logit_soft_cap=2.0)
    assert ruled(call, ROWS, reverse=True).flops == profiled(call, ROWS, reverse=True)


ACTIVATIONS = ("relu", "relu6", "elu", "selu", "tanh", "sigmoid", "softplus", "softsign", "exponential", "softmax")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_costs_what_the_profiler_counts(activation: str) -> None:
    call = layer("Activation", activation=activation)
    assert ruled(call, ROWS).flops == profiled(call, ROWS)


def test_what_only_data_tells_leaves_operations_unknown() -> None:
    assert ruled(layer("Dense", units=UNKNOWN_VALUE), ROWS).flops is None
    assert ruled(layer("Dense", units=3), (None, None, 8)).flops is None
    assert ruled(layer("LSTM", units=3), (None, None, 8)).flops is None


def test_an_unknown_batch_counts_as_one_and_a_known_one_as_it_is() -> None:
    dense = layer("Dense", units=3, activation="softmax")
    assert ruled(dense, (None, 8)).flops == ruled(dense, (1, 8)).flops
    assert ruled(dense, (4, 8)).flops == 4 * ruled(dense, (1, 8)).flops


def held(call: Call, *shapes: Shape) -> list[int | None]:
    """The elements of each tensor that a training step holds of a layer."""
    result = ruled(call, *shapes)
    return [tensor.elements for tensor in (result.outputs if result.kept is None else result.kept)]


def test_a_layer_holds_what_comes_out_of_it() -> None:
    # The gradients of the kernel need what came in, which is the output of the step before and held there; that of
    # `relu` needs only its own result. Batch normalization likewise: its input, and vectors of a number a channel.
    assert held(layer("Dense", units=5, activation="relu"), (None, 8)) == [5]
    assert held(layer("Conv2D", filters=5, kernel_size=3), (None, 10, 10, 4)) == [8 * 8 * 5]
    assert held(layer("BatchNormalization"), (None, 10, 10, 4)) == [400]
    assert held(layer("Activation", activation="relu"), (None, 8)) == [8]


def test_a_layer_whose_activation_needs_what_it_was_given_holds_that_too() -> None:
    # The gradient of `silu` is not a function of its result. TensorFlow makes `gelu` of several functions, and its
    # profiler shows three tensors held beside the result: a half of what was given, its negative, and `erfc` of that.
    assert held(layer("Dense", units=5, activation="silu"), (None, 8)) == [5, 5]
    assert held(layer("Dense", units=5, activation="gelu"), (None, 8)) == [5, 5, 5, 5]


def test_an_activation_that_only_chooses_holds_what_it_chose() -> None:
    held = (Tensor((None, 5), "float32"), Tensor((None, 5), "bool"))
    assert ruled(layer("Dense", units=5, activation="hard_shrink"), (None, 8)).kept == held


def test_a_dropout_holds_which_elements_it_left() -> None:
    kept = ruled(layer("Dropout", rate=0.5), (None, 8)).kept
    assert kept == (Tensor((None, 8), "float32"), Tensor((None, 8), "bool"))
    assert held(layer("Dropout", rate=0.0), (None, 8)) == []


def test_a_view_holds_nothing_of_its_own() -> None:
    assert held(layer("Reshape", target_shape=[2, 4]), (None, 8)) == []
    assert held(layer("Flatten"), (None, 2, 4)) == []


def test_a_recurrent_layer_holds_its_gates_at_every_step() -> None:
    # At each of 6 steps the four gates, the carry, its `tanh` and the state, of 5 units; the last state comes out.
    # What came in, and what comes out, is there once more with time first.
    assert held(layer("LSTM", units=5), (None, 6, 8)) == [5, 6 * 8, 5, 6 * 7 * 5]


def test_attention_holds_its_projections_and_scores() -> None:
    # Query, key, value and what comes of them for 2 heads of 4, the output, and a score for each pair and head.
    call = layer("MultiHeadAttention", num_heads=2, key_dim=4)
    assert held(call, (None, 6, 8), (None, 6, 8)) == [6 * 8, 6 * 8, 6 * 8, 6 * 8, 6 * 8, 2 * 6 * 6]
