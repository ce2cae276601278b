"""What advice claims is true, as Keras computes it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml

from specc import catalog, codes
from specc.passes.advise.activations import DEEP
from specc.passes.advise.data import NORMALIZED_WITHIN, SCALING_THEMSELVES
from specc.passes.advise.training import UNREACHED, USUAL

PAGES = Path(codes.__file__).parent / "explain"
Dense, Normalized = keras.layers.Dense, keras.layers.BatchNormalization


@pytest.fixture(autouse=True)
def the_same_numbers_each_time() -> None:
    keras.utils.set_random_seed(7)


def numbers(*shape: int) -> Any:
    return np.random.default_rng(7).standard_normal(shape).astype("float32")


def gradients(model: keras.Model, inputs: Any, weights: list[Any], *, training: bool = True) -> list[Any]:
    """The gradients of a loss that asks something else of every output."""
    with tf.GradientTape() as tape:
        answers = model(inputs, training=training)
        loss = tf.reduce_sum(answers * numbers(*answers.shape))
    return [g.numpy() for g in tape.gradient(loss, [w.value for w in weights])]


@pytest.mark.parametrize("widths", [(6, 8, 3), (6, 3, 3), (6, 6, 9)], ids=str)
def test_two_linear_layers_are_one_where_the_first_does_not_narrow(widths: tuple[int, int, int]):
    taken, between, given = widths
    two = keras.Sequential(
        [keras.Input((taken,)), Dense(between), keras.layers.Dropout(0.5), Normalized(), Dense(given)]
    )
    two.layers[2].set_weights([numbers(between), numbers(between), numbers(between), np.abs(numbers(between))])
    one = keras.Sequential([keras.Input((taken,)), Dense(given)])
    zero = np.zeros((1, taken), "float32")
    bias = two(zero).numpy()[0]
    one.layers[0].set_weights([two(np.eye(taken, dtype="float32")).numpy() - bias, bias])
    inputs = numbers(50, taken)
    np.testing.assert_allclose(two(inputs), one(inputs), atol=1e-4)


def test_a_narrow_layer_between_is_something_that_one_layer_cannot_be_relied_on_for():
    narrow = keras.Sequential([keras.Input((6,)), Dense(2, use_bias=False), Dense(6, use_bias=False)])
    assert np.linalg.matrix_rank(narrow(np.eye(6, dtype="float32")).numpy(), tol=1e-4) == 2


def share_of_the_first(activation: str, layers: int) -> float:
    """The gradient of the first layer's weights, beside that of the last before the output."""
    hidden = [Dense(64, activation=activation) for _ in range(layers)]
    model = keras.Sequential([keras.Input((64,)), *hidden, Dense(10)])
    found = gradients(model, numbers(256, 64), [layer.kernel for layer in hidden])
    return float(np.linalg.norm(found[0]) / np.linalg.norm(found[-1]))


@pytest.mark.parametrize("activation", ["sigmoid", "hard_sigmoid"])
def test_behind_four_sigmoids_a_fortieth_of_the_gradient_is_left_at_most(activation: str):
    assert share_of_the_first(activation, DEEP) < 1 / 40
    assert share_of_the_first(activation, 10) < 1 / 100_000


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_other_functions_keep_the_gradient_over_twenty_layers(activation: str):
    assert 1 / 2 < share_of_the_first(activation, 20) < 2


LINEAR: dict[str, Callable[[], Any]] = {
    "Dense": lambda: Dense(4),
    "Conv2D": lambda: keras.layers.Conv2D(4, 3, padding="same"),
    "Conv2DTranspose": lambda: keras.layers.Conv2DTranspose(4, 3, strides=2),
    "SeparableConv2D": lambda: keras.layers.SeparableConv2D(4, 3),
    "DepthwiseConv2D": lambda: keras.layers.DepthwiseConv2D(3),
}


@pytest.mark.parametrize("name", LINEAR)
def test_the_bias_before_a_batch_normalization_has_no_gradient(name: str):
    layer = LINEAR[name]()
    model = keras.Sequential([keras.Input((6, 6, 4)), layer, Normalized(), keras.layers.ReLU()])
    inputs = numbers(16, 6, 6, 4)
    bias, kernel = gradients(model, inputs, [layer.bias, layer.weights[0]])
    assert np.abs(bias).max() < 1e-6 * max(1.0, np.abs(kernel).max())
    before = model(inputs, training=True).numpy()
    layer.bias.assign(layer.bias + 3.0)
    np.testing.assert_allclose(model(inputs, training=True), before, atol=1e-4)


def test_the_bias_counts_behind_an_activation_and_before_a_frozen_normalization():
    bent = Dense(4, activation="relu")
    model = keras.Sequential([keras.Input((6,)), bent, Normalized()])
    assert np.abs(gradients(model, numbers(16, 6), [bent.bias])[0]).max() > 1e-2
    layer = Dense(4)
    model = keras.Sequential([keras.Input((6,)), layer, Normalized(trainable=False)])
    assert np.abs(gradients(model, numbers(16, 6), [layer.bias])[0]).max() > 1e-2


def test_dropout_on_answers_leaves_no_probabilities():
    model = keras.Sequential([keras.Input((4,)), Dense(3, activation="softmax"), keras.layers.Dropout(0.3)])
    assert np.abs(model(numbers(64, 4), training=True).numpy().sum(-1) - 1).max() > 0.2
    np.testing.assert_allclose(model(numbers(64, 4)).numpy().sum(-1), 1, atol=1e-5)


