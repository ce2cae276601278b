"""A network of `keras.applications` as a spec: every layer that Keras built, on the layers that feed it."""

from __future__ import annotations

from typing import Any

import keras

from specc import catalog


def spec(model: keras.Model) -> dict[str, Any]:
    """The spec of a functional model. What is no layer of Keras's vocabulary stands as one that cannot be judged."""
    first = model.operations[0]
    inputs = {name(first): {"shape": list(first.batch_shape[1:])}}
    steps = [_step(operation) for operation in model.operations[1:]]
    return {"specc": 1, "model": {"inputs": inputs, "layers": steps, "outputs": [name(model.operations[-1])]}}


def name(operation: keras.Operation) -> str:
    """A name that a spec can refer to."""
    return "x_" + operation.name.replace("/", "_").replace(".", "_")


def _step(operation: keras.Operation) -> dict[str, Any]:
    feeding = [name(tensor._keras_history.operation) for tensor in operation._inbound_nodes[0].input_tensors]
    takes = catalog.signature("layers", type(operation).__name__)
    if takes is None or not isinstance(operation, keras.Layer) or isinstance(operation, keras.layers.Normalization):
        # An op, or a layer of the application's own (a scale for each channel): a product stands for it.
        return {"Multiply": None, "inputs": [feeding[0], feeding[-1]], "name": name(operation)}
    given = operation.get_config()
    arguments = {a.name: _plain(given[a.name]) for a in takes.arguments if _is_plain(given.get(a.name))}
    for left_out in ("dtype", "trainable", "name"):
        arguments.pop(left_out, None)
    many = any(tensor.many for tensor in takes.tensors)
    return {takes.name: arguments or None, "inputs": feeding if many else feeding[0], "name": name(operation)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(one) for one in value)
    return isinstance(value, (bool, int, float, str))


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
