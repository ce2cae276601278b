"""Plan → Plan: can it run on the device that it is meant for? So far one is asked about: a TPU.

A TPU runs one program that XLA compiled beforehand. So every shape must be known but that of the batch, which becomes
known when it is divided among the cores; there is no text; and every operation needs a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from specc import codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log
from specc.plan import Plan, Ref, Step
from specc.tensors import Tensor, show

DTYPES = ("string", "complex128")
"""What no core of a TPU computes with."""

TURNED = (
    *("AugMix", "RandAugment", "RandomPerspective", "RandomRotation"),
    *("RandomShear", "RandomTranslation", "RandomZoom"),
)
WITHOUT_KERNEL: Mapping[str, Mapping[str, str]] = {
    "layers": {
        **dict.fromkeys(TURNED, "ImageProjectiveTransformV3"),
        **dict.fromkeys(("CutMix", "MixUp"), "StatelessRandomGammaV3"),
        "HashedCrossing": "SparseCross",
        "Hashing": "StringToHashBucketFast",
        "IntegerLookup": "LookupTableFindV2",
    },
    "ops": {
        "ctc_decode": "CTCGreedyDecoder",
        "det": "MatrixDeterminant",
        "eig": "Eig",
        "i0": "BesselI0",
        **dict.fromkeys(("image.affine_transform", "image.perspective_transform"), "ImageProjectiveTransformV3"),
        "slogdet": "LogMatrixDeterminant",
    },
}
"""The operation of TensorFlow's that XLA cannot compile, by the layer or op that is made of it. Tests hold it against
XLA's own registry of kernels."""

VALUES_DECIDE: Mapping[str, str] = {
    "nonzero": "as many indices as there are values that are not zero",
    "unique": "as many values as differ",
    "RandomCrop": "a part of the picture whose bounds are drawn",
}
"""Ops and layers whose results are as large as values have it."""


def aim_at_tpu(plan: Plan, log: Log, cores: int) -> Plan:
    """Report S603 for what cannot run on a TPU, and S602 for a batch that its cores cannot share."""
    for given in plan.network.inputs:
        if given.tensor.dtype in DTYPES:
            log.report(
                codes.S603,
                given.span,
                f"the input `{given.name}` is `{given.tensor.dtype}`, which a TPU does not compute with",
                help="prepare it in `dataset.inputs`, before the network",
            )
        elif plan.dataset is None and _is_open(given.tensor):
            log.report(
                codes.S603,
                given.span,
                f"the input `{given.name}` is {given.tensor}, and programs for a TPU have fixed shapes",
                help="give every dimension a size, and pad what is shorter",
            )
    for step in plan.network.steps:
        _look_at(step, plan, log)
    if plan.dataset is not None and plan.dataset.batch_size % cores:
        rest = plan.dataset.batch_size % cores
        nearest = max(cores, plan.dataset.batch_size - rest)
        tree = plan.tree["dataset"].get("batch_size")
        log.report(
            codes.S602,
            tree.span if tree else plan.dataset.span,
            f"a batch of {plan.dataset.batch_size} cannot be divided among the {cores} cores of a TPU",
            help=f"write `batch_size: {nearest}`, or another multiple of {cores}",
        )
    return plan


def _look_at(step: Step, plan: Plan, log: Log) -> None:
    """Report what of a step cannot be on a TPU: it is told once, where it comes from."""
    fed = [plan.network.tensor(ref) for edge in step.inputs.values() for ref in _refs(edge)]
    if any(tensor is not None and (tensor.dtype in DTYPES or _is_open(tensor)) for tensor in fed):
        return
    for call in _calls(step.call):
        if lacking := _lacking(call):
            log.report(
                codes.S603,
                step.span,
                f"`{_label(call)}` cannot run on a TPU: there is no kernel for TensorFlow's `{lacking}`",
                help="leave it to the data, before the network" if step.call.family == "layers" else "",
                related=step.callers,
            )
            return
    if None in fed:
        return
    for tensor in step.outputs or ():
        if tensor.dtype in DTYPES:
            log.report(
                codes.S603,
                step.span,
                f"`{step.label}` gives `{tensor.dtype}`, which a TPU does not compute with",
                help="let it give numbers" if tensor.dtype == "string" else "write `complex64`, or split it in two",
                related=step.callers,
            )
            return
        if _is_open(tensor) and any(_waits(call) for call in _calls(step.call)):
            return  # the data will tell, before anything runs
        if _is_open(tensor) or step.call.name in VALUES_DECIDE:
            why = VALUES_DECIDE.get(step.call.name, f"{show(tensor.shape)}, as is known only when it runs")
            log.report(
                codes.S603,
                step.span,
                f"`{step.label}` gives {why}, and programs for a TPU have fixed shapes",
                help="mask what does not count instead: `ops.where` keeps the shape"
                if step.call.family == "ops"
                else "leave it to the data, before the network",
                related=step.callers,
            )
            return


def _lacking(call: Call) -> str | None:
    return WITHOUT_KERNEL.get(call.family, {}).get(call.name)


def _waits(call: Call) -> bool:
    return any(value is UNKNOWN_VALUE for value in call.arguments.values())


def _calls(value: Any) -> Iterator[Call]:
    """A call and every layer in its arguments: what `Bidirectional` and `Pipeline` hold."""
    if isinstance(value, Call):
        yield value
        for argument in value.arguments.values():
            yield from _calls(argument)
    elif isinstance(value, tuple):
        for item in value:
            yield from _calls(item)


def _label(call: Call) -> str:
    return call.name if call.family == "layers" else f"{call.family}.{call.name}"


def _refs(edge: Ref | tuple[Ref, ...]) -> tuple[Ref, ...]:
    return edge if isinstance(edge, tuple) else (edge,)


def _is_open(tensor: Tensor) -> bool:
    """Whether more of a shape than the batch is unknown."""
    return tensor.shape is not None and None in tensor.shape[1:]
