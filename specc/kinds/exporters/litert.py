"""`litert`: for telephones and small devices, formerly TensorFlow Lite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from specc.kinds import argument
from specc.kinds.arrays import Array
from specc.kinds.exporters import FLOAT32, Form, Inconvertible, Served

BOUNDS = {"none": (FLOAT32, 0.0), "float16": (0.01, 0.0), "dynamic": (0.1, 0.05), "int8": (0.1, 0.05)}
"""How far an answer may be off, and the share of examples that may be farther off, for each `quantize`."""


@dataclass(frozen=True, slots=True)
class Litert:
    """A `.tflite` file for LiteRT's interpreter; it takes prepared tensors by input name, with no operation of Flex."""

    forms: ClassVar[tuple[tuple[Form, ...], ...]] = (("prepared",),)
    packages: ClassVar[tuple[str, ...]] = ("ai_edge_litert",)
    reads: ClassVar[bool] = False
    float32: ClassVar[bool] = True
    barred: ClassVar[tuple[str, ...]] = ("tensorflow", "keras")
    reading: ClassVar[str] = """\
from ai_edge_litert.interpreter import Interpreter

ask = Interpreter(model_path=path).get_signature_runner()

def answer(form, fields):
    return ask(**{name: fields[name] for name in ask.get_input_details()})
"""

    quantize: str = argument(
        "none: float32; float16: weights of half the size; dynamic: weights of 8 bits; int8: weights and what flows "
        "between them, measured on training examples. Inputs and outputs stay as they are",
        {"enum": list(BOUNDS)},
        default="none",
    )

    @property
    def artefact(self) -> str:
        return "model.tflite" if self.quantize == "none" else f"model-{self.quantize}.tflite"

    @property
    def bound(self) -> float:
        return BOUNDS[self.quantize][0]

    @property
    def strays(self) -> float:
        return BOUNDS[self.quantize][1]

    @property
    def trial(self) -> Litert:
        """Numbers of 8 and 16 bits are no matter of what operations there are."""
        return Litert()

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        lite = tf.lite
        module = tf.Module()
        module.weights = [variable.value for variable in served.model.variables]
        converter = lite.TFLiteConverter.from_concrete_functions([_traced(tf, served)], module)
        if self.quantize != "none":
            converter.optimizations = [lite.Optimize.DEFAULT]
        if self.quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if self.quantize == "int8":
            converter.representative_dataset = lambda: _one_by_one(served.examples())
            # What has no kernel of 8 bits is computed in float32.
            converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8, lite.OpsSet.TFLITE_BUILTINS]
        try:
            path.write_bytes(converter.convert())
        except Exception as error:
            # The converter's own class of exception is not public; it has what it found one by one.
            if found := list(_lacking(getattr(error, "errors", ()))):
                kinds = ", ".join(f"`{kind}`" for kind in dict.fromkeys(kind for kind, _ in found))
                raise Inconvertible(f"there is no {kinds} of TensorFlow's in it", found) from error
            raise


def _traced(tf: ModuleType, served: Served) -> Any:
    """The network with its recurrent layers unrolled where their steps can be counted: LiteRT's loops hold no lists."""
    layers = [layer for layer in served.model._flatten_layers() if getattr(layer, "unroll", None) is False]
    try:
        for layer in layers:
            layer.unroll = True
        return served.traced(tf)
    except ValueError:
        pass  # as many steps as a batch has
    finally:
        for layer in layers:
            layer.unroll = False
    return served.traced(tf)


def _one_by_one(examples: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    for number in range(len(next(iter(examples.values())))):
        yield {name: values[number : number + 1] for name, values in examples.items()}


def _lacking(errors: Any) -> Iterator[tuple[str, str]]:
    """The kinds and names of operations that the converter complains of."""
    for error in errors:
        kind = error.operator.name.removeprefix("tf.")
        if kind:
            yield from ((kind, call.name) for call in error.location.call or [error.operator])
