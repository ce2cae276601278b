"""Every metric on every pair of target and output: what Keras refuses, spreads out or answers always alike, is told."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from specc import catalog
from tests.meaning.specs import OUTPUTS, TARGETS, Array, Target, ending_in, findings, spec

REFUSALS = (ValueError, TypeError, IndexError, tf.errors.InvalidArgumentError)

GIVEN: dict[str, dict[str, Any]] = {
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.75},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "IoU": {"num_classes": 3, "target_class_ids": [0], "sparse_y_pred": False},
    "MeanIoU": {"num_classes": 3, "sparse_y_pred": False},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0]},
    "OneHotMeanIoU": {"num_classes": 3},
    "SparseTopKCategoricalAccuracy": {"k": 2},
    "TopKCategoricalAccuracy": {"k": 2},
    "FBetaScore": {"threshold": 0.3},
}
"""Arguments that metrics must have, or with which they have something to say of three classes."""

SPARSE = ("SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SparseCategoricalCrossentropy")
OVERLAPS = ("IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU")
STREAMS = ("Mean", "Sum")
TRIES = 6
"""How often another answer, and another target, may by chance be measured alike."""
CORRELATIONS = ("PearsonCorrelation", "ConcordanceCorrelation")
ENDINGS = {"Hinge": "tanh", "SquaredHinge": "tanh", "CategoricalHinge": "tanh", "Poisson": "exponential"}
JUDGED = [n for n in catalog.names("metrics") if n not in (*STREAMS, "accuracy")]


def measured(name: str, t: Array, p: Array) -> float:
    metric = getattr(keras.metrics, name)(**GIVEN.get(name, {}))
    metric.update_state(t, p)
    return float(np.mean(np.asarray(metric.result())))


def canonical(name: str, target: Target, t: Array, p: Array) -> tuple[Array, Array]:
    """The same values in the one form that nobody could misread, a ValueError where there is none.

    By class: numbers `[answers]` and scores `[answers, classes]`. By value: both `[answers, values]`.
    """
    width = p.shape[-1]
    sparse = name in SPARSE or (name in OVERLAPS and not name.startswith("OneHot"))
    if name in OVERLAPS and width != 3:
        raise ValueError("as many scores as `num_classes`")
    if sparse:
        lead = t[..., 0] if t.ndim == p.ndim and t.shape[-1] == 1 else t
        if lead.shape != p.shape[:-1] or (lead % 1).any() or target.classes not in (0, width):
            raise ValueError("not the number of one class for each answer")
        return lead.reshape(-1), p.reshape(-1, width)
    if t.size != p.size or t.ndim > p.ndim or (t.ndim < p.ndim and p.shape != (*t.shape, 1)):
        raise ValueError("not a value for each value")
    if t.ndim == p.ndim and t.shape != p.shape:
        raise ValueError("not a value for each value")
    # A dimension of 1 too many is dropped: the values of an answer are then those along the one before.
    width = t.shape[-1] if 1 < t.ndim < p.ndim else width
    if name in ("F1Score", "FBetaScore") and not np.isin(t, (0, 1)).all():
        raise ValueError("not yes and no")
    return t.reshape(-1, width), p.reshape(-1, width)


def works(name: str, target: Target, output: tuple[int, ...], rng: np.random.Generator) -> bool:
    """Does Keras measure what the canonical form measures, and not the same of whatever is answered?"""
    below = output[-1] if name in (*SPARSE, *OVERLAPS) else 9 if name in CORRELATIONS else 2
    t = np.concatenate([target.draw(rng, 0, below) for _ in range(8)])
    if target.feature.get("shape") and "dtype" not in target.feature and name not in CORRELATIONS:
        t = np.round(t)
    if name == "KLDivergence" and (t.ndim == 1 or t.shape[-1] == 1):
        t = np.zeros_like(t)  # Where the right answer is no, every answer should not be as good.

    def answers() -> Array:
        p = rng.uniform(0.02, 0.98, (len(t), *output)).astype("float32")
        return p / p.sum(-1, keepdims=True) if output[-1] > 1 and name not in ENDINGS else p

    def targets() -> Array:
        return t + 1 if target.is_number else rng.permutation(t) if t.any() or name in SPARSE else 1 - t

    p = answers()
    try:
        given = measured(name, t, p)
        if not np.isclose(given, measured(name, *canonical(name, target, t, p)), rtol=1e-3, atol=1e-5):
            return False
        by_answer = any(abs(given - measured(name, t, answers())) > 1e-6 for _ in range(TRIES))
        return by_answer and any(abs(given - measured(name, targets(), p)) > 1e-6 for _ in range(TRIES))
    except REFUSALS:
        return False


@pytest.mark.parametrize("name", JUDGED)
def test_a_metric_is_refused_exactly_where_keras_measures_something_else(name: str) -> None:
    rng, wrong = np.random.default_rng(8), []
    for what, target in TARGETS.items():
        for output in OUTPUTS:
            with warnings.catch_warnings(action="ignore"):
                good = works(name, target, output, rng)
            ending = ENDINGS.get(name) or ("softmax" if output[-1] > 1 else "sigmoid")
            layers, shape = ending_in(output, ending)
            asked: Any = {name: GIVEN[name]} if name in GIVEN else name
            found = findings(spec(target.feature, layers, "mse", [asked], shape))
            complaints = [d.message for d in found if d.code.id == "S404" or d.code.id == "S405"]
            if good is bool(complaints):
                wrong.append((what, output, f"Keras {'measures' if good else 'does not measure'} it", complaints))
    assert not wrong, "\n".join(map(str, wrong))
