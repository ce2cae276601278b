"""Pictures changed at random while training, by Keras's layers: what is drawn is a function of seed, epoch and step.

Keras's layers draw from generators that hold a state, which nobody could bring to the step at which a run goes on, and
which several threads would take from in any order. Here every batch draws from a key of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from specc.backend.lower import lower
from specc.diagnostics import Log, Refusal, Rejected
from specc.kinds.features.image import Image
from specc.plan import MOVING, Dataset

Tensors: TypeAlias = "Mapping[str, Any]"

Augment = Callable[[Tensors, Tensors, Any], tuple[Tensors, Tensors]]
"""Inputs and targets of a batch, and the key that it draws from, to the same changed at random."""


class Drawn(keras.random.SeedGenerator):  # type: ignore[misc]
    """Seeds that follow from a key, one after the other as a graph is traced; without a variable."""

    def __init__(self, key: Any) -> None:
        self.key, self.count = key, 0

    def next(self, ordered: bool = True) -> Any:
        self.count += 1
        return tf.random.experimental.stateless_fold_in(self.key, self.count)


def augmentation(dataset: Dataset, log: Log) -> Augment | None:
    """What `dataset.augment` asks for: the pictures of a batch changed, masks and boxes with them; None for nothing.

    Raises:
        Rejected: what Keras refuses is in `log`.
    """
    if not dataset.augment:
        return None
    layers = []
    for call in dataset.augment:
        try:
            layers.append(lower(call))
        except Refusal as refusal:
            log.refuse(refusal, call.spans.get(refusal.argument, call.span or dataset.span))
            raise Rejected(log) from refusal
    pictures = [field.name for field in dataset.inputs if isinstance(field.feature, Image)]
    masks = [field.name for field in dataset.targets if isinstance(field.feature, Image)]
    boxes = {field.name: written for field in dataset.targets if (written := getattr(field.feature, "boxes", None))}

    def augment(inputs: Tensors, targets: Tensors, key: Any) -> tuple[Tensors, Tensors]:
        changed, followed = dict(inputs), dict(targets)
        for number, layer in enumerate(layers):
            own = tf.random.experimental.stateless_fold_in(key, number)
            for name in masks:
                _draw_from(layer, own)
                moved = layer.get_random_transformation(changed[pictures[0]], training=True)
                followed[name] = _moved_mask(layer, moved, followed[name])
            for name, written in boxes.items() if type(layer).__name__ in MOVING else ():
                _draw_from(layer, own)
                moved = layer.get_random_transformation(changed[pictures[0]], training=True)
                followed[name] = _moved(layer, moved, followed[name], written, changed[pictures[0]].shape[1:3])
            for name in pictures:
                _draw_from(layer, own)
                changed[name] = layer(changed[name], training=True)
        same = {name: tf.ensure_shape(tensor, inputs[name].shape) for name, tensor in changed.items()}
        return same, {name: tf.ensure_shape(tensor, targets[name].shape) for name, tensor in followed.items()}

    return augment


def _moved_mask(layer: Any, moved: Any, mask: Any) -> Any:
    """A mask `[batch, height, width]`, or one with channels, moved as a layer moves pictures."""
    # Keras would take what has no channels for one picture alone.
    flat = len(mask.shape) == 3
    found = layer.transform_segmentation_masks(mask[..., None] if flat else mask, moved, training=True)
    return tf.cast(found[..., 0] if flat else found, mask.dtype)


def _moved(layer: Any, moved: Any, boxes: Any, written: str, size: Any) -> Any:
    """Boxes `[batch, 4]` or `[batch, n, 4]` moved as a layer moves pictures of a size; rows without area stay."""
    height, width = size
    form = {"height": height, "width": width, "dtype": "float32"}
    convert = keras.utils.bounding_boxes.convert_format
    several = tf.reshape(tf.cast(boxes, tf.float32), (tf.shape(boxes)[0], -1, 4))
    corners = convert(several, source=written, target="xyxy", **form)
    # In other formats Keras moves boxes of some layers by as many pixels as they have parts.
    layer.bounding_box_format = "xyxy"
    given = {"boxes": corners, "labels": tf.zeros(tf.shape(corners)[:2])}
    found = layer.transform_bounding_boxes(given, moved, training=True)["boxes"]
    there = (corners[..., 2] > corners[..., 0]) & (corners[..., 3] > corners[..., 1])
    found = convert(tf.reshape(found, tf.shape(corners)), source="xyxy", target=written, **form)
    return tf.cast(tf.reshape(tf.where(there[..., None], found, several), tf.shape(boxes)), boxes.dtype)


def _draw_from(layer: Any, key: Any) -> None:
    """Have a layer draw from a key: the same key, the same draw, for each picture of an example and for its mask."""
    seeds = Drawn(key)
    for one in layer._flatten_layers():
        # Layers that are made of others have a generator each.
        one._get_seed_generator = lambda backend=None: seeds
