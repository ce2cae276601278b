"""`onnx`: for onnxruntime and whatever else reads ONNX, in the browser, in .NET, on accelerators."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from specc.kinds import argument
from specc.kinds.exporters import FLOAT32, Form, Inconvertible, Served


@dataclass(frozen=True, slots=True)
class Onnx:
    """An ONNX file that takes raw fields where it can, which texts and files keep it from, else prepared tensors."""

    artefact: ClassVar[str] = "model.onnx"
    forms: ClassVar[tuple[tuple[Form, ...], ...]] = (("raw",), ("prepared",))
    packages: ClassVar[tuple[str, ...]] = ("tf2onnx", "onnx", "onnxruntime")
    reads: ClassVar[bool] = False
    float32: ClassVar[bool] = True
    barred: ClassVar[tuple[str, ...]] = ("tensorflow", "keras")
    bound: ClassVar[float] = FLOAT32
    strays: ClassVar[float] = 0.0
    reading: ClassVar[str] = """\
import onnxruntime

session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]

def answer(form, fields):
    return dict(zip(names, session.run(names, {given.name: fields[given.name] for given in session.get_inputs()})))
"""

    opset: int = argument(
        "the version of ONNX's operations; lower ones are read by older runtimes",
        {"type": "integer", "minimum": 13, "maximum": 18},
        default=18,
    )

    @property
    def trial(self) -> Onnx:
        return self

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        import tf2onnx.convert

        served.refuse_strings()
        traced = served.traced(tf)
        frozen = served.freeze(traced)
        names = dict(zip((given.name for given in traced.inputs), sorted(served.inputs), strict=False))
        given = [tensor.name for tensor in frozen.inputs]
        answers = [tensor.name for tensor in frozen.outputs]
        # It tells of each operation that it does not know, and goes on: those are found in what it wrote.
        logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
        model, _ = tf2onnx.convert.from_graph_def(
            frozen.graph.as_graph_def(),
            name=served.model.name,
            input_names=given,
            output_names=answers,
            opset=self.opset,
            custom_op_handlers={"Erfc": (_erfc, [])},
            tensors_to_rename={name: names[name] for name in given}
            | dict(zip(answers, sorted(traced.structured_outputs), strict=True)),
        )
        if unknown := list(_unknown(model.graph, self.opset)):
            kinds = ", ".join(f"`{kind}`" for kind in dict.fromkeys(kind for kind, _ in unknown))
            raise Inconvertible(f"there is no {kinds} of TensorFlow's in it", unknown)
        path.write_bytes(model.SerializeToString())


def _erfc(context: Any, node: Any, name: str, arguments: Any) -> None:
    """Exact `gelu` has the complement of the error function, which ONNX has not."""
    (output,) = node.output
    shape, dtype = context.get_shape(output), context.get_dtype(output)
    (given,) = node.input
    context.remove_node(node.name)
    one = context.make_const(f"{name}__one", _one(dtype)).output[0]
    erf = context.make_node("Erf", [given], shapes=[shape], dtypes=[dtype]).output[0]
    context.make_node("Sub", [one, erf], name=name, outputs=[output], shapes=[shape], dtypes=[dtype])


def _one(dtype: int) -> Any:
    import onnx.helper

    return onnx.helper.tensor_dtype_to_np_dtype(dtype).type(1)


def _unknown(graph: Any, opset: int) -> Iterator[tuple[str, str]]:
    """The kinds and names of the nodes that are no operations of ONNX's, those of loops and branches too."""
    import onnx.defs

    for node in graph.node:
        if not onnx.defs.has(node.op_type, opset, node.domain):
            yield node.op_type, node.name
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _unknown(inner, opset)
