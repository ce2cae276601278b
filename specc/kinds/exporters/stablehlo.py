"""`stablehlo`: the network as XLA takes it, for compilers to accelerators."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from specc.kinds import argument
from specc.kinds.exporters import FLOAT32, Form, Inconvertible, Served

NO_KERNEL = re.compile(r"No registered '(\w+)' OpKernel for XLA_\w+ devices.*?\{\{node ([^}]+)\}\}", re.DOTALL)
"""How XLA tells of an operation that it does not know: its kind and its name."""


@dataclass(frozen=True, slots=True)
class Stablehlo:
    """A folder with a module of StableHLO as text, weights and all, and a `signature.json` with the order of its names.

    It takes prepared tensors. Its shapes are fixed, that of the batch too.
    """

    artefact: ClassVar[str] = "stablehlo"
    forms: ClassVar[tuple[tuple[Form, ...], ...]] = (("prepared",),)
    packages: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[bool] = False
    float32: ClassVar[bool] = False
    barred: ClassVar[tuple[str, ...]] = ("keras",)
    bound: ClassVar[float] = FLOAT32
    strays: ClassVar[float] = 0.0
    reading: ClassVar[str] = """\
import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.compiler.tf2xla.ops.gen_xla_ops import xla_call_module

module = Path(path, "module.mlir").read_text()
signature = json.loads(Path(path, "signature.json").read_text())
inputs, outputs = signature["inputs"], signature["outputs"]
batch = inputs[0]["shape"][0]

@tf.function(autograph=False)
def run(tensors):
    shapes, dtypes = [output["shape"] for output in outputs], [output["dtype"] for output in outputs]
    return xla_call_module(
        tensors, version=9, module=module, Sout=shapes, Tout=dtypes, platforms=["CPU"], dim_args_spec=[]
    )

def answer(form, fields):
    rows = len(fields[inputs[0]["name"]])
    parts = []
    for start in range(0, rows, batch):
        some = [fields[given["name"]][start : start + batch] for given in inputs]
        # The last batch is filled up with its own rows again.
        parts.append(run([np.resize(values, given["shape"]) for values, given in zip(some, inputs)]))
    columns = (np.concatenate(column)[:rows] for column in zip(*parts))
    return {output["name"]: column for output, column in zip(outputs, columns)}
"""

    batch: int = argument("how many examples one call takes", {"type": "integer", "minimum": 1}, default=1)

    @property
    def trial(self) -> Stablehlo:
        return self

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        traced = served.traced(tf)
        frozen = served.freeze(traced)
        names = dict(zip((given.name for given in traced.inputs), sorted(served.inputs), strict=False))
        if any_length := [names[tensor.name] for tensor in frozen.inputs if None in tensor.shape[1:]]:
            raise Inconvertible(f"its shapes are fixed, and `{any_length[0]}` may have any length")
        given = [tf.zeros([self.batch, *tensor.shape[1:]], tensor.dtype) for tensor in frozen.inputs]
        compiled = tf.function(lambda *tensors: frozen(*tensors), jit_compile=True, autograph=False)
        try:
            with tf.device("CPU:0"):
                answers = frozen(*given)
                module = compiled.experimental_get_compiler_ir(*given)(stage="stablehlo", device_name="/device:CPU:0")
        except tf.errors.InvalidArgumentError as error:
            lacking = NO_KERNEL.findall(str(error))
            if not lacking:
                raise
            raise Inconvertible(f"XLA has no {', '.join(kind for kind, _ in lacking)}", lacking) from error
        path.mkdir()
        (path / "module.mlir").write_text(module, encoding="utf-8")
        signature = {
            "inputs": [_told(names[t.name], value) for t, value in zip(frozen.inputs, given, strict=True)],
            "outputs": [_told(name, v) for name, v in zip(sorted(traced.structured_outputs), answers, strict=True)],
        }
        (path / "signature.json").write_text(json.dumps(signature, indent=2) + "\n", encoding="utf-8")


def _told(name: str, tensor: Any) -> dict[str, Any]:
    return {"name": name, "shape": tensor.shape.as_list(), "dtype": tensor.dtype.name}
