"""A Keras loss as a sum and what it is to be divided by, so that replicas add up to exactly one device.

Keras divides by what one replica holds and then by the number of replicas, which is right only where all hold the same
number of examples, or of steps that a mask lets through. Here each replica gives its sum and its share of the divisor,
and the division comes after the divisors of all replicas were added.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from keras import ops

AVERAGED = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum")
"""The reductions that make one number of a batch."""


def counted(targets: Any, answer: Any, ignored: int | None) -> tuple[Any, Any, Any]:
    """Targets, what the network answers, and where both count: those that are `ignored` become class 0, which every
    loss and metric can take.

    Returns:
        The mask is None where all count, else of the shape of the targets. Then one probability a target has a
        dimension of its own, so that Keras does not make the mean of several.
    """
    if ignored is None:
        return targets, answer, None
    there = ops.not_equal(targets, ignored)
    targets = ops.where(there, targets, ops.zeros_like(targets))
    if len(answer.shape) == len(there.shape):
        mask, answer = mask_of(answer), ops.expand_dims(answer, -1)
        answer._keras_mask = mask
    if answer.shape[-1] == 1:
        targets = ops.expand_dims(targets, -1)
    return targets, answer, there


def summed(
    loss: Any, y_true: Any, y_pred: Any, replicas: int, weights: Any = None, there: Any = None
) -> tuple[Any, Any]:
    """The sum of a `keras.losses.Loss` over the examples that one replica holds, and its share of the divisor.

    Args:
        y_true: targets `[examples, …]`. y_pred: the network's output, which may carry a mask.
        weights: one for each example, which the sum is weighed by; the divisor stays, as in `fit`.
        there: where the targets count, a mask of their shape.

    Returns:
        Two float32 scalars. Summed over replicas, their quotient is `loss(y_true, y_pred)` of the global batch.
    """
    if replicas == 1 and weights is None and there is None and loss.reduction in AVERAGED:
        # Nothing is to be added up: Keras's own arithmetic, so that `fit` comes to the same to the bit.
        return loss(y_true, y_pred), ops.ones([], loss.dtype)
    examples = ops.cast(ops.shape(y_pred)[0], loss.dtype)
    given = mask_of(y_pred)
    y_pred = ops.convert_to_tensor(y_pred, dtype=loss.dtype)
    y_true = ops.convert_to_tensor(y_true, dtype=loss.dtype)
    values = loss.call(y_true, y_pred)
    made = mask_of(values)  # `ignore_class` makes one
    if len(values.shape) == 0:
        # Dice and its like make one number of a batch: the mean over replicas, by examples, is the nearest there is.
        # They are made of products and sums, in which 0 towards 0 does not count.
        if there is not None:
            values = loss.call(_where(there, y_true), _where(there, y_pred))
        return values * (examples if weights is None else ops.sum(ops.cast(weights, loss.dtype))), examples
    masks = [ops.cast(one, "bool") for one in (given, made, there) if one is not None]
    mask = reduce(ops.logical_and, masks) if masks else None
    count = ops.cast(ops.size(values), loss.dtype)
    if mask is not None:
        mask = ops.cast(mask, values.dtype)
        if len(mask.shape) + 1 == len(values.shape):
            mask = ops.expand_dims(mask, -1)
        passed = ops.broadcast_to(mask, ops.shape(values))
        values, count = values * passed, ops.sum(passed)
    if weights is not None:
        chosen = ops.reshape(ops.cast(weights, values.dtype), (-1, *(1 for _ in values.shape[1:])))
        values = values * chosen
        if loss.reduction == "mean_with_sample_weight":
            counted = ops.ones_like(values) if mask is None else passed
            count = ops.sum(counted * chosen)
    if loss.reduction in ("sum", "none", None):
        count = ops.cast(1.0 / replicas, loss.dtype)
    return ops.sum(values), count


def update(metric: Any, target: Any, answer: Any, weights: Any, ignored: int | None) -> None:
    """Have a Keras metric count the examples of a batch, by their weights where they have some, and nothing masked."""
    given = weights
    target, answer, there = counted(target, answer, ignored)
    if weights is not None and (mask := there if there is not None else mask_of(answer)) is not None:
        # Keras multiplies the two as they are.
        given = ops.reshape(weights, (-1, *(1 for _ in mask.shape[1:])))
    if there is not None:
        there = ops.cast(there, "float32")
        given = there if given is None else there * given
    metric.update_state(target, answer, sample_weight=given)


def _where(there: Any, values: Any) -> Any:
    """Values where a mask lets them through, else 0; they may have a dimension more than it."""
    mask = ops.cast(there, values.dtype)
    return values * (ops.expand_dims(mask, -1) if len(mask.shape) < len(values.shape) else mask)


def of_classes(weights: Any, targets: Any) -> Any:
    """The weight of each example's class, of a weight for the number of each class."""
    return ops.take(ops.convert_to_tensor(weights, "float32"), class_numbers(targets))


def class_numbers(targets: Any) -> Any:
    """The number of the class of each example, from numbers, from yes and no, or from one-hot vectors."""
    if len(targets.shape) > 1:
        targets = targets[:, 0] if targets.shape[-1] == 1 else ops.argmax(targets, axis=-1)
    return ops.cast(targets, "int32")


def mask_of(tensor: Any) -> Any:
    """The mask that Keras hung on a tensor, or None."""
    return getattr(tensor, "_keras_mask", None)


def first(tensor: Any, count: Any) -> Any:
    """The first `count` examples of a tensor, and of its mask where it has one."""
    head = tensor[:count]
    if (mask := mask_of(tensor)) is not None:
        head._keras_mask = mask[:count]
    return head
