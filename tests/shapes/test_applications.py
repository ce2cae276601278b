"""Every rule of an architecture says what Keras says: shape, dtype, weights, and whether it takes the images at all."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from specc import catalog, codes
from specc.backend.introspect import architectures
from specc.backend.network import build
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log, Refusal, Rejected
from specc.driver import check
from specc.emit import python
from specc.shapes import Result, Site, apply, names
from specc.tensors import Shape, Tensor
from specc.tree import Source
from tests.shapes.judge import DRAWS, Answer, Case, completed, held, rule_says

ALL = catalog.names("applications")
FEW = (
    *("ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionV3", "MobileNet", "MobileNetV2"),
    *("MobileNetV3Large", "MobileNetV3Small", "NASNetMobile", "ResNet50", "ResNet50V2", "VGG16", "Xception"),
)
"""One of each kind, held against Keras in the ordinary tests."""

Configuration = tuple[Shape, Mapping[str, Any]]

BARE = {"include_top": False}
CONFIGURATIONS: tuple[Configuration, ...] = (
    ((None, 97, 114, 3), {**BARE, "pooling": "avg"}),
    ((None, 224, 224, 3), {}),
    ((None, 299, 331, 3), {"classes": 7, "classifier_activation": None}),
    ((None, 128, 75, 1), {**BARE, "pooling": "max", "classes": 0}),
    ((8, 76, 77, 4), BARE),
    ((None, 75, 75, 3), {"classes": 2, "pooling": "avg"}),
    ((None, 70, 140, 3), BARE),
    ((None, 71, 140, 3), BARE),
    ((None, 31, 33, 3), BARE),
    ((None, 32, 32, 3), {"classes": 5}),
    ((None, None, None, 3), {**BARE, "pooling": "avg"}),
    ((None, None, 131, 3), BARE),
    ((None, None, 64, 3), BARE),
    ((None, None, 20, 3), BARE),
    ((None, 130, None, 3), BARE),
    ((None, None, None, 3), {}),
    ((None, 160, 160, None), BARE),
    ((None, 96, 96), BARE),
    ((None, 96, 96, 3, 1), BARE),
    ((None, 96, 96, 3), {"classes": 0}),
)
"""Sizes odd and even, least and too small; other channels, unknown dimensions, wrong ranks; tops and none."""

OF_SOME: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "include_preprocessing": ({**BARE, "include_preprocessing": False},),
    "minimalistic": ({"minimalistic": True, "alpha": 0.6}, {"dropout_rate": 0}, {"dropout_rate": 1.5}),
    "depth_multiplier": ({"depth_multiplier": 2, "alpha": 0.3}, {"depth_multiplier": 0}, {"dropout": 1.5}),
    "alpha": ({"alpha": 1.4}, {**BARE, "alpha": 0.35}, {"alpha": 0.01}, {"alpha": 0}, {"alpha": "wide"}),
}
"""Configurations by an argument that only some of them take."""

NEVER_RUNS = "NASNetLarge", "NASNetMobile"
"""Of images whose width is not known, Keras builds of these what no image fits."""


def of_some(name: str) -> Iterator[Configuration]:
    takes = inspect.signature(getattr(keras.applications, name)).parameters
    for argument, several in OF_SOME.items():
        if argument in takes:
            yield from (((None, 64, 65, 3), arguments) for arguments in several)


def case(name: str, shape: Shape, arguments: Mapping[str, Any], dtype: str = "float32") -> Case:
    return Case("applications", name, arguments, {"inputs": Tensor(shape, dtype)})


def keras_says(given: Case) -> Answer | Exception:
    """Keras's answer, or the exception by which it refuses.

    Without a state no weight is drawn. Their shapes are the same, and an architecture is built in a second.
    """
    tensor = given.inputs["inputs"]
    assert isinstance(tensor, Tensor)
    assert tensor.shape is not None
    builder = getattr(keras.applications, given.name)
    try:
        with keras.StatelessScope(), warnings.catch_warnings(action="ignore"):
            model = builder(**{"weights": None, **given.arguments}, input_shape=tensor.shape[1:])
            output = model(keras.KerasTensor(tensor.shape, tensor.dtype))
    except Exception as refused:  # whatever Keras raises is its refusal
        return refused
    trained = {id(w) for w in model.trainable_weights}
    weights = tuple((tuple(w.shape), id(w) in trained) for w in model.weights)
    return Answer(((tuple(output.shape), str(output.dtype)),), weights)


def agree(given: Case) -> None:
    mine, theirs = rule_says(given), keras_says(given)
    if isinstance(mine, Refusal):
        tensor = given.inputs["inputs"]
        never = given.name in NEVER_RUNS and isinstance(tensor, Tensor) and tensor.shape and tensor.shape[2] is None
        assert isinstance(theirs, Exception) or never, f"{given}: {mine.code} {mine.message}, and Keras takes it"
        return
    assert not isinstance(theirs, Exception), f"{given} is refused by Keras: {theirs}"
    assert mine == theirs, given


def result(name: str, shape: Shape | None, **arguments: Any) -> Result:
    call = completed(Call("applications", name, arguments))
    made = apply(Site(call, call.arguments, {"inputs": Tensor(shape, "float32")}))
    assert made is not None
    return made


def size(made: Result) -> int:
    assert made.weights is not None
    return sum(weight.size for weight in made.weights)


def test_every_architecture_has_a_rule() -> None:
    assert names("applications") == tuple(sorted(ALL))


@pytest.mark.parametrize("name", FEW)
def test_an_architecture_is_what_keras_builds(name: str) -> None:
    agree(case(name, *CONFIGURATIONS[0]))


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetV2B0"])
def test_so_is_one_with_arguments_of_its_own(name: str) -> None:
    for configuration in of_some(name):
        agree(case(name, *configuration))


def test_a_small_one_agrees_with_keras_on_every_size_and_top() -> None:
    for configuration in CONFIGURATIONS:
        agree(case("MobileNet", *configuration))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64", "bool"])
def test_whatever_numbers_come_it_computes_in_floats(dtype: str) -> None:
    agree(case("MobileNet", (None, 40, 40, 3), BARE, dtype))


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_every_architecture_is_what_keras_builds(name: str) -> None:
    for configuration in (*CONFIGURATIONS, *of_some(name)):
        agree(case(name, *configuration))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"])
def test_a_mobilenet_is_what_keras_builds_for_every_width(name: str) -> None:
    sides = st.one_of(st.integers(28, 200), st.none())
    shapes = st.tuples(st.none(), sides, sides, st.sampled_from([1, 3, 5]))
    arguments: dict[str, st.SearchStrategy[Any]] = {
        "alpha": st.floats(-0.5, 2.5),
        "include_top": st.booleans(),
        "pooling": st.sampled_from([None, "avg", "max"]),
        "classes": st.integers(0, 20),
    }
    if name == "MobileNet":
        arguments["depth_multiplier"] = st.integers(0, 3)
    if name.startswith("MobileNetV3"):
        arguments |= {"minimalistic": st.booleans(), "include_preprocessing": st.booleans()}
    configurations = st.builds(case, st.just(name), shapes, st.fixed_dictionaries(arguments))
    held(configurations, agree, 5 * DRAWS)


def is_fresh(name: str) -> bool:
    file = Path(catalog.__file__).parent / "architectures" / f"{name}.json"
    return file.read_text(encoding="utf-8") == architectures.text(name)


def test_what_the_catalog_has_of_an_architecture_is_fresh() -> None:
    assert is_fresh("VGG16")


@pytest.mark.slow
@pytest.mark.parametrize("name", architectures.names())
def test_what_the_catalog_has_of_every_architecture_is_fresh(name: str) -> None:
    assert is_fresh(name)


# As the documentation of Keras lists them, in millions: https://keras.io/api/applications/
PUBLISHED = {
    **{"Xception": 22.9, "VGG16": 138.4, "VGG19": 143.7, "ResNet50": 25.6, "ResNet50V2": 25.6, "ResNet101": 44.7},
    **{"ResNet101V2": 44.7, "ResNet152": 60.4, "ResNet152V2": 60.4, "InceptionV3": 23.9, "InceptionResNetV2": 55.9},
    **{"MobileNet": 4.3, "MobileNetV2": 3.5, "DenseNet121": 8.1, "DenseNet169": 14.3, "DenseNet201": 20.2},
    **{"NASNetMobile": 5.3, "NASNetLarge": 88.9, "EfficientNetB0": 5.3, "EfficientNetB7": 66.7, "ConvNeXtTiny": 28.6},
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_it_has_as_many_parameters_as_is_published(name: str) -> None:
    assert round(size(result(name, (None, 224, 224, 3))) / 1e6, 1) == PUBLISHED[name]


# Multiplications with an addition, in thousands of millions, as the papers have them at 224 by 224.
PAPERS = {"ResNet50": 3.8, "ResNet101": 7.6, "ResNet152": 11.3, "MobileNet": 0.569, "MobileNetV2": 0.3, "VGG16": 15.3}


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_it_costs_what_its_paper_says(name: str) -> None:
    cost = result(name, (None, 224, 224, 3)).flops
    assert cost is not None
    assert cost / 2e9 == pytest.approx(PAPERS[name], rel=0.07)


@pytest.mark.parametrize(
    "name", ["MobileNet", *(pytest.param(n, marks=pytest.mark.slow) for n in ("ResNet50", "VGG16"))]
)
def test_it_costs_what_tensorflow_counts(name: str) -> None:
    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    step = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((1, 64, 64, 3)))
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    graph = convert_variables_to_constants_v2(step).graph
    counted = tf.compat.v1.profiler.profile(graph=graph, options=options).total_float_ops
    assert result(name, (None, 64, 64, 3)).flops == pytest.approx(counted, rel=0.01)


def test_without_a_width_nothing_fits_a_nasnet_that_keras_builds() -> None:
    with pytest.raises(Refusal) as refused:
        result("NASNetMobile", (None, None, None, 3), include_top=False)
    assert refused.value.code is codes.S305
    model = keras.applications.NASNetMobile(weights=None, include_top=False, input_shape=(None, None, 3))
    for side in (96, 97):
        with pytest.raises(Exception, match="ncompatible shapes"):
            model(np.ones((1, side, side, 3), "float32"))


def test_the_weights_of_a_file_were_made_with_a_softmax(tmp_path: Path) -> None:
    file = tmp_path / "trained.weights.h5"
    shape, activation = (None, 64, 64, 3), "classifier_activation"
    keras.applications.MobileNet(weights=None, input_shape=shape[1:]).save_weights(file)
    for allowed in ("softmax", None):
        assert size(result("MobileNet", shape, weights=str(file), classifier_activation=allowed)) == 4_253_864
        keras.applications.MobileNet(weights=str(file), input_shape=shape[1:], classifier_activation=allowed)
    with pytest.raises(Refusal) as refused:
        result("MobileNet", shape, weights=str(file), classifier_activation=Call("activations", "sigmoid"))
    assert (refused.value.code, refused.value.argument) == (codes.S105, activation)
    with pytest.raises(ValueError, match=activation):
        keras.applications.MobileNet(weights=str(file), input_shape=shape[1:], classifier_activation="sigmoid")


@pytest.mark.parametrize("name", FEW)
def test_classes_that_only_data_can_tell_leave_the_output_unknown(name: str) -> None:
    made = result(name, (None, 96, 96, 3), classes=UNKNOWN_VALUE)
    assert made.outputs == (Tensor((None, None), "float32"),)
    assert made.weights is None


def test_images_of_which_nothing_is_known_leave_all_unknown() -> None:
    made = result("ResNet50", None, include_top=False)
    assert (made.outputs, made.weights, made.flops) == ((Tensor(None, "float32"),), None, None)


def test_the_kept_tensors_are_those_of_all_layers() -> None:
    kept = result("VGG16", (None, 32, 32, 3), include_top=False).kept
    assert kept is not None
    widths = [(32, 64), (32, 64), (16, 64), (16, 128), (16, 128), (8, 128)]
    assert [t.shape for t in kept][:6] == [(None, side, side, channels) for side, channels in widths]


SHARED = """
specc: 1
model:
  inputs: {{near: {{shape: [64, 64, 3]}}, far: {{shape: {far}}}}}
  layers:
    - applications.EfficientNetV2B0: {{include_top: false, pooling: avg}}
      name: eye
      inputs: near
      freeze: true
    - apply: eye
      name: again
      inputs: far
    - Concatenate:
      inputs: [eye, again]
