"""Whether XLA's program of a step is faster than TensorFlow's own: found out while training, by steps that count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from specc.backend.training.steps import Steps

WORTH = 60.0
"""Seconds of training that must be left: compiling takes some of them."""
TIMES = 20.0
"""They must be so many times what TensorFlow's own program took to be made as well; XLA takes a few times as long."""
CALLS = 4
"""Calls of each that are compared, by the fastest of them: whatever else a machine does makes a call slower."""
GAIN = 1.05
HOPELESS = 1.5
"""How many times slower the first call may be; convolutions and random numbers can be ten times slower on a CPU."""


@dataclass(slots=True)
class Trial:
    """Of `steps` that are not compiled by XLA yet; `promising` says whether they can be, and are worth a trial.

    Both programs take the same steps on the same data, up to rounding and the numbers that are drawn for dropout.
    """

    steps: Steps
    promising: Callable[[], bool]
    _made: float | None = None
    _own: list[float] = field(default_factory=list)
    _theirs: list[float] = field(default_factory=list)
    _compiled: bool = False
    _over: bool = False

    @property
    def compiling(self) -> bool:
        """Whether the next call is the first one of XLA's program."""
        return self.steps.xla and not self._compiled and not self._over

    def before(self, left: int) -> bool:
        """Before a call, when so many steps of training are left: whether the trial begins with it."""
        if self._over or self.steps.xla or self._made is None or len(self._own) < CALLS:
            return False
        if left * min(self._own) < max(WORTH, TIMES * self._made):
            return False
        self.steps.xla = self.promising()
        self._over = not self.steps.xla
        return self.steps.xla

    def took(self, steps: int, seconds: float) -> None:
        """After a call: what it says of the program that made it."""
        if self._over:
            return
        if not self.steps.xla:
            if self._made is None:
                self._made = seconds
            else:
                self._own = [*self._own[1 - CALLS :], seconds / steps]
        elif not self._compiled:
            self._compiled = True
        else:
            self._theirs.append(seconds / steps)
            best, own = min(self._theirs), min(self._own)
            if len(self._theirs) == CALLS or best > own * HOPELESS:
                self._over = True
                self.steps.xla = best * GAIN < own

    def give_up(self) -> None:
        """XLA's program cannot be made: no step was taken."""
        self._over, self.steps.xla = True, False
