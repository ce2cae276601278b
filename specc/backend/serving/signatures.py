"""SavedModels as they are served: their signatures, what those take and give, and how one is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from starlette.exceptions import HTTPException

from specc import codes
from specc.backend.inference.answers import sense
from specc.backend.inference.bare import FAILURES
from specc.backend.said import said
from specc.backend.serving.fields import Field, Sense
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array
from specc.kinds.features import Feature, State
from specc.kinds.features.audio import Audio
from specc.kinds.features.binary import Binary
from specc.kinds.features.category import Category
from specc.plan import Plan
from specc.tensors import Tensor

DEFAULT = "serving_default"
METHODS = "tensorflow/serving/"
"""What the names of methods begin with: `tensorflow/serving/predict`."""

CONFIG = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=-1)
"""A batch is computed in the thread that asks, and several batches side by side: to hand each small operation over to
another thread costs more than it takes. Large operations still share the cores among them."""

THEIRS = (
    tf.errors.InvalidArgumentError,
    tf.errors.OutOfRangeError,
    tf.errors.FailedPreconditionError,
    tf.errors.NotFoundError,
    tf.errors.DataLossError,
    tf.errors.UnimplementedError,
)
"""What TensorFlow raises where the fault is in what it was asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """An output: its tensor, batch first, and what a run knows of it: the names of its classes, whether they are
    probabilities."""

    tensor: Tensor
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """A signature of a SavedModel. `method` is what it is for: `predict`, `classify` or `regress`.

    `batched` says whether examples of several requests can be asked together: every input has a free first dimension.
    """

    name: str
    method: str
    fields: tuple[Field, ...]
    outputs: Mapping[str, Output]
    call: Callable[..., Sequence[Array]]
    batched: bool

    def ask(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """What it answers to a batch, by output.

        Raises:
            HTTPException: 400 where the values are at fault, 503 where memory is, 500 for what else went wrong.
        """
        try:
            answers = self.call(*[arrays[field.name] for field in self.fields])
            return {name: _plain(array) for name, array in zip(self.outputs, answers, strict=True)}
        except THEIRS as error:
            raise HTTPException(400, said(error)) from error
        except tf.errors.ResourceExhaustedError as error:
            raise HTTPException(503, "there is not memory enough to answer this") from error
        except tf.errors.OpError as error:
            raise HTTPException(500, said(error)) from error


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A SavedModel that was loaded, under the number that it has as a version. `described` is the metadata of its
    signatures as TensorFlow Serving gives it."""

    number: int
    signatures: Mapping[str, Signature]
    described: Mapping[str, Any]


def load(path: Path, number: int, plan: Plan | None = None, states: Mapping[str, State] | None = None) -> Version:
    """A SavedModel ready to be asked. With the plan of its run, what the features know is known of its fields.

    Raises:
        Refusal: S503 where it cannot be loaded or has no signature.
    """
    graph = tf.Graph()
    level = tf.get_logger().level
    tf.get_logger().setLevel("ERROR")
    try:
        with graph.as_default():
            session = tf.compat.v1.Session(graph=graph, config=CONFIG)
            definitions = tf.compat.v1.saved_model.load(session, ["serve"], str(path)).signature_def
        graph.finalize()
    except FAILURES as error:
        raise Refusal(codes.S503, f"the SavedModel `{path}` cannot be loaded: {said(error)}") from error
    finally:
        tf.get_logger().setLevel(level)
    known = _known(plan, states or {}) if plan else {}
    answers = _answers(plan, states or {}) if plan else {}
    signatures = {}
    for name, definition in definitions.items():
        if definition.inputs and definition.outputs:
            default = name == DEFAULT
            signatures[name] = _signature(
                name, definition, session, known if default else {}, answers if default else {}
            )
    if not signatures:
        raise Refusal(codes.S503, f"the SavedModel `{path}` has no signatures", f"export it with `{DEFAULT}`")
    version = Version(number, signatures, _described(definitions))
    warm(version)
    return version


def warm(version: Version) -> None:
    """Ask each signature once about nothing in particular, so that the first who asks does not wait for the graph."""
    for signature in version.signatures.values():
        arrays = {}
        for field in signature.fields:
            shape = [1 if size is None else size for size in field.tensor.shape or ()]
            arrays[field.name] = np.full(shape, b"", object) if field.text else np.zeros(shape, field.tensor.dtype)
        try:
            signature.ask(arrays)
        except HTTPException:
            continue  # no file is empty, no example is: the graph was prepared all the same


def _signature(
    name: str, definition: Any, session: Any, known: Mapping[str, Field], answers: Mapping[str, tuple[str, ...]]
) -> Signature:
    inputs, outputs = dict(definition.inputs), dict(definition.outputs)
    # In the order of the spec, where there is one.
    names = [*(field for field in known if field in inputs), *sorted(inputs.keys() - known.keys())]
    fields = tuple(known.get(field) or _field(field, inputs[field]) for field in names)
    given = [session.graph.get_tensor_by_name(inputs[field].name) for field in names]
    told = {output: Output(_tensor(info), answers.get(output, ())) for output, info in sorted(outputs.items())}
    asked = [session.graph.get_tensor_by_name(outputs[output].name) for output in told]
    free = [field.tensor.shape is not None and field.tensor.shape[:1] == (None,) for field in fields]
    call = session.make_callable(asked, feed_list=given)
    return Signature(name, definition.method_name.removeprefix(METHODS), fields, told, call, all(free))


def _field(name: str, info: Any) -> Field:
    """A field of which only the tensor is known. A number may be missing, as it may for `specc predict`."""
    tensor = _tensor(info)
    scalar = tensor.shape is not None and len(tensor.shape) == 1
    return Field(name, tensor, Sense(gaps=scalar and (tensor.dtype or "").startswith(("float", "bfloat"))))


def _tensor(info: Any) -> Tensor:
    sizes = None if info.tensor_shape.unknown_rank else [dim.size for dim in info.tensor_shape.dim]
    shape = None if sizes is None else tuple(None if size < 0 else size for size in sizes)
    return Tensor(shape, tf.dtypes.as_dtype(info.dtype).name)


def _known(plan: Plan, states: Mapping[str, State]) -> dict[str, Field]:
    """The fields that a run's dataset describes."""
    needed = {given.name for given in plan.network.inputs}
    found = {}
    for field in plan.dataset.inputs if plan.dataset else ():
        if field.name not in needed:
            continue
        feature, state = field.feature, states[f"inputs.{field.name}"]
        files = bool(state.get("files"))
        # Files come as bytes: what a feature reads would be a path, and nobody who asks may name one of ours.
        read = None if files else partial(feature.read, state=state)
        found[field.name] = Field(field.name, feature.raw(state), _sense(feature, state, files), read)
    return found


def _sense(feature: Feature, state: State, files: bool) -> Sense:
    word = type(feature).__name__.lower()
    if files:
        return Sense(word, media="audio/*" if isinstance(feature, Audio) else "image/*")
    if isinstance(feature, Category):
        facts = feature.facts(state)
        entries = tuple(facts.get("vocabulary") or (range(facts["classes"]) if "classes" in facts else ()))
        choices = tuple(entry for entry in entries if entry != "")
        gaps = state["raw"] == "string" and (bool(feature.oov) or "" in entries)
        return Sense(word, gaps, choices, not feature.oov)
    if isinstance(feature, Binary):
        return Sense(word, choices=() if feature.positive is None else (str(feature.positive),))
    mean = state.get("center", state.get("fill"))
    typical = float(f"{mean:.3g}") if isinstance(mean, (int, float)) else None
    return Sense(word, getattr(feature, "impute", None) is not None, typical=typical)


def _answers(plan: Plan, states: Mapping[str, State]) -> dict[str, tuple[str, ...]]:
    """The names of the classes of each output whose numbers say how likely they are."""
    found: dict[str, tuple[str, ...]] = {}
    for output in plan.network.outputs:
        means = sense(plan, states, output.name)
        logits = means.loss is not None and means.loss.arguments.get("from_logits") is True
        if means.kind == "numbers" or logits:
            continue
        feature = means.target.feature if means.target else None
        if isinstance(feature, Binary):
            yes = str(feature.positive) if feature.positive is not None else "yes"
            found[output.name] = (f"not {yes}" if feature.positive is not None else "no", yes)
        elif means.vocabulary:
            found[output.name] = tuple("" if name is None else str(name) for name in means.vocabulary)
    return found


def _described(definitions: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json_format.MessageToDict(
            definition, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for name, definition in definitions.items()
    }


def _plain(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
