"""Recurrent layers, and wrappers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from specc import catalog
from specc.calls import Call
from specc.tensors import Tensor
from tests.shapes.configurations.drawing import (
    FLOATS,
    Cases,
    batches,
    booleans,
    counts,
    digit,
    each,
    formats,
    given,
    inner,
    layers_on,
    near,
    one_of,
    sizes,
    tensors,
)
from tests.shapes.judge import Case, layer

LAYERS: Cases = {}
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


either_way = st.one_of(
    inner("LSTM GRU SimpleRNN LSTM GRU SimpleRNN Dense", recurrences),
    inner("LSTM GRU SimpleRNN", recurrences),
    recurrences.map(
        lambda a: layer("RNN", cell=layer("GRUCell", units=2), return_sequences=a.get("return_state", True))
    ),
)


@st.composite
def bidirectional(draw: DrawFn) -> Case:
    arguments: dict[str, Any] = dict(draw(given({}, merge_mode=one_of("concat", "sum", "mul", "ave", None, "add"))))
    arguments["layer"] = draw(either_way)
    inputs: dict[str, Any] = {"sequences": draw(tensors(near(3)))}
    if draw(one_of(False, False, False, True)):
        arguments["backward_layer"] = draw(inner("LSTM GRU", recurrences))
    return Case("layers", "Bidirectional", arguments, inputs)


LAYERS["Bidirectional"] = bidirectional()


@st.composite
def time_distributed(draw: DrawFn) -> Case:
    small = given({}, units=sizes, filters=sizes, kernel_size=one_of(1, 2), return_state=one_of(False, False, True))
    held = small.map(lambda a: {"units": 2, "filters": 3, "kernel_size": 1, "rate": 0.5, "scale": 2.0} | dict(a))
    wrapped = draw(
        inner("Dense Conv1D Conv2D Flatten LSTM BatchNormalization Dropout GlobalMaxPooling2D Add Rescaling", held)
    )
    arguments = {**draw(given({})), "layer": wrapped}
    return Case("layers", "TimeDistributed", arguments, {"inputs": draw(tensors(st.integers(2, 5)))})


LAYERS["TimeDistributed"] = time_distributed()


# Cells --------------------------------------------------------------------------------------------------------------
small = given({"units": one_of(1, 2, 3, 3, 0)}, use_bias=booleans, reset_after=booleans)


@st.composite
def cells(draw: DrawFn, most: int = 3) -> tuple[Call, ...]:
    """Some cells, one upon the other."""
    return tuple(draw(inner(CELLS, small)) for _ in range(draw(st.integers(1, most))))


CELLS = "LSTMCell GRUCell SimpleRNNCell"


@st.composite
def states(draw: DrawFn, widths: Sequence[int], batch: int | None) -> tuple[Tensor, ...]:
    """States of those widths; now and then one has another, or is missing, or one too many."""
    found = [Tensor((batch, width + draw(one_of(0, 0, 0, 0, 0, 1))), "float32") for width in widths]
    cut = draw(one_of(0, 0, 0, 0, 1))
    return tuple(found[cut:] if len(found) > 1 else found + found * cut)


def widths_of(given: Sequence[Call]) -> list[int]:
    return [c.arguments["units"] for c in given for _ in range(2 if c.name == "LSTMCell" else 1)]


@st.composite
def cell(draw: DrawFn, name: str) -> Case:
    arguments = draw(small)
    if name != "GRUCell":
        arguments = {k: v for k, v in arguments.items() if k != "reset_after"}
    takes = catalog.signature("layers", name)
    assert takes is not None
    tensor = draw(tensors(near(2)))
    batch = (tensor.shape or (None,))[0]
    given = draw(states([arguments["units"]] * (2 if name == "LSTMCell" else 1), batch))
    return Case("layers", name, arguments, {takes.tensors[0].name: tensor, "states": given})


for one in CELLS.split():
    LAYERS[one] = cell(one)


@st.composite
def stacked(draw: DrawFn) -> Case:
    held, tensor = draw(cells()), draw(tensors(near(2)))
    given = draw(states(widths_of(held), (tensor.shape or (None,))[0]))
    return Case("layers", "StackedRNNCells", {"cells": held}, {"inputs": tensor, "states": given})


LAYERS["StackedRNNCells"] = stacked()


@st.composite
def rnn(draw: DrawFn) -> Case:
    held = draw(cells())
    form = draw(one_of("one", "one", "list", "list", "stacked", "wrong"))
    written: Any = held if form == "list" else layer("StackedRNNCells", cells=held) if form == "stacked" else held[0]
    arguments: dict[str, Any] = dict(draw(recurrences))
    for name in ("units", "use_bias", "reset_after"):
        arguments.pop(name, None)
    arguments["cell"] = layer("Dense", units=3) if form == "wrong" else written
    tensor = draw(tensors(near(3)))
    inputs: dict[str, Any] = {"sequences": tensor}
    if draw(one_of(False, False, True)) and form != "wrong":
        used = held[:1] if form == "one" else held
        inputs["initial_state"] = draw(states(widths_of(used), (tensor.shape or (None,))[0]))
    return Case("layers", "RNN", arguments, inputs)


LAYERS["RNN"] = rnn()


@st.composite
def conv_lstm(draw: DrawFn, name: str) -> Case:
    count = digit(name)
    tiny = one_of(1, 1, 2, 3)
    arguments = draw(
        given(
            {"filters": one_of(1, 2, 3, 0), "kernel_size": each(count, tiny)},
            strides=each(count, one_of(1, 1, 2)),
            padding=one_of("valid", "same", "causal"),
            data_format=formats,
            dilation_rate=one_of(1, 1, 1, 2),
            use_bias=booleans,
            return_sequences=booleans,
            return_state=booleans,
            go_backwards=booleans,
            stateful=one_of(False, False, False, True),
        )
    )
    sizes_of_images = st.one_of(*[st.integers(2, 6)] * 6, st.none())
    rank = draw(near(count + 3))
    shape = (draw(batches), draw(one_of(None, 1, 2, 3)), *(draw(sizes_of_images) for _ in range(rank - 2)))
    dtype = draw(one_of(*FLOATS, "int32", "string"))
    return Case("layers", name, arguments, {"sequences": Tensor(shape, dtype)})


for recurrent_convolution in ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"):
    LAYERS[recurrent_convolution] = conv_lstm(recurrent_convolution)


# Wrappers of any layer ----------------------------------------------------------------------------------------------
@st.composite
def spectral(draw: DrawFn) -> Case:
    held = given({}, units=sizes, filters=sizes, kernel_size=one_of(1, 2), use_bias=booleans).map(
        lambda a: {"units": 2, "filters": 3, "kernel_size": 1, "input_dim": 4, "output_dim": 2, "rate": 0.5} | dict(a)
    )
    names = "Dense Dense Conv1D Conv2D Conv2DTranspose DepthwiseConv1D Embedding SeparableConv1D Dropout LSTM"
    wrapped = draw(inner(f"{names} BatchNormalization", held))
    arguments = {**draw(given({}, power_iterations=one_of(1, 2, 0))), "layer": wrapped}
    return Case("layers", "SpectralNormalization", arguments, {"inputs": draw(tensors(st.integers(2, 4)))})


LAYERS["SpectralNormalization"] = spectral()


@st.composite
def pipeline(draw: DrawFn) -> Case:
    held = given({}, units=sizes, scale=one_of(2.0, 0.5), height=sizes, width=sizes, factor=one_of(0.1, 0.5)).map(
        lambda a: {"units": 2, "scale": 2.0, "height": 3, "width": 2, "factor": 0.2} | dict(a)
    )
    names = "Rescaling Resizing CenterCrop RandomFlip RandomBrightness Dense Flatten"
    found = tuple(draw(inner(names, held)) for _ in range(draw(one_of(0, 1, 2, 2, 3))))
    tensor = draw(tensors(one_of(2, 4, 4, 4), ("float32", "float32", "float16", "int32")))
    return Case("layers", "Pipeline", {"layers": found}, {"inputs": tensor})


LAYERS["Pipeline"] = pipeline()
