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
from specc.schema.document import DTYPES
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
    "height_factor": 0.1,
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
    *("F1Score.threshold", "FBetaScore.threshold"),  # 1 must be 1.0
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
        if accepts(family, name, argument.name, value)
        and not takes(family, name, argument.name, as_float(argument, value))
        if not (argument.name.endswith(PAIRS) and isinstance(value, list))
    ]
    assert refused == []


@pytest.mark.parametrize(
    ("family", "name", "given"),
    [
        ("layers", "AveragePooling2D", {"pool_size": [2, 3], "strides": None, "padding": "same"}),
        ("layers", "BatchNormalization", {"axis": -1, "momentum": 0.9, "scale": False, "gamma_initializer": None}),
        ("layers", "Bidirectional", {"layer": {"LSTM": 3}, "merge_mode": None}),
        ("layers", "CategoryEncoding", {"num_tokens": 4, "output_mode": "count"}),
        ("layers", "Conv1D", {"filters": 2, "kernel_size": [3], "padding": "causal", "dilation_rate": 2}),
        ("layers", "Conv2D", {"filters": 2, "kernel_size": [3, 5], "padding": "SAME", "groups": 2, "strides": 2}),
        ("layers", "Cropping2D", {"cropping": [[1, 0], [0, 2]]}),
        ("layers", "Cropping3D", {"cropping": [1, 0, 2]}),
        ("layers", "Dense", {"units": 3, "dtype": "mixed_bfloat16", "lora_rank": 2, "activity_regularizer": "l2"}),
        ("layers", "Dot", {"axes": [1, 2], "normalize": True}),
        ("layers", "Dropout", {"rate": 0, "noise_shape": [None, 1, 4], "seed": 3}),
        ("layers", "EinsumDense", {"equation": "abc,cd->abd", "output_shape": [None, 64], "bias_axes": "d"}),
        ("layers", "GroupNormalization", {"groups": -1, "axis": [1, 2]}),
        ("layers", "LSTM", {"units": 4, "return_state": True, "use_cudnn": "auto", "recurrent_activation": None}),
        ("layers", "LayerNormalization", {"axis": [-2, -1], "epsilon": 1e-6}),
        ("layers", "MultiHeadAttention", {"num_heads": 2, "key_dim": 4, "output_shape": [3, 4], "attention_axes": [1]}),
        ("layers", "Normalization", {"axis": None, "mean": 1.5, "variance": 2}),
        ("layers", "Normalization", {"axis": -1, "mean": [1, 2.5], "variance": [1, 1], "invert": True}),
        ("layers", "PReLU", {"shared_axes": [1, 2], "alpha_initializer": {"Constant": 0.25}}),
        ("layers", "RNN", {"cell": [{"LSTMCell": 3}, {"GRUCell": 3}], "unroll": True}),
        ("layers", "RandomContrast", {"factor": [0.1, 0.3]}),
        ("layers", "RandomRotation", {"factor": [-0.2, 0.3], "fill_mode": "nearest", "fill_value": 1}),
        ("layers", "RandomZoom", {"height_factor": [0.1, 0.2], "width_factor": None}),
        ("layers", "Rescaling", {"scale": [0.1, 0.2, 0.3], "offset": -1}),
        ("layers", "Resizing", {"height": 3, "width": 4, "interpolation": "lanczos5", "pad_to_aspect_ratio": True}),
        ("layers", "Softmax", {"axis": [1, 2]}),
        ("layers", "StackedRNNCells", {"cells": [{"GRUCell": 2}, {"GRUCell": {"units": 2}}]}),
        ("layers", "StringLookup", {"vocabulary": ["a", "b"], "mask_token": "", "num_oov_indices": 2, "salt": [1, 2]}),
        ("layers", "TextVectorization", {"ngrams": 2, "output_mode": "tf_idf", "split": "character"}),
        ("layers", "UpSampling2D", {"size": 3, "interpolation": "bicubic"}),
        ("layers", "ZeroPadding1D", {"padding": [2, 0]}),
        ("initializers", "VarianceScaling", {"scale": 2, "mode": "fan_avg", "distribution": "untruncated_normal"}),
        ("constraints", "MaxNorm", {"max_value": 3, "axis": [0, 1]}),
        ("losses", "CategoricalFocalCrossentropy", {"alpha": [0.2, 0.8], "reduction": None}),
        ("losses", "SparseCategoricalCrossentropy", {"ignore_class": -1, "reduction": "mean_with_sample_weight"}),
        ("metrics", "AUC", {"curve": "PR", "thresholds": [0, 0.5, 1], "multi_label": True}),
        ("metrics", "F1Score", {"average": "macro", "threshold": 0.5}),
        ("metrics", "IoU", {"num_classes": 3, "target_class_ids": [0, 2]}),
        ("metrics", "Precision", {"thresholds": [0.2, 0.8], "top_k": None}),
        ("optimizers", "SGD", {"learning_rate": 1, "momentum": 0.9, "clipnorm": 1, "weight_decay": 1e-4}),
        ("optimizers", "Muon", {"exclude_layers": ["head", ".*bias"]}),
        ("schedules", "CosineDecay", {"initial_learning_rate": 0, "decay_steps": 1e4, "warmup_target": 0.1}),
        ("schedules", "PiecewiseConstantDecay", {"boundaries": [1000, 2e3], "values": [1, 0.5, 0.1]}),
        ("callbacks", "ModelCheckpoint", {"filepath": "best.keras", "save_freq": 100, "mode": "max"}),
        ("callbacks", "ReduceLROnPlateau", {"factor": 0.5, "min_lr": 1e-5, "verbose": 1}),
        ("callbacks", "TensorBoard", {"update_freq": "batch", "profile_batch": 2}),
    ],
    ids=lambda part: part if isinstance(part, str) else ",".join(part),
)
def test_what_keras_documents_is_accepted_and_works(family: str, name: str, given: dict[str, Any]):
    assert call_complaints(family, name, planted(given, HERE)) == []
    known = {a.name: a for a in arguments(family, name)}
    built = {
        key: built_layers(value) if known[key].family == "layers" else as_float(known[key], constant(value))
        for key, value in given.items()
    }
    assert getattr(MODULES[family], name)(**built) is not None