def test_a_softmax_of_a_softmax_over_ten_is_never_surer_than_23_percent():
    surest = keras.ops.softmax(keras.ops.softmax(np.eye(10, dtype="float32") * 1000)).numpy().max()
    assert round(float(surest), 2) == 0.23
    twice = keras.ops.sigmoid(keras.ops.sigmoid(np.linspace(-100, 100, 101, dtype="float32"))).numpy()
    assert (twice.min(), round(float(twice.max()), 2)) == (0.5, 0.73)


@pytest.mark.filterwarnings("ignore:(?s).*You are using a softmax over axis")  # Keras says it as well
@pytest.mark.parametrize(("name", "constant"), [("softmax", 1), ("log_softmax", 0), ("sparsemax", 1)])
def test_a_softmax_over_one_value_is_constant_and_lets_no_gradient_through(name: str, constant: int):
    layer = Dense(1, activation=name)
    model = keras.Sequential([keras.Input((4,)), layer])
    np.testing.assert_allclose(model(numbers(32, 4)), constant, atol=1e-6)
    assert max(np.abs(g).max() for g in gradients(model, numbers(32, 4), [layer.kernel, layer.bias])) < 1e-5


@pytest.mark.parametrize("name", UNREACHED)
def test_an_activation_that_is_said_to_stay_above_0_does(name: str):
    answers = keras.activations.get(name)(np.linspace(-30, 30, 601, dtype="float32")[:, None].repeat(2, 1))
    assert np.asarray(answers).min() >= 0


def test_the_learning_rate_that_keras_begins_with_is_a_usual_one_for_every_optimizer():
    assert set(USUAL) == set(catalog.names("optimizers")) - {"LossScaleOptimizer"}
    for name, (lowest, highest) in USUAL.items():
        assert lowest < float(getattr(keras.optimizers, name)().learning_rate) < highest


def test_the_page_on_learning_rates_tells_the_bounds_that_are_used():
    page = (PAGES / "W401.md").read_text("utf-8")
    told = {}
    for names, default, low, high in re.findall(r"^\| (`.*?) \| ([\d.]+) \| (\S+) to (\S+) \|", page, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            told[name] = (float(low), float(high))
            assert float(getattr(keras.optimizers, name)().learning_rate) == pytest.approx(float(default))
    assert told == dict(USUAL)


@pytest.mark.parametrize("activation", [None, "relu"])
def test_the_size_of_pixels_does_not_matter_in_front_of_a_normalization_and_matters_without(activation: str | None):
    # Without `epsilon`, which a unit that hardly ever answers would be compared with.
    layer, behind = Dense(8, activation=activation), Normalized(epsilon=1e-9)
    model = keras.Sequential([keras.Input((12,)), layer, behind])
    pixels = np.abs(numbers(64, 12)) * 100
    small = model(pixels / 255, training=True).numpy()
    assert np.linalg.norm(model(pixels, training=True) - small) < 0.02 * np.linalg.norm(small)
    assert np.abs(layer(pixels)).max() > 50 * np.abs(layer(pixels / 255)).max()


def architectures() -> dict[str, Any]:
    """The applications of the catalog, and the module of Keras that each comes from."""
    return {n: sys.modules[getattr(keras.applications, n).__module__] for n in catalog.names("applications")}


def test_the_applications_that_scale_pictures_themselves_are_those_that_keras_prepares_nothing_for():
    pixels = np.arange(0, 255, 5, dtype="float32")[None, None, :, None].repeat(3, -1)
    untouched = {n for n, m in architectures().items() if (m.preprocess_input(pixels.copy()) == pixels).all()}
    assert untouched == {n for n in architectures() if n.startswith(SCALING_THEMSELVES)}


def test_the_page_on_pictures_prepares_them_for_each_application_as_keras_does():
    page = (PAGES / "W501.md").read_text("utf-8")
    pixels = np.random.default_rng(7).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    seen = set()
    for names, remedy in re.findall(r"^\| (`.*?) \| (.*?) \|$", page, re.MULTILINE):
        prepared = pixels
        for call, arguments in (next(iter(yaml.safe_load(c).items())) for c in re.findall(r"`(\S+: .*?)`", remedy)):
            if call == "include_preprocessing":
                continue
            given = arguments if isinstance(arguments, dict) else {"scale": arguments}
            if call == "ops.flip":
                prepared = keras.ops.flip(prepared, **given)
            else:
                prepared = getattr(keras.layers, call)(**given)(prepared)
        patterns = [n.replace("…", ".*") for n in re.findall(r"`(.*?)`", names)]
        for name, module in architectures().items():
            if name not in seen and any(re.fullmatch(p, name) for p in patterns):
                seen.add(name)
                np.testing.assert_allclose(prepared, module.preprocess_input(pixels.copy()), atol=1e-3, err_msg=name)
    assert seen == set(catalog.names("applications"))


@pytest.mark.parametrize(
    ("name", "normalizes"), [("VGG16", False), ("MobileNet", True), ("ResNet50", True), ("EfficientNetB0", True)]
)
def test_only_the_applications_that_are_said_to_normalize_nothing_do_not(name: str, normalizes: bool):
    network = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert any(isinstance(layer, Normalized) for layer in network.layers) == normalizes
    assert name.startswith(NORMALIZED_WITHIN) != normalizes
