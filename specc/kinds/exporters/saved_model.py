"""`saved_model`: the network with its preprocessing, for TensorFlow Serving and plain TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from specc.kinds.exporters import FLOAT32, Form, Served


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A TensorFlow SavedModel: `serving_default` takes raw fields by name, `features` tensors that are prepared.

    For one output of classes there is `classify`, for one of a number `regress`, on serialized `tf.train.Example`s.
    """

    artefact: ClassVar[str] = "saved_model"
    forms: ClassVar[tuple[tuple[Form, ...], ...]] = (("raw", "prepared"),)
    packages: ClassVar[tuple[str, ...]] = ()
    reads: ClassVar[bool] = False
    float32: ClassVar[bool] = False
    barred: ClassVar[tuple[str, ...]] = ("keras",)
    bound: ClassVar[float] = FLOAT32
    strays: ClassVar[float] = 0.0
    reading: ClassVar[str] = """\
import tensorflow as tf

model = tf.saved_model.load(path)
signatures = {"raw": model.signatures["serving_default"], "prepared": model.signatures["features"]}

def answer(form, fields):
    ask = signatures[form]
    takes = ask.structured_input_signature[1]
    return ask(**{name: tf.constant(fields[name], spec.dtype) for name, spec in takes.items()})
"""

    @property
    def trial(self) -> None:
        return None

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        module = tf.Module()
        # A SavedModel holds the variables that hang from its root; Keras wraps each in an object of its own.
        module.weights = [variable.value for variable in served.model.variables]
        signatures = {"serving_default": served.traced(tf), "features": served.prepared().traced(tf)}
        examples = [tf.TensorSpec([None], tf.string, name="inputs")]
        for name, ask in served.by_example.items():
            signatures[name] = tf.function(ask, input_signature=examples, autograph=False).get_concrete_function()
        tf.saved_model.save(module, str(path), signatures=signatures)
        # TensorFlow Serving looks at this name, which TensorFlow 2 writes alike for all.
        names = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(path))
        for name in served.by_example:
            names.replace_method_name(signature_key=name, method_name=f"tensorflow/serving/{name}")
        names.save()
