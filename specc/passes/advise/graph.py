"""The network as advice looks at it: who uses what a step gives, and which function its values come out of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from specc import catalog
from specc.calls import Call
from specc.plan import Edge, Network, Plan, Ref, Step
from specc.tensors import Tensor

DROPOUTS = ("Dropout", "AlphaDropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
PLAIN = (*DROPOUTS, "GaussianNoise", "Identity", "ActivityRegularization")
"""Layers that leave a tensor's shape alone, and once trained its values too."""
NORMALIZATIONS = (
    *("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization"),
)
CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")
OTHER_CONVOLUTIONS = (
    *("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "SeparableConv1D", "SeparableConv2D"),
    *("DepthwiseConv1D", "DepthwiseConv2D"),
)
LINEAR = ("Dense", *CONVOLUTIONS, *OTHER_CONVOLUTIONS)
"""Layers that multiply by weights, add a bias and apply their `activation`."""
WITH_ACTIVATION = frozenset((*LINEAR, "Activation"))
POOLINGS = tuple(f"{kind}Pooling{n}D" for kind in ("Max", "Average", "GlobalMax", "GlobalAverage") for n in (1, 2, 3))
ACTIVATIONS = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "leaky_relu", "ELU": "elu"}
"""Layers that are a function and nothing else."""


@dataclass(frozen=True)
class Graph:
    """A plan, and the graph of its network. `texts` are the specs it was read from, by their paths."""

    plan: Plan
    texts: Mapping[str, str]

    @property
    def network(self) -> Network:
        return self.plan.network

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        return {step.name: step for step in self.network.steps}

    @cached_property
    def tensors(self) -> Mapping[str, tuple[Tensor, ...]]:
        """What comes out of each input and step, as far as it is known."""
        given = {one.name: (one.tensor,) for one in self.network.inputs}
        return given | {step.name: step.outputs or () for step in self.network.steps}

    @cached_property
    def users(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps that take what an input or a step gives, one entry for each time it is taken."""
        found: dict[str, list[Step]] = {}
        for step in self.network.steps:
            for edge in step.inputs.values():
                for ref in refs(edge):
                    found.setdefault(ref.name, []).append(step)
        return {name: tuple(steps) for name, steps in found.items()}

    @cached_property
    def ends(self) -> frozenset[str]:
        """The names that outputs of the network refer to."""
        return frozenset(output.ref.name for output in self.network.outputs)

    @cached_property
    def _named(self) -> tuple[tuple[Step, str], ...]:
        """Each step with its layer: every rule looks for some of them."""
        return tuple((step, layer(step)) for step in self.network.steps)

    @cached_property
    def _shared(self) -> frozenset[str]:
        return frozenset(name for step in self.network.steps if step.shares for name in (step.name, step.shares))

    def learns(self, step: Step) -> bool:
        """Are its weights trained, and its own alone?"""
        return not step.frozen and value(step, "trainable") is not False and step.name not in self._shared

    def then(self, step: Step) -> Step | None:
        """The one step that takes what this one gives; None where others do too, or an output of the network is it."""
        users = self.users.get(step.name, ())
        return users[0] if len(users) == 1 and step.name not in self.ends and len(step.outputs or (0,)) == 1 else None

    def before(self, step: Step) -> Step | None:
        """The step whose one tensor this one takes; None where it takes several, or an input of the network."""
        found = [ref for edge in step.inputs.values() for ref in refs(edge)]
        return self.steps.get(found[0].name) if len(found) == 1 else None

    def given(self, step: Step) -> Tensor:
        """The one tensor that a step takes, as far as it is known."""
        found = [ref for edge in step.inputs.values() for ref in refs(edge)]
        tensors = self.tensors.get(found[0].name, ()) if len(found) == 1 else ()
        at = found[0].output or 0 if found else 0
        return tensors[at] if at < len(tensors) else Tensor()

    def after(self, step: Step, passed: tuple[str, ...]) -> Step | None:
        """The first step behind this one, on the only way there is, that is not one of the layers to pass by.

        A linear `Activation` is passed by as well.
        """
        found = self.then(step)
        while found is not None and (layer(found) in passed or is_linear_activation(found)):
            found = self.then(found)
        return found

    def ahead(self, step: Step, passed: tuple[str, ...]) -> Step | None:
        """The first step before this one, likewise, whoever else uses what is on the way."""
        found = self.before(step)
        while found is not None and (layer(found) in passed or is_linear_activation(found)):
            found = self.before(found)
        return found

    def width(self, name: str) -> int | None:
        """The last dimension of what a step gives, where that is one tensor and known."""
        tensors = self.tensors.get(name, ())
        return width(tensors[0]) if len(tensors) == 1 else None

    def of(self, *layers: str) -> Iterator[Step]:
        """The steps that are one of these layers."""
        return (step for step, name in self._named if name in layers)


def width(tensor: Tensor) -> int | None:
    """The last dimension of a tensor; None where it is not known."""
    return tensor.shape[-1] if tensor.shape else None


def refs(edge: Edge) -> tuple[Ref, ...]:
    return edge if isinstance(edge, tuple) else (edge,)


def layer(step: Step) -> str:
    """The layer by its canonical name; empty for an op or an application."""
    return catalog.aliases("layers").get(step.call.name, step.call.name) if step.call.family == "layers" else ""


def value(call: Call | Step, name: str) -> Any:
    """An argument as it is written, or its default; None where there is no such argument."""
    call = call.call if isinstance(call, Step) else call
    if name in call.arguments:
        return call.arguments[name]
    takes = catalog.signature(call.family, call.name)
    found = takes.argument(name) if takes else None
    return found.default if found else None


def number(call: Call | Step, name: str) -> float | None:
    """An argument that is a number; None for anything else, and for what only data can tell."""
    found = value(call, name)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def activation(step: Step) -> str | None:
    """The function that comes last in a step, `linear` where there is none; None where that is not plain to see."""
    if step.call.family == "ops":
        return step.call.name if step.call.name in catalog.names("activations") else None
    name = layer(step)
    if name in ACTIVATIONS:
        return ACTIVATIONS[name] if name != "ReLU" or len(step.call.arguments) == 0 else None
    if name not in WITH_ACTIVATION:
        return None
    given = value(step, "activation")
    if given is None:
        return "linear"
    if isinstance(given, Call):
        given = given.name if given.name != "relu" or not given.arguments else None
    return catalog.aliases("activations").get(given, given) if isinstance(given, str) else None


def is_linear_activation(step: Step) -> bool:
    return layer(step) == "Activation" and activation(step) == "linear"


def named(step: Step) -> str:
    """The step as messages name it: its call as the spec writes it, quoted."""
    return f"`{step.label}`"


def bare(call: Call) -> Call:
    """A call under its canonical name."""
    return replace(call, name=catalog.aliases(call.family).get(call.name, call.name))
