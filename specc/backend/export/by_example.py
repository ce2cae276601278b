"""What TensorFlow Serving's `:classify` and `:regress` ask: serialized `tf.train.Example`s in, classes by name out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from specc.kinds.exporters import Answer, ByExample
from specc.kinds.features import Feature, State, is_class
from specc.kinds.features.binary import Binary
from specc.kinds.features.category import Category
from specc.plan import Plan
from specc.tensors import Tensor


def by_example(
    plan: Plan, states: Mapping[str, State], inputs: Mapping[str, Tensor], answer: Answer
) -> Mapping[str, ByExample]:
    """The one signature that suits a network, by its name; none where its answers are neither classes nor a number.

    `classify` gives `classes`, strings, and `scores`, both `[batch, classes]`; `regress` gives `outputs`, `[batch]`, in
    the units of the raw target.
    """
    dataset = plan.dataset
    if dataset is None or len(plan.network.outputs) != 1:
        return {}
    (name,) = (output.name for output in plan.network.outputs)
    known_as = plan.training.target_of(name) if plan.training else name
    target = next((field for field in dataset.targets if field.name == known_as), None)
    features = {
        field.name: _parsed(field.feature, inputs[field.name]) for field in dataset.inputs if field.name in inputs
    }
    if target is None or None in features.values() or features.keys() != inputs.keys():
        return {}

    def asked(examples: Any) -> Any:
        fields = tf.io.parse_example(examples, features)
        return answer({name: tf.cast(fields[name], tensor.dtype) for name, tensor in inputs.items()})[name]

    names = _names(target.feature, states.get(f"targets.{known_as}", {}))
    if names is not None:
        chosen, logits = names, _logits(plan, name)
        return {"classify": lambda examples: _classes(asked(examples), chosen, logits)}
    if not isinstance(target.feature, Binary) and not is_class(target.feature) and _one_number(plan):
        return {"regress": lambda examples: {"outputs": tf.reshape(asked(examples), [-1])}}
    return {}


def _parsed(feature: Feature, tensor: Tensor) -> Any:
    """How a raw field stands in an example, which knows three types; None where its size is not known.

    A number that the network may lack may be left out.
    """
    shape = (tensor.shape or (None, None))[1:]
    if None in shape or tensor.dtype is None:
        return None
    if tensor.dtype == "string":
        return tf.io.FixedLenFeature(shape, tf.string)
    if not tensor.dtype.startswith(("float", "bfloat")):
        return tf.io.FixedLenFeature(shape, tf.int64)
    absent = float("nan") if not shape and getattr(feature, "impute", None) is not None else None
    return tf.io.FixedLenFeature(shape, tf.float32, absent)


def _names(feature: Feature, state: State) -> list[str] | None:
    """The names of the classes that an answer has scores of, in their order; None where it has none."""
    if isinstance(feature, Binary):
        return ["0", "1"]
    if not is_class(feature) and not isinstance(feature, Category):
        return None
    if isinstance(feature, Category) and feature.encode == "multi_hot":
        return None
    facts = feature.facts(state)
    known = facts.get("vocabulary") or (range(facts["classes"]) if "classes" in facts else None)
    return None if known is None else ["" if one is None else str(one) for one in known]


def _logits(plan: Plan, name: str) -> bool:
    """Whether the answers of an output are what a softmax or a sigmoid still has to be taken of."""
    terms = plan.training.terms if plan.training else ()
    return any(term.loss.arguments.get("from_logits") is True for term in terms if term.output == name)


def _classes(answer: Any, names: list[str], logits: bool) -> Mapping[str, Any]:
    alone = answer.shape[-1] == 1
    if logits:
        answer = tf.sigmoid(answer) if alone else tf.nn.softmax(answer)
    scores = tf.concat([1 - answer, answer], axis=-1) if alone and len(names) == 2 else answer
    classes = tf.broadcast_to(tf.constant(names), [tf.shape(scores)[0], len(names)])
    return {"classes": classes, "scores": tf.cast(scores, tf.float32)}


def _one_number(plan: Plan) -> bool:
    (output,) = plan.network.outputs
    tensor = plan.network.tensor(output.ref)
    return tensor is not None and tensor.shape is not None and tensor.shape[1:] == (1,)
