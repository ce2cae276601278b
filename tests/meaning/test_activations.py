"""What comes out of the last step is known by its last activation: Keras's own values lie where it says."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from specc import driver
from specc.backend.network import build
from specc.diagnostics import Log
from specc.passes.judge.endings import NONNEGATIVE, PROBABILITIES, ending_of, endings
from specc.tree import Source
from tests.meaning.specs import found_in, spec

ENDS: dict[str, tuple[list[Any], str | None]] = {
    "a layer": ([{"Dense": {"units": 3, "activation": "softmax"}}], "softmax"),
    "no activation": ([{"Dense": 3}], "linear"),
    "a step of its own": ([{"Dense": 3}, {"Activation": "sigmoid"}], "sigmoid"),
    "a step that changes nothing": ([{"Dense": {"units": 3, "activation": "relu"}}, {"Activation": "linear"}], "relu"),
    "a layer of that name": ([{"Dense": 3}, "ReLU"], "relu"),
    "an op": ([{"Dense": 3}, {"ops.sigmoid": None}], "sigmoid"),
    "an op that reshapes": ([{"Dense": {"units": 4, "activation": "softmax"}}, {"ops.reshape": [-1, 2, 2]}], "softmax"),
    "dropout": ([{"Dense": {"units": 3, "activation": "softplus"}}, {"Dropout": 0.2}], "softplus"),
    "a wrapper": (
        [{"Reshape": [2, 2]}, {"TimeDistributed": {"layer": {"Dense": {"units": 3, "activation": "sigmoid"}}}}],
        "sigmoid",
    ),
    "both ways": ([{"Reshape": [2, 2]}, {"Bidirectional": {"layer": {"GRU": 3}}}], "tanh"),
    "pooling": (
        [
            {"Reshape": [2, 2]},
            {"Conv1D": {"filters": 3, "kernel_size": 1, "activation": "sigmoid"}},
            "GlobalAveragePooling1D",
        ],
        "sigmoid",
    ),
    "a normalization": ([{"Dense": {"units": 3, "activation": "relu"}}, "LayerNormalization"], "linear"),
    "arithmetic": ([{"Dense": 3}, {"Rescaling": 0.5}], None),
    "a name of an activation": ([{"Dense": {"units": 3, "activation": "swish"}}], "silu"),
    "an activation with arguments": (
        [{"Dense": {"units": 3, "activation": {"relu": {"max_value": 1.0}}}}],
        "relu",
    ),
}


@pytest.mark.parametrize("what", ENDS)
def test_the_last_activation_is_found_and_its_values_lie_in_its_range(what: str) -> None:
    layers, activation = ENDS[what]
    plan = driver.check(Source("spec.yaml", spec({"type": "tensor"}, layers)), Log())
    (output,) = plan.network.outputs
    found = ending_of(output.ref, endings(plan.network))
    assert (found.activation if found else None) == activation
    x = np.random.default_rng(1).normal(size=(200, 4)).astype("float32") * 9
    values = np.asarray(build(plan, Log())({"x": x})["y"])
    if activation in PROBABILITIES:
        assert values.min() >= 0
        assert values.max() <= 1 + 1e-6
    elif activation in NONNEGATIVE:
        assert values.min() >= 0
    elif activation == "linear":
        assert values.min() < 0


@pytest.mark.parametrize("name", NONNEGATIVE)
def test_an_activation_that_is_never_below_0_is_so_in_keras(name: str) -> None:
    values = np.asarray(
        getattr(keras.activations, name)(np.linspace(-9, 9, 99, dtype="float32")[:, None] * [1.0, -0.5])
    )
    assert values.min() >= 0
    assert name not in PROBABILITIES or values.max() <= 1


def test_a_thousand_steps_in_a_row_are_followed() -> None:
    layers = [{"Dense": 3}, *([{"Reshape": [3]}] * 3000), {"Reshape": [3]}]
    text = spec({"type": "category", "classes": 3}, layers, "sparse_categorical_crossentropy")
    assert found_in(text) == ["S402"]


def test_keras_indeed_makes_nothing_of_a_poisson_loss_below_zero() -> None:
    assert np.isnan(float(keras.losses.Poisson()(np.ones((2, 1)), -np.ones((2, 1)))))


def test_keras_indeed_takes_what_goes_into_ctc_for_raw_scores() -> None:
    labels, scores = np.array([[1, 2]]), np.random.default_rng(2).normal(size=(1, 4, 3)).astype("float32")
    loss = keras.losses.CTC()
    shifted = float(loss(labels, scores + 5.0))
    assert float(loss(labels, scores)) == pytest.approx(shifted, rel=1e-4)


def test_keras_indeed_finds_a_yes_in_every_score_without_a_threshold() -> None:
    score = keras.metrics.F1Score()
    score.update_state(np.array([[1.0], [0.0], [0.0], [1.0]]), np.array([[0.01], [0.01], [0.01], [0.01]]))
    assert float(np.asarray(score.result())[0]) == pytest.approx(2 / 3, rel=1e-4)


def test_keras_indeed_has_a_threshold_in_the_middle_of_probabilities_and_not_of_scores() -> None:
    yes, scores = np.array([[1.0], [1.0]]), np.array([[0.2], [0.3]], "float32")
    probable = keras.ops.sigmoid(scores)
    for metric, told in ((keras.metrics.BinaryAccuracy, {"threshold": 0}), (keras.metrics.Recall, {"thresholds": 0})):
        values = []
        for arguments, p in (({}, probable), ({}, scores), (told, scores)):
            made = metric(**arguments)
            made.update_state(yes, p)
            values.append(float(made.result()))
        assert values == [1.0, 0.0, 1.0]
