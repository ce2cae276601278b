"""Encodings, lookups and spectrograms."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from specc.tensors import Tensor
from tests.shapes.configurations.drawing import (
    DTYPES,
    FLOATS,
    Cases,
    booleans,
    counts,
    each_of,
    formats,
    given,
    near,
    one_of,
    policies,
    shapes,
    sizes,
    tensors,
)
from tests.shapes.judge import Case

LAYERS: Cases = {}

INDICES = ("int32", "int32", "int64", "string", "float32", "bool", "uint8")
modes = one_of("int", "one_hot", "multi_hot", "count")


@st.composite
def category_encoding(draw: DrawFn) -> Case:
    arguments = draw(given({}, num_tokens=one_of(3, 5, 5, 0), output_mode=modes))
    inputs = {"inputs": draw(tensors(st.integers(1, 4), INDICES))}
    if draw(one_of(False, False, True)):
        found = inputs["inputs"].shape
        inputs["count_weights"] = Tensor(draw(one_of(found, found, (*found, 2))), "float32")
    return Case("layers", "CategoryEncoding", {"num_tokens": 4, **arguments}, inputs)


LAYERS["CategoryEncoding"] = category_encoding()


@st.composite
def discretization(draw: DrawFn) -> Case:
    arguments = draw(
        given(
            {"bin_boundaries": one_of([0.0, 1.0], [0.0, 1.0], [1.5], [0, 1, 2], None)},
            num_bins=one_of(None, None, 4),
            output_mode=modes,
            sparse=one_of(False, False, True),
        )
    )
    found = {k: v for k, v in arguments.items() if k != "trainable"}
    return Case("layers", "Discretization", found, {"inputs": draw(tensors(st.integers(1, 4), DTYPES))})


LAYERS["Discretization"] = discretization()


@st.composite
def hashing(draw: DrawFn) -> Case:
    arguments: dict[str, Any] = {"num_bins": draw(counts), "output_mode": draw(modes)}
    arguments["dtype"] = draw(one_of(None, None, None, "int32", "float16", "flot32"))
    arguments |= draw(
        st.fixed_dictionaries({}, optional={"mask_value": one_of(None, "a", 1), "salt": one_of(3, [1, 2])})
    )
    return Case("layers", "Hashing", arguments, {"inputs": draw(tensors(st.integers(1, 4), INDICES))})


LAYERS["Hashing"] = hashing()


@st.composite
def hashed_crossing(draw: DrawFn) -> Case:
    arguments = {"num_bins": draw(sizes), "output_mode": draw(one_of("int", "one_hot")), "dtype": draw(policies)}
    shape = draw(one_of((None,), (None, 1), (None, 1), (None, 1), (None, 3), (2, 1), (None, 1, 1)))
    other = draw(one_of(shape, shape, shape, shape, (None,)))
    given = (shape, other)[: draw(one_of(2, 2, 2, 2, 1))] + (
        (shape,) if draw(one_of(False, False, False, True)) else ()
    )
    words = one_of("string", "string", "int32", "int64", "float32")
    return Case("layers", "HashedCrossing", arguments, {"inputs": tuple(Tensor(s, draw(words)) for s in given)})


LAYERS["HashedCrossing"] = hashed_crossing()

WORDS = (
    ["a", "b", "c"],
    ["a", "b", "c"],
    ["a"],
    ["[UNK]", "a", "b"],
    ["", "[UNK]", "a"],
    ["a", "a"],
    [],
    None,
    ["a", 3],
)
NUMBERS = ([1, 2, 3], [1, 2, 3], [7], [-1, 1, 2], [0, -1, 5], [1, 1], [], None, ["1", "2"])


@st.composite
def lookup(draw: DrawFn, name: str) -> Case:
    text = name == "StringLookup"
    vocabulary = draw(one_of(*(WORDS if text else NUMBERS)))
    arguments: dict[str, Any] = {
        "vocabulary": vocabulary,
        "output_mode": draw(one_of("int", "int", "one_hot", "count")),
    }
    arguments |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "max_tokens": one_of(None, None, 2, 9),
                "num_oov_indices": one_of(1, 1, 0, 2),
                "mask_token": one_of(None, "" if text else 0),
                "pad_to_max_tokens": one_of(False, False, True),
                "invert": one_of(False, False, True),
                "sparse": one_of(False, False, False, True),
                "salt": one_of(None, None, None, 3),
            },
        )
    )
    if draw(one_of(False, False, False, True)):
        arguments |= {
            "output_mode": "tf_idf",
            "idf_weights": draw(one_of([0.5] * len(vocabulary or ()), [0.5, 0.1], None)),
        }
    likely = "string" if text and not arguments.get("invert") else "int64"
    dtypes = (likely, likely, likely, likely, "string", "int32", "float32")
    return Case("layers", name, arguments, {"inputs": draw(tensors(st.integers(1, 4), dtypes))})


LAYERS["StringLookup"] = lookup("StringLookup")
LAYERS["IntegerLookup"] = lookup("IntegerLookup")


@st.composite
def text_vectorization(draw: DrawFn) -> Case:
    arguments: dict[str, Any] = {
        "vocabulary": draw(one_of(*(list(words or []) for words in WORDS[:4]), None, ["a", "a"]))
    }
    arguments |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "output_mode": one_of("int", "int", "multi_hot", "count"),
                "output_sequence_length": one_of(None, 4),
                "split": one_of("whitespace", "character", None),
                "standardize": one_of("lower", None),
                "ngrams": one_of(None, 2),
                "max_tokens": one_of(None, 3, 9),
                "pad_to_max_tokens": one_of(False, False, True),
                "ragged": one_of(False, False, False, True),
                "sparse": one_of(False, False, False, True),
            },
        )
    )
    shape = draw(one_of((None,), (None, 1), (None, 1), (None, 3), (2, 2, 1)))
    dtype = draw(one_of("string", "string", "string", "string", "int32"))
    return Case("layers", "TextVectorization", arguments, {"inputs": Tensor(shape, dtype)})


LAYERS["TextVectorization"] = text_vectorization()


# Spectrograms -------------------------------------------------------------------------------------------------------
@st.composite
def mel(draw: DrawFn) -> Case:
    arguments = draw(
        given(
            {"fft_length": one_of(16, 16, 31, 64), "sequence_stride": one_of(4, 8, 5, 0)},
            num_mel_bins=one_of(4, 8),
            sequence_length=one_of(None, None, 16, 8, 99),
            window=one_of("hann", "hamming", None, [1.0] * 16, [1.0] * 3),
            power_to_db=booleans,
        )
    )
    length = draw(one_of(None, 3, 8, 9, 32, 39, 47, 48, 63, 64, 100))
    shape = (*draw(shapes(1)), *((length,) if draw(near(2)) != 1 else ()), *((2,) if draw(near(2)) == 3 else ()))
    dtype = draw(one_of(*FLOATS, "int32", "string"))
    return Case("layers", "MelSpectrogram", arguments, {"inputs": Tensor(shape, dtype)})


LAYERS["MelSpectrogram"] = mel()


@st.composite
def stft(draw: DrawFn) -> Case:
    arguments = draw(
        given(
            {"frame_length": one_of(4, 8, 8, 16, 5, 2)},
            mode=one_of("log", "magnitude", "psd", "real", "imag", "angle", "stft", "phase"),
            frame_step=one_of(None, 1, 4, 3, 20),
            fft_length=one_of(None, None, 16, 4),
            window=one_of("hann", "hamming", None, [1.0] * 8),
            scaling=one_of("density", "spectrum", None, "power"),
            padding=one_of("valid", "same", "valid", "causal"),
            periodic=booleans,
            expand_dims=booleans,
            data_format=formats,
        )
    )
    inner = (draw(one_of(None, 3, 8, 16, 33)), draw(one_of(1, 2, 3, None)))
    if arguments.get("data_format") == "channels_first":
        inner = inner[::-1]
    shape = (*draw(shapes(1)), *inner)[: draw(one_of(3, 3, 3, 3, 3, 2))]
    return Case("layers", "STFTSpectrogram", arguments, {"inputs": Tensor(shape, draw(one_of(*FLOATS, "int32")))})


LAYERS["STFTSpectrogram"] = stft()

# Images as they are mixed and evened out ----------------------------------------------------------------------------
LAYERS.update(
    each_of(
        "CutMix MixUp MaxNumBoundingBoxes ContrastLimitedAdaptiveHistogramEqualization",
        lambda name: given(
            {"max_number": sizes} if name == "MaxNumBoundingBoxes" else {},
            factor=one_of(0.5, 1.0, [0.2, 0.5], 1.5, -0.5),
            alpha=one_of(0.2, 1.0),
            clip_limit=one_of(4.0, 0.0),
            tile_grid_size=one_of([2, 2], [1, 3], [0, 2]),
            data_format=formats,
        ),
        lambda _: 4,
        *FLOATS,
        "uint8",
    )
)
