"""Indices and what they look up: an `Embedding` smaller than the numbers that can come is S306.

Each step is followed for how many different indices can come out of it: at least so many, from 0. What is not known is
never an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from specc import catalog, codes
from specc.calls import Call
from specc.diagnostics import Log, Related
from specc.kinds.features import is_class
from specc.kinds.features.binary import Binary
from specc.kinds.features.number import Number
from specc.kinds.features.tensor import Tensor
from specc.plan import Field, LookUp, Plan, Ref, Step
from specc.tensors import Shape

SIZES = {"Embedding": "input_dim", "ReversibleEmbedding": "input_dim", "CategoryEncoding": "num_tokens"}
"""Layers that take indices below a size, and the argument that is it."""
FAILING = ("Embedding", "ReversibleEmbedding")
"""Those of them that have nothing to give for another index."""
SIZED_OPS = {"one_hot": "num_classes", "nn.one_hot": "num_classes"}

KEEP = (
    *("Reshape", "Flatten", "Permute", "RepeatVector", "Identity", "Masking", "Concatenate", "Maximum"),
    *("Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "UpSampling1D"),
)
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
    *("stop_gradient", "repeat", "tile", "concatenate", "stack", "hstack", "vstack", "maximum", "sort", "broadcast_to"),
)
"""What passes indices on, whole."""


@dataclass(frozen=True, slots=True)
class Range:
    """So many indices can come, from 0; and where that is said. With `scale` they are no indices at all.

    `formula` is what a spec can write for the count.
    """

    count: int
    origin: str
    places: tuple[Related, ...] = field(default=(), compare=False)
    scale: str | None = None
    formula: str = ""


LOOKING_UP = frozenset((*SIZES, *SIZED_OPS, "TimeDistributed"))
"""Steps that may look something up: most networks have none of them."""


def judge_ranges(plan: Plan, log: Log) -> None:
    """Report every step that looks indices up in fewer entries than can come."""
    network = plan.network
    if not any(step.call.name in LOOKING_UP for step in network.steps):
        return
    fields = {one.name: one for one in plan.dataset.inputs} if plan.dataset else {}
    known = {
        given.name: _of_a_field(fields[given.name], plan.source.facts.get(f"inputs.{given.name}", {}))
        for given in network.inputs
        if given.name in fields
    }
    shapes = {given.name: given.tensor.shape for given in network.inputs}
    for step in network.steps:
        refs = [ref for edge in step.inputs.values() for ref in (edge if isinstance(edge, tuple) else (edge,))]
        given = [found for ref in refs if (found := known.get(ref.name)) is not None]
        largest = max(given, key=lambda one: (one.scale is not None, one.count), default=None)
        if largest is not None:
            _judge(step, largest, log)
        shapes[step.name] = step.outputs[0].shape if step.outputs and len(step.outputs) == 1 else None
        known[step.name] = _after(step, largest, shapes.get(refs[0].name) if refs else None)


def with_lookups(plan: Plan) -> Plan:
    """The plan with what looks up arrays of indices noted at their fields, so that rows are held to it when read.

    Of other features it is known beforehand how many indices they give.
    """
    arrays = {one.name for one in plan.dataset.inputs if isinstance(one.feature, Tensor)} if plan.dataset else set()
    found: dict[str, LookUp] = {}
    for step in plan.network.steps:
        argument = SIZES.get(step.call.name) if step.call.name in FAILING and step.call.family == "layers" else None
        entries = _count(step.call.arguments.get(argument)) if argument else None
        if argument is None or entries is None or step.options.get("reverse"):
            continue
        for edge in step.inputs.values():
            if not isinstance(edge, Ref) or edge.name not in arrays:
                continue
            if edge.name not in found or entries < found[edge.name].entries:
                found[edge.name] = LookUp(step.label, argument, entries)
    if not found or plan.dataset is None:
        return plan
    inputs = tuple(replace(one, looked_up=found.get(one.name)) for one in plan.dataset.inputs)
    return replace(plan, dataset=replace(plan.dataset, inputs=inputs))


def _judge(step: Step, given: Range, log: Log) -> None:
    call = step.call
    inner = call.arguments.get("layer")
    if call.name == "TimeDistributed" and isinstance(inner, Call):
        call = inner
    argument = (SIZES if call.family == "layers" else SIZED_OPS if call.family == "ops" else {}).get(call.name)
    size = call.arguments.get(argument) if argument else None
    if argument is not None and given.scale is not None:
        log.report(
            codes.S306,
            step.span,
            f"`{step.label}` looks up whole numbers from 0, and {given.origin} has `scale: {given.scale}`, which makes "
            "fractions of them",
            help="let the input be `type: category`, or leave out the scaling",
            related=(*given.places, *step.callers),
        )
        return
    if argument is None or not isinstance(size, int) or isinstance(size, bool) or size >= given.count:
        return
    log.report(
        codes.S306,
        step.span,
        f"`{argument}: {size}` has the indices from 0 to {size - 1}, and {given.origin} gives them up to "
        f"{given.count - 1}",
        help=f"let `{argument}` be at least {given.count}" + (f": `{given.formula}`" if given.formula else ""),
        related=(*given.places, *step.callers),
    )


def _of_a_field(one: Field, facts: Mapping[str, Any]) -> Range | None:
    places = (Related(f"the input `{one.name}`", one.span),)
    origin = f"the input `{one.name}`"
    if isinstance(one.feature, Binary):
        return Range(2, origin, places)
    if isinstance(one.feature, Number) and one.feature.scale in ("standard", "minmax") and not is_class(one.feature):
        return Range(0, origin, places, one.feature.scale)
    if not is_class(one.feature):
        return None
    classes = {**one.feature.facts(), **facts}.get("classes")
    formula = f"${{inputs.{one.name}.classes}}"
    return Range(classes, origin, places, formula=formula) if isinstance(classes, int) else None


def _after(step: Step, given: Range | None, shape: Shape | None) -> Range | None:
    """The range of what comes out of a step that is given a tensor of this shape."""
    call, name = step.call, step.call.name
    here = (Related("the indices are made here", step.span),)
    if call.family == "ops":
        if name in ("argmax", "argmin"):
            axis = call.arguments.get("axis")
            count = shape[axis] if shape and isinstance(axis, int) and -len(shape) <= axis < len(shape) else None
            return None if count is None else Range(count, f"`ops.{name}`", here)
        return given if name in KEEP_OPS else None
    if call.family != "layers":
        return None
    if name in KEEP:
        return given
    count = _made(call)
    return None if count is None else Range(count, f"`{name}`", here)


def _made(call: Call) -> int | None:
    """How many indices a layer of preprocessing makes, by its arguments."""
    takes = catalog.signature("layers", call.name)
    given = {a.name: a.default for a in takes.arguments} | dict(call.arguments) if takes else {}
    if given.get("output_mode", "int") != "int" or given.get("invert"):
        return None
    vocabulary, tokens = given.get("vocabulary"), _count(given.get("max_tokens"))
    match call.name:
        case "Hashing" | "HashedCrossing":
            return _count(given.get("num_bins"))
        case "Discretization":
            edges = given.get("bin_boundaries")
            return len(edges) + 1 if isinstance(edges, list) else _count(given.get("num_bins"))
        case "IntegerLookup" | "StringLookup":
            unknown = _count(given.get("num_oov_indices"))
            special = None if unknown is None else unknown + (given.get("mask_token") is not None)
        case "TextVectorization":
            special = 2
        case _:
            return None
    if special is None or not isinstance(vocabulary, list):
        return tokens
    tells_special = (
        any(entry in ("", "[UNK]", given.get("oov_token")) for entry in vocabulary[:2]) if special else False
    )
    return len(vocabulary) + (0 if tells_special else special)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
