"""Plan → keras.Model: a functional model whose inputs and outputs bear the names of the spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from specc import catalog, codes
from specc.backend.lower import lower, named, operation, reason, value
from specc.backend.precision import policy
from specc.backend.recurrent import settle
from specc.calls import Call
from specc.catalog.exact import sizes
from specc.diagnostics import Log, Refusal, Rejected
from specc.plan import Edge, Network, Phase, Plan, Ref, Step
from specc.tensors import Tensor

REFUSALS = (ValueError, TypeError, AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError)
"""What Keras raises when a layer cannot be built or called on what it is given."""


def build(plan: Plan, log: Log) -> keras.Model:
    """The network of a plan, its weights drawn from the plan's seed; not compiled.

    Inputs and outputs are dicts by name: `model({"image": …})` gives `{"digit": …}`.

    Raises:
        Rejected: what Keras refuses is in `log` at the step that asked for it.
    """
    with policy(plan.runtime.precision):
        inputs, made = tensors_of(plan, log)
        outputs = {output.name: pick(output.ref, made) for output in plan.network.outputs}
        return keras.Model(inputs, outputs, name=plan.name.replace("-", "_"))


def tensors_of(plan: Plan, log: Log) -> tuple[dict[str, Any], dict[str, Any]]:
    """The symbolic tensors of a network's inputs by name, and with them those that each of its steps gives.

    Raises:
        Rejected: as `build` does.
    """
    network = plan.network
    keras.utils.set_random_seed(plan.seed)
    made: dict[str, Any] = {given.name: _input(given.name, given.tensor) for given in network.inputs}
    inputs = dict(made)
    objects: dict[str, Any] = {}
    with policy(plan.runtime.precision):
        for step in network.steps:
            try:
                made[step.name] = _apply(step, objects, made, network)
            except Refusal as refusal:
                log.refuse(refusal, step.call.spans.get(refusal.argument, step.span), related=step.callers)
                raise Rejected(log) from refusal
    return inputs, made


def turn(model: keras.Model, plan: Plan, phase: Phase) -> None:
    """Have the layers of a network trained, or left as they are, as a phase of training wants it."""
    first, *others = plan.training.phases if plan.training else (phase,)
    changed = frozenset[str]().union(*(first.frozen ^ other.frozen for other in others))
    for step in plan.network.steps:
        if step.name in changed and step.shares is None and step.call.family != "ops":
            model.get_layer(step.name).trainable = step.name not in phase.frozen


def _input(name: str, tensor: Tensor) -> Any:
    shape = tensor.shape if tensor.shape is not None else (None,)
    return keras.Input(shape=shape[1:], dtype=tensor.dtype, name=name)


def _apply(step: Step, objects: dict[str, Any], made: Mapping[str, Any], network: Network) -> Any:
    """One step at work: its object, or that of the step whose weights it shares, called on its tensors."""
    call = step.call
    tensors = {name: _edge(edge, made) for name, edge in step.inputs.items()}
    try:
        if call.family == "ops":
            return operate(call, step, tensors)
        if step.shares is not None:
            objects[step.name] = objects[step.shares]
        elif call.family == "applications":
            objects[step.name] = _application(call, step, tensors)
        else:
            objects[step.name] = lower(call, name=step.name)
        built = objects[step.name]
        if step.shares is None:
            settle(built)
            if step.frozen:
                built.trainable = False
        if len(tensors) == 1:
            return built(next(iter(tensors.values())), **step.options)
        return built(**tensors, **step.options)
    except REFUSALS as error:
        raise Refusal(codes.S105, f"Keras refuses `{step.label}` here: {reason(error)}") from error


def operate(call: Call, step: Step, tensors: Mapping[str, Any]) -> Any:
    """A function of `keras.ops`; what it takes as `*args` comes after the arguments that it must have."""
    arguments = {name: sizes(value(argument)) for name, argument in call.arguments.items()}
    function, takes = operation(call.name), catalog.signature("ops", call.name)
    variadic = next((t.name for t in takes.tensors if t.variadic), None) if takes else None
    if takes is None or variadic is None:
        return function(**tensors, **arguments, **step.options)
    leading = [arguments.pop(a.name) for a in takes.arguments if a.required and a.name in arguments]
    return function(*leading, *tensors[variadic], **arguments)


def _application(call: Call, step: Step, tensors: Mapping[str, Any]) -> Any:
    """An architecture of Keras's, made for the shape that it is given; without `weights`, drawn at random.

    It is named afterwards: EfficientNetV2 finds its blocks by the name that it is made with.
    """
    given = next(iter(tensors.values()))
    arguments = {"weights": None, **{name: value(argument) for name, argument in call.arguments.items()}}
    built = named("applications", call.name)(input_shape=tuple(given.shape[1:]), **arguments)
    built.name = step.name
    return built


def _edge(edge: Edge, made: Mapping[str, Any]) -> Any:
    if isinstance(edge, tuple):
        return [pick(ref, made) for ref in edge]
    return pick(edge, made)


def pick(ref: Ref, made: Mapping[str, Any]) -> Any:
    """The tensor, or the tensors, that a reference names among those that were made."""
    found = made[ref.name]
    if ref.output is None:
        return found
    outputs = found if isinstance(found, (list, tuple)) else [found]
    if ref.output >= len(outputs):
        raise Refusal(
            codes.S204,
            f"`{ref.name}` has {len(outputs)} output{'s' * (len(outputs) != 1)}, and `{ref}` asks for one more",
            f"outputs count from 0: the last is `{ref.name}[{len(outputs) - 1}]`",
        )
    return outputs[ref.output]
