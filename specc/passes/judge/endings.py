"""The last activation on the way to each step, looked for through steps that keep values as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from specc import catalog
from specc.calls import Call
from specc.plan import Network, Ref, Step

LINEAR = "linear"
"""No activation: the values may be anything."""

PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid", "sparsemax", "sparse_sigmoid")
NONNEGATIVE = (*PROBABILITIES, "relu", "relu6", "softplus", "exponential", "squareplus", "sparse_plus")

LAYERS = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu"}
"""Layers that are an activation."""

NORMALIZE = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization")
KEEP = (
    *("Reshape", "Flatten", "Permute", "RepeatVector", "Identity", "Masking", "ActivityRegularization"),
    *("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "CenterCrop"),
    *("Cropping1D", "Cropping2D", "Cropping3D", "UpSampling1D", "UpSampling2D"),
    *("UpSampling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "SpatialDropout1D", "SpatialDropout2D"),
    *("SpatialDropout3D", "Average", "Concatenate", "Maximum", "Minimum"),
)
"""Layers that pass values on, or something between them: what was a probability stays one."""

KEEP_OPS = (
    *(
        "reshape",
        "ravel",
        "squeeze",
        "expand_dims",
        "transpose",
        "swapaxes",
        "moveaxis",
        "flip",
        "roll",
        "copy",
        "cast",
    ),
    *("identity", "stop_gradient", "mean", "max", "min", "repeat", "tile", "concatenate", "stack"),
)
SUMS = ("Add", "Subtract")
SUM_OPS = ("add", "subtract")
PRODUCTS = ("matmul", "dot", "einsum", "tensordot", "conv", "depthwise_conv", "separable_conv")


@dataclass(frozen=True, slots=True)
class Ending:
    """The last activation, the step that applies it, and the step whose `units` or `filters` are the last dimension."""

    activation: str
    step: Step
    maker: Step | None = None

    @property
    def is_probability(self) -> bool:
        return self.activation in PROBABILITIES

    @property
    def is_linear(self) -> bool:
        return self.activation == LINEAR

    def __str__(self) -> str:
        return "the output has no activation" if self.is_linear else f"the last activation is `{self.activation}`"


def endings(network: Network) -> Mapping[str, Ending | None]:
    """How the values of each step end, by its name; None where that is not plain to see. One pass, in order."""
    found: dict[str, Ending | None] = {}
    for step in network.steps:
        found[step.name] = None if len(step.outputs or ()) > 1 else _ending(step, found)
    return found


def _ending(step: Step, found: Mapping[str, Ending | None]) -> Ending | None:
    """The ending of a step from those of the steps before it."""
    refs = [ref for edge in step.inputs.values() for ref in (edge if isinstance(edge, tuple) else (edge,))]
    given = [found.get(ref.name) if ref.output is None else None for ref in refs]
    name = step.call.name
    if step.call.family == "ops":
        return _of_an_op(step, name, given)
    if step.call.family == "applications":
        top = step.call.arguments.get("include_top", True) is True
        activation = _written(step.call, "classifier_activation") if top else None
        return None if activation is None else Ending(activation, step)
    if step.call.family != "layers":
        return None
    if name in LAYERS or name == "Activation":
        return _applied(_activation(step.call), step, given)
    if name in KEEP or "Pooling" in name:
        return _kept(step, given)
    if name in SUMS:
        return _kept(step, given) if all(one is not None and one.is_linear for one in given) else None
    activation = _activation(step.call)
    return None if activation is None else Ending(activation, step, step if _sizes(step.call) else None)


def _of_an_op(step: Step, name: str, given: list[Ending | None]) -> Ending | None:
    short = name.rpartition(".")[2]
    if short in catalog.names("activations") or short in catalog.aliases("activations"):
        return _applied(catalog.aliases("activations").get(short, short), step, given)
    if short in KEEP_OPS:
        return _kept(step, given)
    if short in SUM_OPS and len(given) == 2:
        return _kept(step, given) if all(one is not None and one.is_linear for one in given) else None
    return Ending(LINEAR, step) if short in PRODUCTS else None


def _applied(activation: str | None, step: Step, given: list[Ending | None]) -> Ending | None:
    """An activation as a step of its own: `linear` changes nothing."""
    before = given[0] if len(given) == 1 else None
    if activation == LINEAR and before is not None:
        return before
    return None if activation is None else Ending(activation, step, before.maker if before else None)


def _kept(step: Step, given: list[Ending | None]) -> Ending | None:
    """The one ending of all inputs, where they have the same."""
    first = given[0] if given else None
    if first is None or any(one is None or one.activation != first.activation for one in given):
        return None
    same = len(given) == 1 and first.maker is not None and _width(step) == _width(first.maker) is not None
    return replace(first, maker=first.maker if same else None)


def _activation(call: Call) -> str | None:
    """The activation that a layer ends with, inside a wrapper too; None where that is not known."""
    name = call.name
    if name in LAYERS:
        return LAYERS[name]
    if name in NORMALIZE or name == "Embedding":
        return LINEAR
    if name in ("TimeDistributed", "SpectralNormalization"):
        inner = call.arguments.get("layer")
        return _activation(inner) if isinstance(inner, Call) else None
    if name == "Bidirectional":
        inner = call.arguments.get("layer")
        whole = call.arguments.get("merge_mode", "concat") in ("concat", "ave")
        return _activation(inner) if isinstance(inner, Call) and whole else None
    takes = catalog.signature("layers", name)
    return _written(call, "activation") if takes and takes.argument("activation") else None


def _written(call: Call, argument: str) -> str | None:
    """The activation that an argument names, by its canonical name; None where it is computed later."""
    takes = catalog.signature(call.family, call.name)
    known = takes.argument(argument) if takes else None
    value = call.arguments.get(argument, known.default if known else None)
    if value is None:
        return LINEAR
    name = value.name if isinstance(value, Call) else value
    return catalog.aliases("activations").get(name, name) if isinstance(name, str) else None


def _sizes(call: Call) -> bool:
    inner = call.arguments.get("layer", call)
    return isinstance(inner, Call) and ("units" in inner.arguments or "filters" in inner.arguments)


def _width(step: Step) -> int | None:
    shape = step.outputs[0].shape if step.outputs and len(step.outputs) == 1 else None
    return shape[-1] if shape else None


def ending_of(ref: Ref, found: Mapping[str, Ending | None]) -> Ending | None:
    """How the values of a reference end."""
    return found.get(ref.name) if not ref.output else None