"""


def test_one_that_is_used_again_and_frozen_has_its_weights_once_and_none_trained() -> None:
    plan = check(Source("spec.yaml", SHARED.format(far="[64, 64, 3]")), Log())
    model = build(plan, Log())
    assert plan.network.weights == model.count_params()
    assert plan.network.trainable == sum(int(keras.ops.size(w)) for w in model.trainable_weights) == 0
    assert tuple(next(iter(model.output.values())).shape) == (None, 2560)


def test_it_is_emitted_under_the_name_of_its_step() -> None:
    scope: dict[str, Any] = {"__name__": "emitted"}
    exec(python(check(Source("spec.yaml", SHARED.format(far="[64, 64, 3]")), Log()), Log()), scope)
    assert scope["build_model"]().get_layer("eye").count_params() == 5_919_312


def test_it_takes_no_images_of_another_size_as_in_keras() -> None:
    log = Log()
    with pytest.raises(Rejected):
        check(Source("spec.yaml", SHARED.format(far="[80, 80, 3]")), log)
    assert [d.code for d in log.diagnostics] == [codes.S302]
    model = keras.applications.EfficientNetV2B0(weights=None, include_top=False, input_shape=(64, 64, 3))
    with pytest.raises(ValueError, match="incompatible"):
        model(keras.KerasTensor((None, 80, 80, 3)))


def test_of_a_size_that_is_not_known_nothing_is_said() -> None:
    plan = check(Source("spec.yaml", SHARED.format(far="[null, null, 3]")), Log())
    assert [step.outputs for step in plan.network.steps if step.shares] == [None]
    assert tuple(next(iter(build(plan, Log()).output.values())).shape) == (None, 2560)
