"""`cpu`: the CPU, also where there is a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from specc.kinds.strategies._devices import without_gpus


@dataclass(frozen=True, slots=True)
class Cpu:
    """The CPU, also on a machine with a GPU."""

    def create(self, tf: ModuleType) -> Any:
        without_gpus(tf)
        return tf.distribute.OneDeviceStrategy("cpu:0")
