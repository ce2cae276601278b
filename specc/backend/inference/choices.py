"""Answers that are classes, held against the truth: confusion, precision and recall, calibration, curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import numpy as np

from specc.backend.inference.curves import curves
from specc.kinds.arrays import Array

BINS = 10
"""Into so many equal parts probabilities are divided to see how often they hold."""

SCORES = 2 * 10**7
"""So many scores of an output are kept for its curves."""

DRAWN = 20
"""Of no more classes the points of curves are given; areas are those of all."""

PAIRS = 1000
"""Of no more classes it is counted which is taken for which."""

WORST = 10
"""So many mistakes are named."""


@dataclass(slots=True, eq=False)
class Reliability:
    """How often what is held to be so likely is so: sums of each part of the probabilities from 0 to 1."""

    count: Array = field(default_factory=lambda: np.zeros(BINS))
    said: Array = field(default_factory=lambda: np.zeros(BINS))
    true: Array = field(default_factory=lambda: np.zeros(BINS))

    def add(self, probability: Array, truth: Array, weight: Array) -> None:
        """Probabilities, whether it was so, and how much each counts: `[n]` each."""
        place = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], probability)
        self.count += np.bincount(place, weight, BINS)
        self.said += np.bincount(place, weight * probability, BINS)
        self.true += np.bincount(place, weight * truth, BINS)

    def report(self) -> dict[str, Any]:
        """The parts that are not empty, and the expected calibration error: the mean distance, by their counts."""
        there = np.flatnonzero(self.count > 0)
        said, true = self.said[there] / self.count[there], self.true[there] / self.count[there]
        share = self.count[there] / self.count.sum() if len(there) else np.zeros(0)
        bins = [
            {"from": n / BINS, "to": (n + 1) / BINS, "count": _count(c), "confidence": s, "accuracy": t}
            for n, c, s, t in zip(there.tolist(), self.count[there].tolist(), said.tolist(), true.tolist(), strict=True)
        ]
        return {"ece": float(np.sum(share * np.abs(said - true))), "bins": bins}


@dataclass(slots=True, eq=False)
class Scores:
    """Scores and truths kept for curves, while there are not too many."""

    parts: list[tuple[Array, Array, Array]] = field(default_factory=list)
    size: int = 0

    def add(self, score: Array, truth: Array, weight: Array) -> None:
        """Scores `[n, classes]`; the truth `[n]` of numbers of classes, or `[n, classes]` of yes and no."""
        self.size += score.size
        if self.size <= SCORES:
            self.parts.append((score.astype(np.float32), truth, weight.astype(np.float32)))
        else:
            self.parts = []

    def report(self, classes: int, per_class: list[dict[str, Any]], names: Sequence[Any]) -> dict[str, Any]:
        """The curves, by class; their areas are put `per_class`."""
        if self.size > SCORES:
            return {"curves": None, "curves_left_out": f"there are more than {SCORES:,} scores"}
        if not self.parts:
            return {"curves": {}}
        score, truth, weight = (np.concatenate([part[n] for part in self.parts]) for n in range(3))
        drawn = {}
        for number, of in zip(range(score.shape[1]), per_class[-score.shape[1] :], strict=True):
            number_of = classes - score.shape[1] + number
            is_so = truth[:, number] if truth.ndim == 2 else truth == number_of
            found = curves(is_so.astype(bool), score[:, number], weight)
            of.update({"roc_auc": None, "average_precision": None} if found is None else found.areas())
            if found is not None and score.shape[1] <= DRAWN:
                drawn[str(names[number_of])] = found.points()
        return {"curves": drawn}


@dataclass(slots=True, eq=False)
class Choices:
    """One class of several for each example, or for each of its positions; yes or no where there is one score."""

    names: Sequence[Any]
    likely: bool
    threshold: float | None = None
    """From which score on yes is answered; None where the highest of several is the answer."""
    confusion: Array | None = field(init=False)
    right: Array = field(init=False)
    answered: Array = field(init=False)
    true: Array = field(init=False)
    reliability: Reliability = field(default_factory=Reliability)
    scores: Scores = field(default_factory=Scores)
    worst: list[tuple[float, int, Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        size = len(self.names)
        self.confusion = np.zeros((size, size)) if size <= PAIRS else None
        self.right, self.answered, self.true = (np.zeros(size) for _ in range(3))

    def add(self, score: Array, truth: Array, weight: Array, example: Array) -> None:
        """Some positions: scores `[n, classes]` or `[n, 1]`, true classes `[n]`, and of which example each is."""
        if self.threshold is None:
            answer, sure = score.argmax(axis=1), score.max(axis=1)
        else:
            answer, sure = (score[:, 0] >= self.threshold).astype(int), np.abs(score[:, 0] - self.threshold)
        size = len(self.names)
        self.right += np.bincount(truth, weight * (answer == truth), size)
        self.answered += np.bincount(answer, weight, size)
        self.true += np.bincount(truth, weight, size)
        if self.confusion is not None:
            self.confusion += np.bincount(truth * size + answer, weight, size * size).reshape(size, size)
        if self.likely and self.threshold is None:
            self.reliability.add(sure, answer == truth, weight)
        elif self.likely:
            self.reliability.add(score[:, 0], truth == 1, weight)
        self.scores.add(score, truth, weight)
        wrong = np.flatnonzero((answer != truth) & (weight > 0))
        wrong = wrong[np.argsort(-sure[wrong], kind="stable")[:WORST]]
        told = score[:, 0] if self.threshold is not None else sure
        mistakes = [
            (float(sure[n]), int(example[n]), (int(truth[n]), int(answer[n])), float(told[n])) for n in wrong.tolist()
        ]
        self.worst = nlargest(WORST, [*self.worst, *mistakes], key=lambda one: one[0])

    def report(self) -> dict[str, Any]:
        """All figures; of the worst mistakes `example` is the number in the split."""
        total = self.true.sum()
        sums = list(zip(self.right, self.answered, self.true, strict=True))
        per_class = [{"class": name, **_rates(*of)} for name, of in zip(self.names, sums, strict=True)]
        met = [one for one, (_, answered, true) in zip(per_class, sums, strict=True) if answered + true]
        drawn = self.scores.report(len(self.names), per_class, self.names)
        if self.threshold is not None:
            per_class[0].update({"roc_auc": None, "average_precision": None})
        return {
            "kind": "classes",
            "count": _count(total),
            "accuracy": float(self.right.sum() / total) if total else None,
            "per_class": per_class,
            "macro": _macro(met),
            "confusion": None
            if self.confusion is None
            else [[_count(cell) for cell in row] for row in self.confusion.tolist()],
            "calibration": self.reliability.report() if self.likely else None,
            **drawn,
            "worst": [
                {"example": n, "target": self.names[truth], "answer": self.names[answer], "score": score}
                for _, n, (truth, answer), score in self.worst
            ],
        }


@dataclass(slots=True, eq=False)
class Labels:
    """A set of classes for each example: a question of yes or no for every class."""

    names: Sequence[Any]
    likely: bool
    threshold: float
    hits: Array = field(init=False)
    answered: Array = field(init=False)
    true: Array = field(init=False)
    total: float = 0.0
    exact: float = 0.0
    reliability: Reliability = field(default_factory=Reliability)
    scores: Scores = field(default_factory=Scores)

    def __post_init__(self) -> None:
        self.hits, self.answered, self.true = (np.zeros(len(self.names)) for _ in range(3))

    def add(self, score: Array, truth: Array, weight: Array, example: Array) -> None:
        """Some examples: scores and truths `[n, classes]`."""
        answer, is_so = score >= self.threshold, truth > 0.5
        self.hits += weight @ (answer & is_so)
        self.answered += weight @ answer
        self.true += weight @ is_so
        self.total += float(weight.sum())
        self.exact += float(weight @ (answer == is_so).all(axis=1))
        if self.likely:
            self.reliability.add(score.reshape(-1), is_so.reshape(-1), np.repeat(weight, score.shape[1]))
        self.scores.add(score, is_so, weight)

    def report(self) -> dict[str, Any]:
        """All figures."""
        per_class = [
            {"class": name, **_rates(*numbers)}
            for name, *numbers in zip(self.names, self.hits, self.answered, self.true, strict=True)
        ]
        drawn = self.scores.report(len(self.names), per_class, self.names)
        return {
            "kind": "labels",
            "count": _count(self.total),
            "accuracy": self.exact / self.total if self.total else None,
            "per_class": per_class,
            "macro": _macro(per_class),
            "calibration": self.reliability.report() if self.likely else None,
            **drawn,
        }


def _rates(right: float, answered: float, true: float) -> dict[str, Any]:
    """Precision, recall and their harmonic mean, 0 where there is nothing to divide by; and how often it is true."""
    precision = float(right / answered) if answered else 0.0
    recall = float(right / true) if true else 0.0
    f1 = float(2 * right / (answered + true)) if answered + true else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "support": _count(true)}


def _macro(per_class: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean over classes; of an area over those that have one."""
    means = {}
    for name in ("precision", "recall", "f1", "roc_auc", "average_precision"):
        known = [one[name] for one in per_class if one.get(name) is not None]
        means[name] = sum(known) / len(known) if known else None
    return means


def _count(weight: float) -> int | float:
    """A whole number where examples count as they are."""
    return int(weight) if float(weight).is_integer() else float(weight)
