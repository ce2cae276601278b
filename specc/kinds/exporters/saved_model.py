"""`saved_model`: the network with its preprocessing, for TensorFlow Serving and plain TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from specc.kinds.exporters import Served


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A TensorFlow SavedModel whose `serving_default` takes raw fields by name and answers by target name."""

    artefact: ClassVar[str] = "saved_model"
    raw: ClassVar[bool] = True
    barred: ClassVar[tuple[str, ...]] = ("keras",)
    reading: ClassVar[str] = """\
import tensorflow as tf

model = tf.saved_model.load(path)
serve = model.signatures["serving_default"]
dtypes = {name: spec.dtype for name, spec in serve.structured_input_signature[1].items()}

def answer(fields):
    return serve(**{name: tf.constant(fields[name], dtypes[name]) for name in dtypes})
"""

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype, name=name) for name, tensor in served.inputs.items()}
        module = tf.Module()
        # A SavedModel holds the variables that hang from its root; Keras wraps each in an object of its own.
        module.weights = [variable.value for variable in served.model.variables]
        serve = tf.function(served.answer, input_signature=[specs], autograph=False).get_concrete_function()
        tf.saved_model.save(module, str(path), signatures={"serving_default": serve})
