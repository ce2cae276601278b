"""`python`: the network as plain Keras Python, with its weights beside it, to be read, changed and trained further."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from specc.kinds.exporters import FLOAT32, Form, Served


@dataclass(frozen=True, slots=True)
class Python:
    """A folder with `model.py`, which needs Keras alone, and its weights in `model.weights.h5`.

    It takes raw fields by `prepare` where a script can prepare them, else prepared tensors. What was learnt from the
    data stands in it as constants; where that is long, in `learnt.json`.
    """

    artefact: ClassVar[str] = "python"
    forms: ClassVar[tuple[tuple[Form, ...], ...]] = (("raw", "prepared"), ("prepared",))
    packages: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[bool] = True
    float32: ClassVar[bool] = False
    barred: ClassVar[tuple[str, ...]] = ()
    bound: ClassVar[float] = FLOAT32
    strays: ClassVar[float] = 0.0
    reading: ClassVar[str] = """\
import sys

sys.path.insert(0, path)
import model

network = model.build_model()
network.load_weights(f"{path}/model.weights.h5")

def answer(form, fields):
    outputs = network(model.prepare(fields) if form == "raw" else fields, training=False)
    return model.restore(outputs) if form == "raw" and hasattr(model, "restore") else outputs
"""

    @property
    def trial(self) -> None:
        return None

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        module = served.module()
        path.mkdir()
        (path / "model.py").write_text(module.code, encoding="utf-8")
        if module.beside is not None:
            (path / "learnt.json").write_text(json.dumps(module.beside, ensure_ascii=False), encoding="utf-8")
        served.model.save_weights(path / "model.weights.h5")
