"""How well scores part what is of a class from what is not: ROC and precision-recall, and what lies under them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from specc.kinds.arrays import Array

POINTS = 200
"""A curve is drawn by so many points; the areas are of all."""


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Areas under both curves, and their points: `[false positives, true positives]`, `[recall, precision]`."""

    roc_auc: float
    average_precision: float
    roc: list[list[float]]
    precision_recall: list[list[float]]

    def areas(self) -> dict[str, Any]:
        """As a report has them."""
        return {"roc_auc": self.roc_auc, "average_precision": self.average_precision}

    def points(self) -> dict[str, Any]:
        """As a report has them."""
        return {"roc": self.roc, "precision_recall": self.precision_recall}


def curves(truth: Array, score: Array, weight: Array | None = None) -> Curves | None:
    """The curves of one class; None where all examples are of it or none is.

    Args:
        truth: bool `[examples]`. score: `[examples]`, the higher the surer. weight: how much each counts.
    """
    order = np.argsort(-score, kind="stable")
    truth, score = truth[order], score[order]
    counts = np.ones(len(truth)) if weight is None else np.asarray(weight, np.float64)[order]
    # Examples of equal score come to be answered together.
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1) if len(score) else np.zeros(0, int)
    right = np.cumsum(counts * truth)[ends]
    wrong = np.cumsum(counts * ~truth)[ends]
    if not len(ends) or right[-1] <= 0 or wrong[-1] <= 0:
        return None
    answered = right + wrong
    precision = np.divide(right, answered, out=np.ones_like(right), where=answered > 0)
    recall, false = right / right[-1], wrong / wrong[-1]
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    recall_0, false_0 = np.append(0.0, recall), np.append(0.0, false)
    area = float(np.sum(np.diff(false_0) * (recall_0[1:] + recall_0[:-1]) / 2))
    return Curves(
        area,
        average,
        _thinned(false_0, recall_0),
        _thinned(np.append(0.0, recall), np.append(1.0, precision)),
    )


def _thinned(x: Array, y: Array) -> list[list[float]]:
    some = np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).astype(int))
    points: list[list[float]] = np.stack([x[some], y[some]], axis=1).tolist()
    return points
