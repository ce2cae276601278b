"""How fast training is, and how much of its time it waits."""

from __future__ import annotations

from dataclasses import dataclass


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
