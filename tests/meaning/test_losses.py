"""Every loss on every pair of target and output: what Keras refuses, or spreads out in silence, is told; no more is."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from specc import catalog
from tests.meaning.specs import EXAMPLES, OUTPUTS, TARGETS, Array, Target, ending_in, findings, spec

E = 1e-7
REFUSALS = (ValueError, TypeError, tf.errors.InvalidArgumentError)

FORMULAS: dict[str, Callable[[Array, Array], Array]] = {
    "MeanSquaredError": lambda t, p: ((t - p) ** 2).mean(-1),
    "MeanAbsoluteError": lambda t, p: abs(t - p).mean(-1),
    "MeanAbsolutePercentageError": lambda t, p: 100 * abs((t - p) / np.maximum(abs(t), E)).mean(-1),
    "MeanSquaredLogarithmicError": lambda t, p: (
        (np.log(np.maximum(t, E) + 1) - np.log(np.maximum(p, E) + 1)) ** 2
    ).mean(-1),
    "CosineSimilarity": lambda t, p: -_unit(t, p),
    "Huber": lambda t, p: np.where(abs(t - p) <= 1, (t - p) ** 2 / 2, abs(t - p) - 0.5).mean(-1),
    "LogCosh": lambda t, p: np.log(np.cosh(p - t)).mean(-1),
    "Hinge": lambda t, p: np.maximum(1 - _signs(t) * p, 0).mean(-1),
    "SquaredHinge": lambda t, p: (np.maximum(1 - _signs(t) * p, 0) ** 2).mean(-1),
    "CategoricalHinge": lambda t, p: np.maximum(((1 - t) * p).max(-1) - (t * p).sum(-1) + 1, 0),
    "KLDivergence": lambda t, p: (np.clip(t, E, 1) * np.log(np.clip(t, E, 1) / np.clip(p, E, 1))).sum(-1),
    "Poisson": lambda t, p: (p - t * np.log(p + E)).mean(-1),
    "BinaryCrossentropy": lambda t, p: -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(-1),
    "BinaryFocalCrossentropy": lambda t, p: (
        (1 - (t * p + (1 - t) * (1 - p))) ** 2 * -(t * np.log(p) + (1 - t) * np.log(1 - p))
    ).mean(-1),
    "CategoricalCrossentropy": lambda t, p: -(t * np.log(_shares(p))).sum(-1),
    "CategoricalFocalCrossentropy": lambda t, p: (
        0.25 * (1 - _shares(p)) ** 2 * -t * np.log(np.clip(_shares(p), E, 1 - E))
    ).sum(-1),
    "Dice": lambda t, p: np.array(1 - 2 * (t * p).sum() / (t.sum() + p.sum() + E)),
    "Tversky": lambda t, p: np.array(
        1 - (t * p).sum() / ((t * p).sum() + ((1 - p) * t).sum() / 2 + (p * (1 - t)).sum() / 2 + E)
    ),
}
"""Losses that compare value by value, over the last dimension of two arrays of one shape."""

BY_CLASS: dict[str, Callable[[Array], Array]] = {
    "SparseCategoricalCrossentropy": lambda right: -np.log(right),
    "CategoricalGeneralizedCrossEntropy": lambda right: (1 - np.sqrt(right)) / 0.5,
}
"""Losses of the share that the right class was given."""

ACTIVATIONS = {
    **dict.fromkeys(("Hinge", "SquaredHinge", "CategoricalHinge", "CTC"), "linear"),
    "Poisson": "exponential",
    "Circle": "linear",
}


def _signs(t: Array) -> Array:
    return 2 * t - 1 if np.isin(t, (0, 1)).all() else t


def _shares(p: Array) -> Array:
    return p / p.sum(-1, keepdims=True)


def _unit(t: Array, p: Array) -> Array:
    return (t * p).sum(-1) / np.linalg.norm(t, axis=-1) / np.linalg.norm(p, axis=-1)


def same_rank(t: Array, p: Array) -> tuple[Array, Array]:
    """Two arrays of one shape, a last dimension of 1 apart; a ValueError where there are not as many values in both."""
    if t.shape == p.shape:
        return t, p
    for one, other in ((t, p), (p, t)):
        if one.shape == (*other.shape, 1):
            return (
                (t.reshape(other.shape), p.reshape(other.shape))
                if other.ndim > 1
                else (t.reshape(-1, 1), p.reshape(-1, 1))
            )
    raise ValueError(f"{t.shape} against {p.shape}")


def independent(name: str, target: Target, t: Array, p: Array) -> float:
    """The loss as its formula has it; a ValueError where target and output are nothing to compare by it."""
    if name in BY_CLASS:
        if t.ndim == p.ndim and t.shape[-1] == 1 and name == "SparseCategoricalCrossentropy":
            t = t[..., 0]
        if t.shape != p.shape[:-1] or (t % 1).any() or t.max() >= p.shape[-1]:
            raise ValueError("not one class for each answer")
        if target.classes not in (0, p.shape[-1]):
            raise ValueError("not one score for each class")
        right = np.take_along_axis(_shares(p) if "Crossentropy" in name else p, t.astype(int)[..., None], -1)
        return float(BY_CLASS[name](right).mean())
    if target.shape == () and target.classes > 2:
        raise ValueError("the number of a class is no value")
    return float(FORMULAS[name](*same_rank(t, p)).mean())


def works(name: str, target: Target, output: tuple[int, ...], rng: np.random.Generator) -> bool:
    """Does Keras compute what the loss says, and something else for another answer, and for another target?"""
    loss, by_answer, by_target = getattr(keras.losses, name)(), [0.0], [0.0]
    for _ in range(2):
        counts = {"MeanAbsolutePercentageError": (1, 4), "KLDivergence": (0, 2)}.get(name, (0, 3))
        t = target.draw(rng, *((0, output[-1]) if name in BY_CLASS else counts))
        p = rng.uniform(0.05, 0.95, (EXAMPLES, *output)).astype("float32")
        if ACTIVATIONS.get(name) is None and output[-1] > 1 and name not in ("Dice", "Tversky"):
            p = _shares(p)
        try:
            wanted = independent(name, target, t, p)
            given = float(loss(t, p))
        except REFUSALS:
            return False
        if not np.isclose(given, wanted, rtol=1e-3, atol=1e-5):
            return False
        other = rng.uniform(0.05, 0.95, p.shape).astype("float32")
        # Of single values each by itself has to be told; of a batch without a yes, losses of a batch say nothing.
        single = (p.shape[-1] == 1 and t.ndim != 2) or t.shape[-1] == 1
        lowest = np.full_like(t, t.min()) if single and name not in ("Dice", "Tversky") else t
        by_answer.append(abs(float(loss(lowest, p)) - float(loss(lowest, other))))
        by_target.append(abs(given - float(loss(t[::-1] if target.classes or name in BY_CLASS else t + 1, p))))
    return 1e-5 < max(by_answer) < 1e6 and max(by_target) > 1e-5


def activation(name: str, output: tuple[int, ...]) -> str:
    """One that the loss has nothing against."""
    return ACTIVATIONS.get(name) or ("softmax" if output[-1] > 1 else "sigmoid")


def told(name: str, target: Target, output: tuple[int, ...]) -> list[str]:
    layers, shape = ending_in(output, activation(name, output))
    return [f"{d.code}: {d.message}" for d in findings(spec(target.feature, layers, name, shape=shape))]


@pytest.mark.parametrize("name", sorted({*FORMULAS, *BY_CLASS}))
def test_a_loss_is_refused_exactly_where_keras_computes_something_else(name: str) -> None:
    rng, wrong = np.random.default_rng(3), []
    for what, target in TARGETS.items():
        for output in OUTPUTS:
            with warnings.catch_warnings(action="ignore"):
                good = works(name, target, output, rng)
            if good is bool(complaints := told(name, target, output)):
                wrong.append((what, output, f"Keras {'computes' if good else 'does not compute'} it", complaints))
    assert not wrong, "\n".join(map(str, wrong))


def test_every_loss_of_keras_is_judged() -> None:
    assert {*FORMULAS, *BY_CLASS, "CTC", "Circle"} == set(catalog.names("losses"))


@pytest.mark.parametrize("name", ["CTC", "Circle"])
def test_a_loss_of_whole_rows_is_refused_exactly_where_keras_refuses_it(name: str) -> None:
    wrong = []
    for what, target in TARGETS.items():
        for output in OUTPUTS:
            rng = np.random.default_rng(5)
            t = target.draw(rng, 0, output[-1])
            whole = target.feature["type"] != "binary" if name == "CTC" else target.feature.get("encode") != "one_hot"
            whole = whole and not (t % 1).any()
            p = rng.normal(size=(EXAMPLES, *output)).astype("float32")
            if name == "Circle":
                p /= np.linalg.norm(p, axis=-1, keepdims=True)
            try:
                each = getattr(keras.losses, name)(reduction=None)(t, p).numpy()
                good = whole and each.shape == (EXAMPLES,) and each.std() > 0
            except REFUSALS:
                good = False
            layers, shape = ending_in(output, "linear")
            if name == "Circle":
                layers.append("UnitNormalization")
            complaints = [d.message for d in findings(spec(target.feature, layers, name, shape=shape))]
            if good is bool(complaints):
                wrong.append((what, output, good, complaints))
    assert not wrong, "\n".join(map(str, wrong))
