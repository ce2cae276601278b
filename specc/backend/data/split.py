"""A split as batches: in order once, or endlessly in an order that is a function of the seed and the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from specc.backend.data.augmentation import Augment, Tensors
from specc.backend.data.cut import Cut
from specc.backend.data.inline import Inline
from specc.backend.data.order import FEW, in_order
from specc.backend.data.prepared import Kept, UnreadableError, as_written, raw_fields, take
from specc.data.faults import undecodable
from specc.kinds.arrays import Array
from specc.kinds.features import Feature

SAMPLE = 256
"""Of so many examples the raw fields are kept."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split; elements are `(inputs, targets)`, two mappings from field names to tensors.

    Where examples have weights, an element is `(inputs, targets, weights)`.
    """

    places: Array
    """For each example the row of the kept fields that is its own."""
    inputs: Mapping[str, Kept]
    targets: Mapping[str, Kept]
    sample: Mapping[str, Array]
    """The raw inputs of the first rows, by name."""
    origin: Array
    """For each row of the kept fields its number in the source."""
    weight: Kept | None = None
    """How much each example counts."""
    folder: Any = None
    """Holds the directory of what is kept on disk, for as long as the split is in use."""

    @property
    def examples(self) -> int:
        return len(self.places)

    @property
    def rows(self) -> Array:
        """The number of each example's own row in the source."""
        return self.origin[self.places]

    def steps(self, batch_size: int) -> int:
        """Batches in an epoch, the last of which may be smaller."""
        return -(-self.examples // batch_size)

    def stream(
        self,
        batch_size: int,
        *,
        seed: int,
        shuffle: bool | int,
        epoch: int = 0,
        step: int = 0,
        augment: Augment | None = None,
        cut: Cut | None = None,
    ) -> Any:
        """Endless batches, beginning at a step of an epoch as if all before it had been taken.

        Every epoch has an order of its own, a function of (seed, epoch) only, and every example once. `shuffle` is
        whether it is another than that of the data; a number says how far from its place an example may come to be.
        What `augment` draws is a function of (seed, epoch, step). `cut` divides global batches, and adds to each part
        its size: it is given the numbers of examples, so that nobody reads what is another's, but where pictures are
        changed the whole batch, which draws from one key.
        """
        return self._elements(self._numbers(batch_size, seed, shuffle, epoch, step), augment, cut)

    def batch(self, batch_size: int, *, seed: int, shuffle: bool | int, epoch: int, step: int) -> Array:
        """The examples of one batch of such a stream, by their numbers."""
        examples, _ = next(iter(self._numbers(batch_size, seed, shuffle, epoch, step)))
        return np.asarray(examples)

    def _numbers(self, batch_size: int, seed: int, shuffle: bool | int, epoch: int, step: int) -> Any:
        """The numbers of the examples of each batch, endlessly, and the key that the batch draws from."""

        def one_epoch(number: Any) -> Any:
            key = _key(seed, number)
            ordered = in_order(self.examples, shuffle, key)
            first = tf.where(number == epoch, tf.constant(step, tf.int64), 0)
            steps = tf.data.Dataset.range(first, self.steps(batch_size))
            return steps.map(
                lambda i: (
                    ordered(i * batch_size, tf.minimum((i + 1) * batch_size, self.examples)),
                    tf.random.experimental.stateless_fold_in(key, i),
                )
            )

        return tf.data.Dataset.counter(epoch).flat_map(as_written(one_epoch))

    def inline(
        self,
        batch_size: int,
        *,
        seed: int = 0,
        shuffle: bool | int = False,
        epoch: int = 0,
        step: int = 0,
        cut: Cut | None = None,
    ) -> Inline | None:
        """What `stream` gives, by operations of the loop's own; None where examples are not all in memory, or too many.

        Without `shuffle` every epoch is what `batches` gives.
        """
        if self._waits or self.examples > FEW:
            return None

        def order(number: Any) -> Any:
            return in_order(self.examples, shuffle, _key(seed, number))(0, self.examples)

        steps = self.steps(batch_size)
        return Inline(self._taken, order, steps=steps, batch_size=batch_size, epoch=epoch, step=step, cut=cut)

    def batches(self, batch_size: int) -> Any:
        """Every example once, in order."""
        examples = tf.constant(self.examples, tf.int64)
        steps = tf.data.Dataset.range(self.steps(batch_size))

        def rows(i: Any) -> Any:
            return tf.range(i * batch_size, tf.minimum((i + 1) * batch_size, examples)), i

        return self._elements(steps.map(as_written(rows)))

    def _elements(self, numbers: Any, augment: Augment | None = None, cut: Cut | None = None) -> Any:
        """Numbers of examples, a batch at a time, and the key that each batch draws from, to the examples."""
        if cut is not None and augment is not None:
            return cut.dataset(self._elements(numbers, augment))
        if cut is not None:
            numbers = cut.dataset(numbers.map(as_written(lambda rows, key: (rows,))))

        def examples(batch: Any, last: Any) -> Any:
            inputs, targets, *weight = self._taken(batch)
            if augment is not None:
                inputs, targets = augment(inputs, targets, last)
            return (inputs, targets, *weight, *(() if cut is None else (last,)))

        # A gather is over before a second thread has been woken; decoding files, or reading from disk, is not.
        waits = augment is not None or self._waits
        options = tf.data.Options()
        options.deterministic = True
        # The thread that tunes an iterator can miss that it is to end, and sleeps on for up to a minute while whoever
        # ends the iterator waits: often so on one core. Untuned, a map has a thread for each core.
        options.autotune.enabled = False
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
        elements = numbers.map(as_written(examples), num_parallel_calls=tf.data.AUTOTUNE if waits else None)
        return elements.prefetch(tf.data.AUTOTUNE).with_options(options)

    def _taken(self, numbers: Any) -> Any:
        """An element of the examples with these numbers."""
        places = self._places
        rows = numbers if places is None else tf.cast(tf.gather(places, numbers), tf.int64)
        tensors = take(self._fields, rows)
        inputs: Tensors = {name: tensors[f"inputs.{name}"] for name in self.inputs}
        targets: Tensors = {name: tensors[f"targets.{name}"] for name in self.targets}
        return (inputs, targets, tensors["weight"]) if "weight" in tensors else (inputs, targets)

    @cached_property
    def _fields(self) -> dict[str, Kept]:
        fields = {f"inputs.{name}": field for name, field in self.inputs.items()}
        fields |= {f"targets.{name}": field for name, field in self.targets.items()}
        return fields if self.weight is None else fields | {"weight": self.weight}

    @cached_property
    def _waits(self) -> bool:
        """Whether a batch waits for files or a disk."""
        return any(not field.ready or field.stored for field in self._fields.values())

    @cached_property
    def _places(self) -> Any:
        """The rows of the examples as a tensor; None where all rows are examples, in their order."""
        if len(self.places) == len(self.origin):
            return None
        with tf.init_scope(), tf.device("CPU:0"):
            return tf.constant(self.places)

    def raw(self, examples: slice) -> dict[str, Array]:
        """The raw inputs of some of the first examples, as the served model takes them; of files, bytes.

        There are no more than `SAMPLE`, and fewer where rows among the first were passed over.

        Raises:
            Refusal: S501 when a file is gone.
        """
        raw = {}
        for name, field in self.inputs.items():
            values = self.sample[name][self.sampled[examples, None] + field.window]
            raw[name] = values if field.offsets else values[:, 0]
            if field.state.get("files"):
                raw[name] = _contents(field.feature, raw[name])
        return raw

    @cached_property
    def sampled(self) -> Array:
        """The places of the examples of which all raw inputs are kept."""
        ends = [len(self.sample[name]) - max(field.window) for name, field in self.inputs.items()]
        first = self.places[:SAMPLE]
        return np.asarray(first[first < min(ends)])


def _contents(feature: Feature, files: Array) -> Array:
    try:
        return raw_fields(feature, files)
    except UnreadableError as error:
        raise undecodable(files.tolist(), feature) from error


def _key(seed: int, epoch: Any) -> Any:
    """What an epoch is drawn from, int64 `[2]`."""
    return tf.stack([tf.constant(_signed(seed), tf.int64), epoch])


def _signed(seed: int) -> int:
    """Any integer as an int64."""
    return (seed + 2**63) % 2**64 - 2**63
