"""`keras`: the network alone, on prepared tensors, to be looked into or trained further with Keras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from specc.kinds.exporters import Served


@dataclass(frozen=True, slots=True)
class Keras:
    """A `.keras` file that plain Keras loads; it takes prepared tensors by input name."""

    artefact: ClassVar[str] = "model.keras"
    raw: ClassVar[bool] = False
    barred: ClassVar[tuple[str, ...]] = ()
    reading: ClassVar[str] = """\
import keras

model = keras.saving.load_model(path)

def answer(fields):
    return model(fields, training=False)
"""

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        served.model.save(path)
