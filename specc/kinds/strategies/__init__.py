"""Strategies: where the training loop runs."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Protocol

COMMAND = "SPECC_COMMAND"
"""Beside `TF_CONFIG` in the environment of a process that is one of several: the command that started them all."""


class Strategy(Protocol):
    """A file of this folder: frozen, its fields the arguments of the strategy.

    One whose cluster has processes that only serve has a method `serve(tf)` as well: it returns True when they have
    served, and False, at once, in the process that runs.
    """

    def create(self, tf: ModuleType) -> Any:
        """The `tf.distribute.Strategy`.

        Raises:
            Refusal: S601 when this machine has no such devices, saying what there is.
        """
