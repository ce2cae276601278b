"""The first examples of the training split as the network gets them, for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from specc.backend.data.opening import Data, open_data
from specc.diagnostics import Log
from specc.kinds.arrays import Array
from specc.plan import Plan


@dataclass(frozen=True, slots=True)
class Shown:
    """One field of some examples: the tensor `[examples, …]`, and where it is pictures each as a PNG file's bytes."""

    name: str
    target: bool
    values: Array
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples of the training split in the order of the first epoch, and the words that class numbers stand for."""

    fields: tuple[Shown, ...]
    words: dict[str, tuple[str, ...]]


def first_batch(plan: Plan, log: Log, examples: int) -> Batch:
    """So many of the first batch.

    Raises:
        Rejected: with all S5xx on the log.
    """
    data = open_data(plan, log)
    stream = data.splits["train"].stream(examples, seed=plan.seed, shuffle=data.dataset.shuffle)
    inputs, targets, *_ = next(iter(stream))
    named = [(name, False, tensor) for name, tensor in inputs.items()]
    named += [(name, True, tensor) for name, tensor in targets.items()]
    return Batch(tuple(Shown(name, target, t.numpy(), _pictures(t)) for name, target, t in named), _words(data))


def _words(data: Data) -> dict[str, tuple[str, ...]]:
    """The vocabularies of the fields that have one, by the field's name."""
    facts = {key.partition(".")[2]: told for key, told in data.facts().items()}
    return {name: tuple(map(str, told["vocabulary"])) for name, told in facts.items() if told.get("vocabulary")}


def _pictures(tensor: Any) -> tuple[bytes, ...]:
    """Float pictures `[examples, height, width, 1 or 3 or 4]` as PNG; values other than 0…255 are stretched to that."""
    if len(tensor.shape) != 4 or tensor.shape[-1] not in (1, 3, 4) or not tensor.dtype.is_floating:
        return ()
    values = tensor.numpy()
    least, greatest = float(values.min()), float(values.max())
    if least < 0 or greatest > 255 or greatest <= 32:
        values = (values - least) * (255 / max(greatest - least, 1e-12))
    return tuple(tf.io.encode_png(picture).numpy() for picture in np.round(values).astype(np.uint8))
