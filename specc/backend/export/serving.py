"""A trained network that takes raw fields and answers in the units of the raw targets: what is exported and asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from specc import emit
from specc.backend.export.by_example import by_example
from specc.diagnostics import Log, Rejected
from specc.kinds.arrays import Array
from specc.kinds.exporters import Inconvertible, Module, Served
from specc.kinds.features import State
from specc.plan import Plan

SIXTEEN = ("bfloat16", "float16")
"""Dtypes that some formats have no arithmetic in."""
FREEZE = partial(convert_variables_to_constants_v2, lower_control_flow=False)


def serve(
    plan: Plan,
    model: keras.Model,
    states: Mapping[str, State],
    examples: Callable[[], Mapping[str, Array]] = dict,
) -> Served:
    """The network between the features of its inputs and those of its targets, dropout and augmentation off.

    Whatever the network computes in, what it serves has at least float32.

    `states` are what features learnt, by `inputs.NAME` and `targets.NAME`. Without a dataset the network is served as
    it is, on prepared tensors. `examples` gives prepared training examples to whom they tell what a network computes.
    """
    fields = {} if plan.dataset is None else {field.name: field for field in plan.dataset.inputs}
    inputs = {
        given.name: fields[given.name].feature.raw(states[f"inputs.{given.name}"])
        if given.name in fields
        else given.tensor
        for given in plan.network.inputs
    }

    def answer(raw: Mapping[str, Any]) -> dict[str, Any]:
        prepared = {
            name: fields[name].feature.prepare(tf, raw[name], states[f"inputs.{name}"]) if name in fields else raw[name]
            for name in inputs
        }
        return restore(plan, widened(model(prepared, training=False)), states)

    module = partial(_module, plan, states)
    return Served(model, inputs, answer, examples, FREEZE, by_example(plan, states, inputs, answer), module)


def _module(plan: Plan, states: Mapping[str, State]) -> Module:
    """The network as Python, with what features learnt as constants of it."""
    log = Log()
    try:
        return Module(emit.python(plan, log, states), emit.learnt(plan, states))
    except Rejected as rejected:
        first = log.sorted()[0]
        raise Inconvertible(f"{first.message}, at line {first.span.line}") from rejected


def widened(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs with those of 16 bits as float32, which is what others can read."""
    return {
        name: tf.cast(tensor, tf.float32) if tensor.dtype in (tf.bfloat16, tf.float16) else tensor
        for name, tensor in outputs.items()
    }


def restore(plan: Plan, outputs: Mapping[str, Any], states: Mapping[str, State]) -> dict[str, Any]:
    """What the network answers, in the units of the raw targets; an output without a target as it is."""
    targets = {} if plan.dataset is None else {field.name: field for field in plan.dataset.targets}
    return {
        name: targets[name].feature.restore(tf, output, states[f"targets.{name}"]) if name in targets else output
        for name, output in outputs.items()
    }


@contextmanager
def portable(model: keras.Model) -> Iterator[None]:
    """Keep to operations that every device has: a recurrent layer traced on a GPU would else demand cuDNN for ever."""
    recurrent = [layer for layer in model._flatten_layers() if hasattr(layer, "use_cudnn")]
    before = [layer.use_cudnn for layer in recurrent]
    for layer in recurrent:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, used in zip(recurrent, before, strict=True):
            layer.use_cudnn = used


def in_float32(model: keras.Model) -> keras.Model:
    """A network of the same weights that computes in float32 throughout; the one given, where it does already."""
    if all(layer.compute_dtype not in SIXTEEN for layer in model._flatten_layers()):
        return model
    twin = model.__class__.from_config(_widened(model.get_config()))
    twin.set_weights([weights.astype("float32") if _narrow(weights) else weights for weights in model.get_weights()])
    return twin


def _narrow(weights: Array) -> bool:
    return weights.dtype.name in SIXTEEN


def _widened(config: Any) -> Any:
    """A configuration of Keras's with float32 as the dtype of every layer that has one of 16 bits."""
    if isinstance(config, dict):
        return {key: _widened(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_widened(value) for value in config)
    return "float32" if config in (*SIXTEEN, *(f"mixed_{name}" for name in SIXTEEN)) else config
