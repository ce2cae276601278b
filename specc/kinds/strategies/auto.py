"""`auto`: whatever this machine has."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from specc.kinds.strategies._devices import gpus, mirrored


@dataclass(frozen=True, slots=True)
class Auto:
    """All GPUs of the machine where it has several, its GPU where it has one, else the CPU."""

    def create(self, tf: ModuleType) -> Any:
        found = gpus(tf)
        if len(found) > 1:
            return mirrored(tf, tuple(found))
        return tf.distribute.OneDeviceStrategy(found[0] if found else "cpu:0")
