"""The layers of `dataset.augment`: S102 to S105 and S302 where they would not change pictures and pictures alone."""

from __future__ import annotations

from specc import catalog, codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log, Refusal, nearest
from specc.kinds.features.image import Image
from specc.plan import MOVING, Dataset, Field
from specc.shapes import Site, Unsettled, apply
from specc.shapes.dimensions import alike
from specc.tensors import Tensor, show

UNFIT = {
    "AugMix": "draws with Python's own generator, which no seed of a spec reaches",
    "CutMix": "mixes examples, and would have to mix their targets as well",
    "MixUp": "mixes examples, and would have to mix their targets as well",
}


BOXLESS = {
    "RandAugment": "chooses among layers of which some cannot move boxes",
    "RandomElasticTransform": "bends pictures, and cannot move boxes",
    "RandomShear": "moves boxes by some pixels otherwise than the picture",
}


def augmentations() -> tuple[str, ...]:
    """The layers of Keras's that change a picture at random and leave its size."""
    return tuple(name for name in catalog.names("layers") if name.startswith("Rand") and name != "RandomCrop")


def judge_augmentation(dataset: Dataset, log: Log) -> None:
    """Report calls that are no augmentation, and pictures that they do not take."""
    if not dataset.augment:
        return
    pictures = [field for field in dataset.inputs if isinstance(field.feature, Image)]
    place = dataset.augment[0].span or dataset.span
    if not pictures:
        log.report(
            codes.S105,
            place,
            "`augment` changes pictures, and none of the inputs is one",
            help="leave it out, or put a layer like `GaussianNoise` into the network",
        )
        return
    for call in dataset.augment:
        if _is_augmentation(call, dataset, log):
            for field in pictures:
                _judge_picture(call, field, dataset, log)
        _judge_boxes(call, dataset, log)
    _judge_masks(pictures[0], dataset, log)


def _is_augmentation(call: Call, dataset: Dataset, log: Log) -> bool:
    known = augmentations()
    if call.name not in known:
        close = nearest(call.name, known)
        why = UNFIT.get(call.name, "changes no picture at random, or not to one of the same size")
        help = f"did you mean `{close}`?" if close else f"there are {', '.join(known[:6])} and others like them"
        log.report(codes.S105, call.span or dataset.span, f"`{call.name}` is no augmentation here: it {why}", help=help)
        return False
    if call.arguments.get("seed") is not None:
        told = "what is drawn is a function of the spec's `seed`, the epoch and the step"
        log.report(codes.S105, call.spans.get("seed", dataset.span), told, help="leave the layer's own `seed` out")
        return False
    return all(value is not UNKNOWN_VALUE for value in call.arguments.values())


def _judge_picture(call: Call, field: Field, dataset: Dataset, log: Log) -> None:
    given = field.feature.tensor()
    place = call.span or dataset.span
    try:
        completed = catalog.completed(call)
        result = apply(Site(completed, completed.arguments, {"data": given}))
    except Unsettled:
        return
    except Refusal as refusal:
        log.refuse(refusal, call.spans.get(refusal.argument, place))
        return
    if result is None:
        return
    changed = result.outputs[0]
    if changed.dtype not in (given.dtype, None) or not alike_shapes(changed, given):
        log.report(
            codes.S302,
            place,
            f"`{call.name}` makes {show(changed.shape)} of {changed.dtype} from `{field.name}`, {show(given.shape)} of "
            f"{given.dtype}",
            help="an augmentation leaves shape and dtype as they are",
        )


def _judge_boxes(call: Call, dataset: Dataset, log: Log) -> None:
    """Boxes among the targets are moved as their picture is."""
    boxes = next((field.name for field in dataset.targets if getattr(field.feature, "boxes", None)), None)
    if boxes is not None and call.name in BOXLESS:
        told = f"`{call.name}` {BOXLESS[call.name]}, and `{boxes}` holds boxes"
        log.report(codes.S105, call.span or dataset.span, told, help=f"use {', '.join(MOVING)}")


def _judge_masks(picture: Field, dataset: Dataset, log: Log) -> None:
    """A mask is changed as its picture is, and so has its height and width."""
    size = (picture.feature.tensor().shape or ())[1:3]
    for target in dataset.targets:
        if isinstance(target.feature, Image):
            other = (target.feature.tensor().shape or ())[1:3]
            if None not in (*size, *other) and size != other:
                log.report(
                    codes.S302,
                    target.span,
                    f"`augment` cannot change `{target.name}` of {show(other)} pixels as it does `{picture.name}` of "
                    f"{show(size)}",
                    help=f"`size: {list(size)}`",
                )


def alike_shapes(one: Tensor, other: Tensor) -> bool:
    """Whether two shapes agree as far as they are known."""
    if one.shape is None or other.shape is None:
        return True
    return len(one.shape) == len(other.shape) and alike(one.shape, other.shape)
