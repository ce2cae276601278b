"""What reaches the network: pictures as they lie, batches and who shares them."""

from __future__ import annotations

from collections.abc import Iterator

from specc import codes
from specc.diagnostics import Diagnostic, Related
from specc.kinds.features.image import Image
from specc.passes.advise.graph import (
    LINEAR,
    NORMALIZATIONS,
    PLAIN,
    POOLINGS,
    Graph,
    activation,
    is_linear_activation,
    layer,
    named,
    value,
)
from specc.plan import Step

OF_BYTES = ("image_folder", "idx", "csv")
"""Readers whose pictures are bytes, 0 to 255, and no arrays that may be scaled already."""
SHAPING = (
    *("Flatten", "Reshape", "Permute", "Resizing", "CenterCrop", "Cropping2D", "ZeroPadding2D", "UpSampling2D"),
    *PLAIN,
    *POOLINGS,
)
"""Layers behind which bytes are still as large; so are pictures that a `Random…` layer changed."""
SCALING_THEMSELVES = ("EfficientNet", "ConvNeXt", "MobileNetV3")
"""Applications that begin with scaling, unless `include_preprocessing: false` takes it out."""
NORMALIZED_WITHIN = ("VGG",)
"""Applications that nothing normalizes within."""


def unscaled_pictures(graph: Graph) -> Iterator[Diagnostic]:
    """W501: bytes, 0 to 255, that meet weights before anything scales them."""
    dataset = graph.plan.dataset
    if dataset is None or any(reader.name not in OF_BYTES for reader in dataset.sources.values()):
        return
    for field in dataset.inputs:
        if not isinstance(field.feature, Image):
            continue
        step = _first_weights(graph, field.name)
        if step is not None:
            yield Diagnostic(
                codes.W501,
                field.span,
                f"the pixels of `{field.name}` reach {named(step)} as they lie, from 0 to 255",
                help=_scaling(step),
                related=(Related("nothing scales them before", step.span), *step.callers),
            )


def _first_weights(graph: Graph, name: str) -> Step | None:
    """The first step that multiplies what lies at a name by weights, unscaled before and not normalized behind."""
    waiting, seen = [name], {name}
    while waiting:
        for step in graph.users.get(waiting.pop(), ()):
            if step.name in seen:
                continue
            seen.add(step.name)
            if layer(step) in SHAPING or layer(step).startswith("Random") or is_linear_activation(step):
                waiting.append(step.name)
            elif _suffers(graph, step):
                return step
    return None


def _suffers(graph: Graph, step: Step) -> bool:
    """Does this step want small numbers?"""
    if step.call.family == "applications":
        if step.call.name.startswith(SCALING_THEMSELVES) and value(step, "include_preprocessing") is not False:
            return False
        return value(step, "weights") is not None or step.call.name.startswith(NORMALIZED_WITHIN)
    if layer(step) not in LINEAR:
        return False
    # What a normalization takes can be of any size, also through a function that keeps proportions, like `relu`.
    behind = graph.then(step) if activation(step) in ("linear", "relu") else None
    while behind is not None and (layer(behind) in SHAPING or activation(behind) in ("linear", "relu", "leaky_relu")):
        if layer(behind) in LINEAR:
            break
        behind = graph.then(behind)
    return behind is None or layer(behind) not in NORMALIZATIONS


def _scaling(step: Step) -> str:
    if step.call.family == "applications" and value(step, "weights") is not None:
        return "scale them as its weights were trained: `specc explain W501` says how for each architecture"
    return "begin with `Rescaling: 0.00392156862745098`, which is 1/255"


def uneven_batches(graph: Graph) -> Iterator[Diagnostic]:
    """W601: a batch size that is no multiple of the devices that `mirrored` names."""
    dataset, strategy = graph.plan.dataset, graph.plan.runtime.strategy
    devices = strategy.arguments.get("devices")
    if dataset is None or strategy.name != "mirrored" or not isinstance(devices, (list, tuple)):
        return
    size, replicas = dataset.batch_size, len(devices)
    if replicas < 2 or size % replicas == 0:
        return
    written = graph.plan.tree["dataset"].get("batch_size")
    near = [n for n in (size - size % replicas, size + replicas - size % replicas) if n]
    yield Diagnostic(
        codes.W601,
        written.span if written is not None else dataset.span,
        f"a batch of {size} cannot be shared evenly by {replicas} devices: at each step some wait for the others",
        help=f"take {' or '.join(map(str, near))}",
        related=(Related("the devices", strategy.spans["devices"]),) if "devices" in strategy.spans else (),
    )
