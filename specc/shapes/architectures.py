"""Architectures: a picture goes through a graph of layers, and each layer's own rule says what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from specc import catalog, codes
from specc.calls import Call
from specc.diagnostics import Refusal
from specc.shapes import Result, Rule, Site, Unsettled, apply, single
from specc.shapes.arguments import choice, flag, size, value, wrong
from specc.shapes.dimensions import joined, kernels, known, ranked
from specc.shapes.dtypes import DEFAULT, compute_dtype, numeric
from specc.tensors import Tensor, show


@dataclass(frozen=True, slots=True)
class Fit:
    """A padding by what comes: so that strides of two over a kernel come out, of an even size one less in front."""

    kernel: int


@dataclass(frozen=True, slots=True)
class Node:
    """A layer or op in a graph. `inputs` say how many nodes back each of them was made: 1 is the node before.

    A name with `ops.` in front is an op. Arguments that are not named have their defaults.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[int, ...] = (1,)


def picture(site: Site, minimum: int, *, sized: bool) -> Tensor:
    """The input of an architecture as its first layer gets it: floats, whatever came.

    `sized`: height and width must be known.

    Raises:
        Refusal: S301 when it is no batch of images, S303 when they are too small, S304 for text, S305 when the
            channels, or a size that must be known, are not.
    """
    given = site.tensor()
    numeric(site, given)
    shape = ranked(site, given, 4, "images, (batch, height, width, channels)")
    if shape is None:
        return Tensor(None, DEFAULT)
    known(site, shape, -1, "the number of channels")
    sides = [side for side in shape[1:3] if side is not None]
    if min(sides, default=minimum) < minimum:
        raise Refusal(
            codes.S303,
            f"{site.label} needs images of at least {minimum} by {minimum}, and is given {show(shape)}",
            help=f"make them larger before it: `Resizing: {{height: {minimum}, width: {minimum}}}`",
        )
    if sized and len(sides) < 2:
        raise unsized(site, given)
    return Tensor(shape, DEFAULT)


def unsized(site: Site, given: Tensor) -> Refusal:
    """The refusal of a height or width that is not known."""
    return Refusal(
        codes.S305,
        f"{site.label} must know height and width of its images, and is given {show(given.shape)}",
        help="write them in `model.inputs`, or bring every image to one size before it: `Resizing`",
    )


def topped(site: Site) -> bool:
    """Whether the layers that classify are asked for; what is said of them is checked only then, as Keras does.

    Raises:
        Refusal: S105 for no classes, or an activation that the weights of a file were not made with.
    """
    if not flag(site, "include_top"):
        return False
    size(site, "classes")
    activation = value(site, "classifier_activation")
    plain = activation.name if isinstance(activation, Call) and not activation.arguments else activation
    if value(site, "weights") is not None and plain not in ("softmax", "linear", None):
        written = activation.name if isinstance(activation, Call) else activation
        raise wrong(site, "classifier_activation", written, "`softmax` or null where `weights` is a file")
    return True


def pooled(site: Site) -> tuple[Node, ...]:
    """What ends an architecture without its top: nothing, or a mean or maximum over the whole image."""
    pooling = choice(site, "pooling", None, "avg", "max")
    return () if pooling is None else (Node("GlobalAveragePooling2D" if pooling == "avg" else "GlobalMaxPooling2D"),)


def followed(site: Site, nodes: Sequence[Node], given: Tensor) -> Result:
    """What comes out of the last node, with the weights, the cost and the kept tensors of all.

    Raises:
        Refusal: one of the layers refuses what it gets.
        Unsettled: it hangs on what only data can tell.
    """
    made: list[Tensor] = [given]
    results: list[Result] = []
    # A deep network repeats itself: what a layer makes of a tensor is asked once.
    seen: dict[tuple[str, int, tuple[Tensor, ...]], Result] = {}
    for node in nodes:
        inputs = tuple(made[-back] for back in node.inputs)
        key = (node.name, id(node.arguments), inputs)
        if key not in seen:
            seen[key] = _at(site, node, inputs, given)
        results.append(seen[key])
        made.append(seen[key].outputs[0])
    return chained(Result((given,), kept=()), *results)


def chained(*results: Result) -> Result:
    """Several results as one: the last output, and the weights, the cost and the kept tensors of all."""
    costs = [result.flops for result in results]
    return Result(
        results[-1].outputs,
        joined(*(result.weights for result in results)),
        None if None in costs else sum(cost for cost in costs if cost is not None),
        tuple(t for result in results for t in (result.outputs if result.kept is None else result.kept)),
    )


def _at(site: Site, node: Node, inputs: tuple[Tensor, ...], given: Tensor) -> Result:
    """What one node makes of its inputs; `given` is what the whole architecture was given."""
    family, _, name = node.name.rpartition(".")
    arguments = {
        key: _padding(site, argument, inputs[0], given) if isinstance(argument, Fit) else argument
        for key, argument in node.arguments.items()
    }
    call = Call(family or "layers", name, {**_defaults(family or "layers", name), **arguments})
    inner = site.within(call, _named(call, inputs))
    try:
        result = PRIVATE[name](inner) if name in PRIVATE else apply(inner)
    except Refusal as refusal:
        raise Refusal(
            refusal.code,
            f"{site.label} is given {show(given.shape)}, and inside it {refusal.message}",
            help="give it larger images, of a height and width that are known",
        ) from refusal
    if result is None:
        raise Unsettled
    return result


def _padding(site: Site, fit: Fit, tensor: Tensor, given: Tensor) -> tuple[tuple[int, int], ...]:
    height, width = (None, None) if tensor.shape is None else tensor.shape[1:3]
    if height is not None and width is None:
        raise unsized(site, given)
    half = fit.kernel // 2
    # Of unknown sizes Keras takes both for even.
    parities = (0, 0) if height is None or width is None else (height % 2, width % 2)
    return tuple((half - 1 + odd, half) for odd in parities)


@cache
def _defaults(family: str, name: str) -> Mapping[str, Any]:
    takes = catalog.signature(family, name)
    return {} if takes is None else {argument.name: argument.default for argument in takes.arguments}


def _named(call: Call, inputs: tuple[Tensor, ...]) -> dict[str, Tensor | tuple[Tensor, ...]]:
    """The inputs by the names that the rule of a layer or op knows them by."""
    takes = catalog.signature(call.family, call.name)
    if takes is None or takes.tensors[0].many:
        return {"inputs": inputs}
    return {argument.name: tensor for argument, tensor in zip(takes.tensors, inputs, strict=False)}


def _scaled(site: Site) -> Result:
    """(…, channels) → the same, each channel by a factor that is learnt. ConvNeXt's own layer."""
    inputs = site.tensor()
    return single(inputs.shape, compute_dtype(site), kernels((site.arguments["projection_dim"],)), inputs.elements)


def _added(site: Site) -> Result:
    """Two tensors → the first, and a part of the second added to it. Inception-ResNet's own layer."""
    first, _ = site.tensors()
    return single(first.shape, compute_dtype(site), flops=None if first.elements is None else 2 * first.elements)


PRIVATE: Mapping[str, Rule] = {"CustomScaleLayer": _added, "LayerScale": _scaled}
"""Layers of architectures that are no public ones."""
