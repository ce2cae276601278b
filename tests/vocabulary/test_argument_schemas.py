"""What the schema says of an argument, held against Keras: each value is given to Keras's own constructor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import pytest

from specc import catalog
from specc.calls import Argument
from specc.diagnostics import Span
from specc.schema import call_complaints
from specc.tree import planted

HERE = Span("spec.yaml", 1, 1, 1, 1)
VALUES: list[Any] = [
    *(None, True, 0, 1, 2, -1, 0.5, 1.5, -0.5, 2.0, "x", {"a": 1}),
    *([1], [2, 3], [1, 2, 3], [0, 1], [-1, 1], [0.1, 0.5], ["a", "b"], [[1, 2], [3, 4]], [[0, 1], [1, 0], [2, 2]]),
]
MODULES = {
    "layers": keras.layers,
    "initializers": keras.initializers,
    "regularizers": keras.regularizers,
    "constraints": keras.constraints,
    "losses": keras.losses,
    "metrics": keras.metrics,
    "optimizers": keras.optimizers,
    "schedules": keras.optimizers.schedules,
    "callbacks": keras.callbacks,
}
CLASSES = [
    (family, name)
    for family in MODULES
    for name in catalog.names(family)
    # `accuracy` is no class; the others open files and need packages of their own when they are made.
    if name not in ("accuracy", "TFSMLayer", "OrbaxCheckpoint")
]

LAYERS: Mapping[str, Callable[[], Any]] = {
    "layer": lambda: keras.layers.LSTM(3, return_sequences=True),
    "cell": lambda: keras.layers.LSTMCell(3),
    "cells": lambda: [keras.layers.LSTMCell(3)],
    "layers": lambda: [keras.layers.Rescaling(0.5)],
    "inner_optimizer": lambda: keras.optimizers.SGD(),
}
NEEDED: Mapping[str, Any] = {
    "activation": "relu",
    "backup_dir": "backup",
    "boundaries": [1],
    "dims": [1],
    "equation": "...a,ab->...b",
    "filename": "log.csv",
    "filepath": "model.keras",
    "num_key_value_heads": 1,
    "target_class_ids": [0],
    "target_shape": [-1],
    "values": [0.1, 0.01],
}
"""Values of arguments that must be given, where 2, 0.5 and [3] are none."""

BESIDE: Mapping[str, Mapping[str, Any]] = {
    "CategoryEncoding": {"num_tokens": 5},
    "Discretization": {"num_bins": 3},
    "FBetaScore": {"average": "micro"},
    "InputLayer": {"shape": [3]},
    "RandomPosterization": {"factor": 4},
    "RandomZoom": {"width_factor": 0.1},
    "STFTSpectrogram": {"frame_length": 4},
}
"""Arguments without which Keras refuses whatever else is given."""

TOGETHER = {
    # right with another argument, which the schema does not see
    *("InputLayer.batch_shape", "InputLayer.shape", "Discretization.bin_boundaries", "Discretization.num_bins"),
    *("CategoryEncoding.num_tokens", "Normalization.mean", "Normalization.variance", "STFTSpectrogram.fft_length"),
    *(f"Conv{n}DTranspose.output_padding" for n in (1, 2, 3)),
    *(
        f"{kind}.{name}"
        for kind in ("IntegerLookup", "StringLookup", "TextVectorization")
        for name in ("idf_weights", "pad_to_max_tokens", "sparse", "vocabulary", "salt")
    ),
    *("Discretization.sparse", "Hashing.sparse", "Embedding.weights", "Permute.dims", "Dropout.noise_shape"),
    *("PiecewiseConstantDecay.boundaries", "PiecewiseConstantDecay.values", "AUC.label_weights", "AUC.num_labels"),
    *("RandomGaussianBlur.kernel_size", "RandomZoom.height_factor", "RandomZoom.width_factor"),
    *("IoU.target_class_ids", "BinaryIoU.target_class_ids", "OneHotIoU.target_class_ids"),
    *("ModelCheckpoint.filepath", "ModelCheckpoint.save_weights_only"),
    # a tuple, which YAML has not
    "TextVectorization.ngrams",
}
PAIRS = ("factor", "sigma", "scale")
"""Names that end so take a range as a pair; Keras also asks that the range is not beyond its bounds."""


def accepts(family: str, name: str, argument: str, value: Any) -> bool:
    found = call_complaints(family, name, planted({argument: value}, HERE))
    return not [c for c in found if c.code.id != "S104"]


def arguments(family: str, name: str) -> tuple[Argument, ...]:
    return catalog.signature(family, name).arguments


def needed(family: str, name: str) -> dict[str, Any]:
    """The arguments without which Keras does not make it."""
    found = dict(BESIDE.get(name, {}))
    for argument in arguments(family, name):
        if argument.required and argument.name not in found:
            candidates = [NEEDED.get(argument.name), 2, 0.5, [3]]
            found[argument.name] = (
                LAYERS[argument.name]
                if argument.name in LAYERS
                else next(v for v in candidates if v is not None and accepts(family, name, argument.name, v))
            )
    return found


def make(family: str, name: str, /, **given: Any) -> Any:
    """What Keras makes of these arguments and those that it needs."""
    kwargs = {key: value() if callable(value) else value for key, value in {**needed(family, name), **given}.items()}
    return getattr(MODULES[family], name)(**kwargs)


def takes(family: str, name: str, argument: str, value: Any) -> bool:
    """Does Keras make it so? What it raises when it does not is of every kind."""
    try:
        make(family, name, **{argument: value})
    except (ValueError, TypeError, AttributeError, ImportError, KeyError, IndexError, NotImplementedError):
        return False
    except keras.src.backend.tensorflow.core.tf.errors.OpError:
        return False
    return True


def as_float(argument: Argument, value: Any) -> Any:
    """A whole number where Keras's own default has a point."""
    return float(value) if isinstance(argument.default, float) and type(value) is int else value


def kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, (int, float)) else type(value).__name__


@pytest.mark.parametrize(("family", "name"), CLASSES, ids=lambda part: part)
def test_keras_makes_it_with_what_the_schema_says_it_needs(family: str, name: str):
    assert make(family, name) is not None


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_every_default_is_accepted(family: str):
    for name in catalog.names(family):
        for argument in arguments(family, name):
            if not argument.required:
                assert accepts(family, name, argument.name, argument.default), f"{name}.{argument.name}"


@pytest.mark.parametrize(("family", "name"), CLASSES, ids=lambda part: part)
def test_keras_takes_what_the_schema_accepts(family: str, name: str):
    refused = [
        (argument.name, value)
        for argument in arguments(family, name)
        if argument.family is None and f"{name}.{argument.name}" not in TOGETHER
        for value in VALUES
        if accepts(family, name, argument.name, value) and not takes(family, name, argument.name, value)
        if not (argument.name.endswith(PAIRS) and isinstance(value, list))
    ]
    assert refused == []
