"""`keras`: the network alone, on prepared tensors, to be looked into or trained further with Keras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from specc.kinds.exporters import FLOAT32, Form, Served


@dataclass(frozen=True, slots=True)
class Keras:
    """A `.keras` file that plain Keras loads; it takes prepared tensors by input name."""

    artefact: ClassVar[str] = "model.keras"
    forms: ClassVar[tuple[tuple[Form, ...], ...]] = (("prepared",),)
    packages: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[bool] = False
    float32: ClassVar[bool] = False
    barred: ClassVar[tuple[str, ...]] = ()
    bound: ClassVar[float] = FLOAT32
    strays: ClassVar[float] = 0.0
    reading: ClassVar[str] = """\
import keras

model = keras.saving.load_model(path)

def answer(form, fields):
    return model(fields, training=False)
"""

    @property
    def trial(self) -> None:
        return None

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        served.model.save(path)
