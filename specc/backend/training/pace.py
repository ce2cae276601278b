"""How many steps to take in one call of the compiled loop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SECONDS = 0.25
"""What a call should take: long enough that Python costs nothing, short enough for a progress bar and Ctrl-C."""

GROWTH = 8


@dataclass(slots=True)
class Pace:
    """Starts with one step, to fail fast, and grows to what fills `SECONDS`; or keeps to `fixed` steps.

    `strides` hold a call back at their multiples, for what acts every so many steps.
    """

    fixed: int | None = None
    strides: Sequence[int] = ()
    chosen: int = 1
    _measured: bool = False

    def steps(self, done: int, left: int) -> int:
        """Steps of the next call, when `done` steps were taken so far and `left` remain of the epoch."""
        steps = min(self.fixed or self.chosen, left)
        return min([steps, *(stride - done % stride for stride in self.strides)])

    def took(self, steps: int, seconds: float) -> None:
        """Tell how long a call was; the first is not counted, since it traced and compiled."""
        if self.fixed is not None:
            self.chosen = self.fixed
        elif not self._measured:
            self._measured = True
            self.chosen = 2
        elif steps >= self.chosen:
            self.chosen = max(1, min(self.chosen * GROWTH, int(SECONDS * steps / max(seconds, 1e-9))))


def stride(callbacks: Iterable[Any]) -> int | None:
    """The least number of steps after which a callback wants to act, where one counts steps."""
    wanted = [getattr(callback, name, None) for callback in callbacks for name in ("save_freq", "update_freq")]
    counts = [1 if value == "batch" else value for value in wanted if value == "batch" or isinstance(value, int)]
    return min(counts, default=None)


@dataclass(slots=True)
class Clock:
    """Examples a second of training and the share of waiting, the first call left out because it compiles."""

    examples: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    _started: bool = False

    def compiling(self) -> None:
        """The next call will compile."""
        self._started = False

    def took(self, examples: float, seconds: float, waited: float) -> None:
        """Count a call of the compiled loop."""
        if self._started:
            self.examples += examples
            self.seconds += seconds
            self.waited += waited
        self._started = True

    @property
    def rate(self) -> float:
        """Examples a second so far, 0 before the second call."""
        return self.examples / self.seconds if self.seconds else 0.0

    @property
    def waiting(self) -> float:
        """What part of the time was spent waiting for data, 0 before the second call; NaN where that is not known."""
        return min(self.waited / self.seconds, 1.0) if self.seconds else 0.0
