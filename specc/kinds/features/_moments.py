"""Mean, deviation and range of values that come some at a time, as if all had come at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

from specc.kinds.arrays import Array, np


@dataclass(slots=True)
class Moments:
    """How many values there were, their mean, the squared distances from it summed, the least and the greatest."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    least: float = inf
    greatest: float = -inf

    @property
    def deviation(self) -> float:
        """That of the whole, divided by the count as scikit-learn does."""
        return sqrt(self.squares / self.count) if self.count else 0.0

    def add(self, values: Array) -> None:
        """Count finite float64 values."""
        if len(values):
            mean = float(values.mean())
            squares = float(np.square(values - mean).sum())
            self._merge(len(values), mean, squares, float(values.min()), float(values.max()))

    def repeat(self, value: float, count: int) -> None:
        """Count one value so many times."""
        if count:
            self._merge(count, value, 0.0, value, value)

    def _merge(self, count: int, mean: float, squares: float, least: float, greatest: float) -> None:
        """Chan, Golub and LeVeque 1979: the moments of two parts together."""
        both, apart = self.count + count, mean - self.mean
        self.squares += squares + apart * apart * self.count * count / both
        self.mean += apart * count / both
        self.count = both
        self.least, self.greatest = min(self.least, least), max(self.greatest, greatest)
