"""Answers that are numbers, held against the truth: how far they are off, how that is spread, and where it is worst."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import numpy as np

from specc.kinds.arrays import Array

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

KEPT = 2 * 10**7
"""So many residuals of an output are kept for its quantiles."""

POINTS = 1000
"""So many of its first examples are drawn."""

WORST = 10
"""So many examples are named."""


@dataclass(slots=True, eq=False)
class Residuals:
    """Sums over all numbers of an output; a residual is the target less the answer, in the units of the data."""

    weight: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    mean: float = 0.0
    spread: float = 0.0
    """The sum of squared distances of targets from their mean."""
    kept: list[Array] = field(default_factory=list)
    size: int = 0
    points: list[list[float]] = field(default_factory=list)
    worst: list[tuple[float, int, Any, Any]] = field(default_factory=list)

    def add(self, answer: Array, target: Array, weight: Array, example: Array) -> None:
        """Some examples: answers and targets `[n, numbers]`, weights `[n, numbers]`, numbers of examples `[n]`."""
        off = target - answer
        total = float(weight.sum())
        if total <= 0:
            return
        self.absolute += float((weight * np.abs(off)).sum())
        self.squared += float((weight * off**2).sum())
        mean = float((weight * target).sum()) / total
        apart = mean - self.mean
        self.spread += float((weight * (target - mean) ** 2).sum())
        self.spread += apart**2 * self.weight * total / (self.weight + total)
        self.weight += total
        self.mean += apart * total / self.weight
        self.size += off.size
        self.kept = [*self.kept, off[weight > 0].astype(np.float32)] if self.size <= KEPT else []
        there = weight > 0
        if (room := POINTS - len(self.points)) > 0:
            self.points += np.stack([target[there][:room], answer[there][:room]], axis=1).tolist()
        far = np.where(there, np.abs(off), 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        ahead = np.argsort(-far, kind="stable")[:WORST]
        some = [(float(far[n]), int(example[n]), target[n].tolist(), answer[n].tolist()) for n in ahead.tolist()]
        self.worst = nlargest(WORST, [*self.worst, *some], key=lambda one: one[0])

    def report(self) -> dict[str, Any]:
        """All figures; of the worst `example` is the number in the split."""
        if not self.weight:
            return {"kind": "numbers", "count": 0}
        quantiles = None
        if self.kept:
            found = np.quantile(np.concatenate(self.kept).astype(np.float64), QUANTILES)
            quantiles = {f"{part:g}": value for part, value in zip(QUANTILES, found.tolist(), strict=True)}
        return {
            "kind": "numbers",
            "count": int(self.weight) if self.weight.is_integer() else self.weight,
            "mae": self.absolute / self.weight,
            "rmse": (self.squared / self.weight) ** 0.5,
            "r2": 1 - self.squared / self.spread if self.spread else None,
            "residuals": quantiles,
            "histogram": self._histogram(),
            "points": self.points,
            "worst": [
                {"example": n, "target": _one(target), "answer": _one(answer), "off": off}
                for off, n, target, answer in self.worst
            ],
        }

    def _histogram(self) -> dict[str, Any] | None:
        if not self.kept:
            return None
        counts, edges = np.histogram(np.concatenate(self.kept).astype(np.float64), bins=30)
        return {"counts": counts.tolist(), "edges": edges.tolist()}


def _one(values: list[float]) -> Any:
    return values[0] if len(values) == 1 else values[:8]
