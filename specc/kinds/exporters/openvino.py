"""`openvino`: for Intel's processors, graphics and accelerators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from specc.kinds.exporters import FLOAT32, Form, Served


@dataclass(frozen=True, slots=True)
class Openvino:
    """A folder with OpenVINO's `model.xml` and `model.bin`, float32; raw fields where it can, else prepared tensors."""

    artefact: ClassVar[str] = "openvino"
    forms: ClassVar[tuple[tuple[Form, ...], ...]] = (("raw",), ("prepared",))
    packages: ClassVar[tuple[str, ...]] = ("openvino",)
    reads: ClassVar[bool] = False
    float32: ClassVar[bool] = True
    barred: ClassVar[tuple[str, ...]] = ("tensorflow", "keras")
    bound: ClassVar[float] = FLOAT32
    strays: ClassVar[float] = 0.0
    reading: ClassVar[str] = """\
import openvino

# Processors that have bfloat16 would else compute in it.
model = openvino.compile_model(f"{path}/model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
names = [given.any_name for given in model.inputs]

def answer(form, fields):
    found = model({name: fields[name] for name in names})
    return {output.any_name: values for output, values in found.items()}
"""

    @property
    def trial(self) -> None:
        return None

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        import openvino

        served.refuse_strings()
        traced = served.traced(tf)
        model = openvino.convert_model(traced)
        names = dict(zip((given.name for given in traced.inputs), sorted(served.inputs), strict=False))
        for given in model.inputs:
            given.set_names({names[given.any_name]})
        for output in model.outputs:
            output.set_names({name for name in output.names if name in traced.structured_outputs})
        openvino.save_model(model, path / "model.xml", compress_to_fp16=False)
