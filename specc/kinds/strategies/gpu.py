"""`gpu`: one GPU, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from specc.kinds.strategies._devices import gpus, missing


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU; on a machine without one the run is refused."""

    def create(self, tf: ModuleType) -> Any:
        if not gpus(tf):
            raise missing(tf, "GPU")
        return tf.distribute.OneDeviceStrategy("gpu:0")