@pytest.mark.parametrize("argument", ["activation", "kernel_initializer", "kernel_regularizer", "kernel_constraint"])
def test_every_name_alone_that_the_schema_takes_for_an_argument_keras_takes_too(argument: str):
    family = next(a.family for a in arguments("layers", "Dense") if a.name == argument)
    for word in (*catalog.names(family), *catalog.aliases(family)):
        free = not any(a.required for a in arguments(family, word))
        told = call_complaints("layers", "Dense", planted({"units": 3, argument: word}, HERE))
        assert [c.code.id for c in told] == ([] if free else ["S104"])
        if free and (family, word.casefold()) not in (("initializers", "constant"),):
            keras.layers.Dense(3, **{argument: word})


def test_every_dtype_of_the_schema_is_one_of_keras():
    for dtype in (*DTYPES, "int8_from_float32"):
        assert accepts("layers", "Dense", "dtype", dtype)
        if dtype.startswith("mixed") or "_from_" in dtype:
            keras.dtype_policies.get(dtype)
        else:
            assert keras.backend.standardize_dtype(dtype) == dtype


def built_layers(value: Any) -> Any:
    """A call, or a list of calls, as the layers that it names."""
    if isinstance(value, list):
        return [built_layers(item) for item in value]
    ((name, given),) = value.items()
    kwargs = given if isinstance(given, dict) else {arguments("layers", name)[0].name: given}
    return getattr(keras.layers, name)(**kwargs)


def constant(value: Any) -> Any:
    return keras.initializers.Constant(value["Constant"]) if isinstance(value, dict) else value
