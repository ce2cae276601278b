"""What reaches the network: pictures as they lie, batches and who shares them."""

from __future__ import annotations

from collections.abc import Iterator

from specc import codes
from specc.diagnostics import Diagnostic, Related, Span
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
from specc.plan import Dataset, Step

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
COUNTED = 2**31 - 1
"""How far TensorFlow's kernels on a GPU count: see its issues 87457 and 99894."""


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
    near = [n for n in (size - size % replicas, size + replicas - size % replicas) if n]
    yield Diagnostic(
        codes.W601,
        _batch(graph, dataset),
        f"a batch of {size} cannot be shared evenly by {replicas} devices: at each step some wait for the others",
        help=f"take {' or '.join(map(str, near))}",
        related=(Related("the devices", strategy.spans["devices"]),) if "devices" in strategy.spans else (),
    )


def uncountable_batches(graph: Graph) -> Iterator[Diagnostic]:
    """W604: a step that makes more numbers of a batch than kernels on a GPU count, where one may be trained on."""
    dataset, strategy = graph.plan.dataset, graph.plan.runtime.strategy
    devices = strategy.arguments.get("devices") or ()
    on_cpu = strategy.name == "mirrored" and any(str(device).startswith("cpu") for device in devices)
    if dataset is None or strategy.name not in ("auto", "gpu", "mirrored") or on_cpu:
        return
    replicas = max(1, len(devices))
    sizes = [(max((out.elements or 0 for out in step.outputs or ()), default=0), step) for step in graph.network.steps]
    most, step = max(sizes, key=lambda found: found[0], default=(0, None))
    share = -(-dataset.batch_size // replicas)
    if step is None or most * share <= COUNTED:
        return
    fits = COUNTED // most * replicas
    shared = "" if devices or strategy.name == "gpu" else " for each GPU that shares it"
    yield Diagnostic(
        codes.W604,
        step.span,
        f"{named(step)} makes {most * share:,} numbers of a batch, and TensorFlow's kernels on a GPU count to"
        f" {COUNTED:,}: some end the process beyond",
        help=f"take `batch_size: {fits}` or less{shared}" if fits else "make of it less: one example alone is too much",
        related=(Related("the batch", _batch(graph, dataset)), *step.callers),
    )


def _batch(graph: Graph, dataset: Dataset) -> Span:
    """Where the size of a batch is written, or else the dataset."""
    written = graph.plan.tree["dataset"].get("batch_size")
    return dataset.span if written is None else written.span
