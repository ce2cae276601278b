"""`image`: a picture, from arrays or from files. Values stay as they lie, 0…255 for files: scaling is the network's.

With `classes` it is a mask: every pixel is the number of a class, and stays one when the size changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S104, S105, S503, S504
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State
from specc.kinds.features._columns import arrays, unbounded
from specc.kinds.features._decoding import colors, grey, has_palette, has_true_colors, places, stored
from specc.kinds.features._files import form, given
from specc.kinds.features._orientation import upright
from specc.kinds.features._resizing import smoothed
from specc.tensors import Tensor

CHANNELS = (1, 3, 4)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, float [height, width, channels]; or a mask of class numbers, int [height, width]."""

    numeric: ClassVar[bool] = False
    formats: ClassVar[str] = "save as JPEG or PNG"

    size: Sequence[int] | None = argument(
        "height and width in pixels; left out: as the arrays have it",
        {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2},
        default=None,
    )
    channels: int | None = argument(
        "1 grey, 3 red-green-blue, 4 with opacity; left out: as the arrays have it, 3 for files",
        {"enum": list(CHANNELS)},
        default=None,
    )
    resize: str = argument(
        "how another size is brought to `size`: stretch; pad with zeros around the whole picture; crop to its middle",
        {"enum": ["stretch", "pad", "crop"]},
        default="stretch",
    )
    classes: int | None = argument(
        "the picture is a mask, whose pixels are the integers from 0 to classes - 1",
        {"type": "integer", "minimum": 2},
        default=None,
    )

    ignore_class: int | None = argument(
        "the value of those pixels of a mask that count neither in the loss nor in metrics: 255, as is usual",
        {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
        default=None,
    )

    def __post_init__(self) -> None:
        if self.ignore_class is not None and self.classes is None:
            remedy = "add `classes`, how many classes the pixels have"
            raise Refusal(S105, "a picture that is no mask has no pixels of a class", remedy, "ignore_class")
        if self.classes is not None and self.channels not in (None, 1):
            remedy = "leave out `channels`: a mask has one number a pixel"
            raise Refusal(S105, f"a mask has no {self.channels} channels", remedy, "channels")

    @property
    def takes_files(self) -> bool:
        """Files differ in size: it must be known what they are brought to."""
        return self.size is not None

    @property
    def is_class(self) -> bool:
        """Are its values class numbers?"""
        return self.classes is not None

    @property
    def _channels(self) -> int | None:
        """How many are declared."""
        return self.channels if self.classes is None else 1

    def _form(self, state: State | None) -> tuple[int | None, int | None, int | None]:
        """Height, width and channels that the network gets, as far as they are known."""
        learnt: Sequence[int | None] = (None, None, None) if state is None else state["form"]
        height, width = learnt[:2] if self.size is None else self.size
        return height, width, learnt[2] if self._channels is None else self._channels

    def tensor(self, state: State | None = None) -> Tensor:
        if self.classes is not None:
            return Tensor((None, *self._form(state)[:2]), "int32")
        return Tensor((None, *self._form(state)), "float32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        shape = (self.tensor(state).shape or ())[1:]
        known = {} if None in shape else {"shape": list(shape)}
        return known if self.classes is None else {"classes": self.classes} | known

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        column = arrays(column, origin, None if state is None or "shape" not in state else tuple(state["shape"]))
        if column.dtype.kind not in "OUTbiuf":
            raise Refusal(S503, f"a picture is numbers or a file, not the NumPy dtype {column.dtype}")
        here = "files" if column.dtype.kind in "OUT" else f"arrays of shape {list(column.shape[1:])}"
        if state is not None and here != (there := _source(state)):
            raise Refusal(
                S503,
                f"these pictures are {here}, and those of the training rows are {there}",
                "give every source the same form of pictures",
            )
        if here == "files":
            return self._files(column, origin, state)
        self._layout(column.shape[1:])
        if self.classes is not None:
            return self._class_numbers(column, origin)
        if column.dtype == np.uint8:
            return column
        if column.dtype.kind == "f" and (bad := unbounded(column)).any():
            told = "the picture in {rows} holds NaN or an infinity"
            raise BadRows(S503, told, bad, origin, "correct these pixels")
        return column.astype(np.float32, copy=False)

    def _class_numbers(self, column: Array, origin: Origin) -> Array:
        """The pixels of masks in the smallest dtype, every one in range."""
        assert self.classes is not None
        flat = column.reshape(len(column), -1)
        with np.errstate(invalid="ignore"):
            bad = (~self._valid(flat) | (flat != np.floor(flat))).any(axis=1)
        if bad.any():
            pixels = flat[int(np.flatnonzero(bad)[0])]
            pixel = next(p for p in pixels if not (self._valid(p) and p == np.floor(p)))
            told = f"a pixel of the mask in {{rows}} is {pixel:g}, and no class from 0 to {self.classes - 1}"
            remedy = "correct `classes`, or the mask"
            if self.ignore_class is None and pixel == np.floor(pixel):
                remedy += f"; where that stands for no class: `ignore_class: {pixel:g}`"
            raise BadRows(S504, told, bad, origin, remedy)
        return column.astype(self._smallest, copy=False)

    def _valid(self, pixels: Any) -> Any:
        """Whether pixels are class numbers, or those that do not count."""
        inside = (pixels >= 0) & (pixels < self.classes)
        return inside if self.ignore_class is None else inside | (pixels == self.ignore_class)

    @property
    def _smallest(self) -> str:
        """The dtype of class numbers as they lie."""
        return "uint8" if (self.classes or 0) <= 256 and 0 <= (self.ignore_class or 0) <= 255 else "int32"

    def _files(self, column: Array, origin: Origin, state: State | None) -> Array:
        if self.size is None:
            raise Refusal(
                S104, "pictures in files differ in size, and no `size` is given", "add `size: [height, width]`", "size"
            )
        return given(column, origin, "picture", state)

    def _layout(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Height, width and channels of pictures that lie as arrays of a shape.

        Raises:
            Refusal: S503 when the shape is none of a picture, or disagrees with what is declared.
        """
        wanted = self._channels
        if len(shape) == 1:
            if self.size is None:
                raise Refusal(S503, f"a flat row of {shape[0]} values does not say its height and width", "add `size`")
            needed = prod(self.size) * (wanted or 1)
            if shape[0] != needed:
                told = f"{self.size[0]} * {self.size[1]} * {wanted or 1} = {needed}"
                raise Refusal(
                    S503, f"a flat row has {shape[0]} values, and {told} are declared", "correct `size` or `channels`"
                )
            return self.size[0], self.size[1], wanted or 1
        if len(shape) == 2 and wanted in (None, 1):
            return shape[0], shape[1], 1
        if len(shape) == 3 and shape[2] in CHANNELS and wanted in (None, shape[2]):
            return shape[0], shape[1], shape[2]
        if len(shape) == 3 and shape[2] not in CHANNELS and shape[0] in CHANNELS:
            remedy = "channels come last here: store the arrays as [height, width, channels]"
        elif len(shape) in (2, 3) and wanted is not None and (shape[2:] or (1,))[0] in CHANNELS:
            remedy = f"`channels: {(shape[2:] or (1,))[0]}`"
        else:
            remedy = "a picture is [height, width], [height, width, 1, 3 or 4], or a flat row; else use `type: tensor`"
        declared = "" if wanted is None else f" of {wanted} channel{'s' if wanted > 1 else ''}"
        raise Refusal(S503, f"an example of shape {list(shape)} is not a picture{declared}", remedy)

    def learn(self) -> Learning:
        state: State = {}
        while (sent := (yield)) is not None:
            state = self._learnt(sent[0], state)
        return state

    def _learnt(self, values: Array, before: State) -> State:
        if values.dtype.kind == "O":
            height, width, channels = self._form(None)
            return {"raw": "string", "files": form(values, before), "form": [height, width, channels or 3]}
        if before:
            return before
        shape = values.shape[1:]
        return {"raw": values.dtype.name, "shape": list(shape), "form": list(self._layout(shape))}

    def raw(self, state: State) -> Tensor:
        return Tensor((None, *state.get("shape", ())), state["raw"])

    def kept(self, state: State) -> str:
        if self.classes is not None:
            return self._smallest
        return "float32" if state["raw"] == "float32" else "uint8"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        height, width, channels = self._form(state)
        if self.classes is not None:
            return self._mask(tf, values, state)
        if state["raw"] == "string":
            one = tf.TensorSpec((height, width, channels), tf.uint8)
            pictures = tf.map_fn(lambda data: self._decoded(tf, data, one.shape), values, fn_output_signature=one)
            return tf.cast(pictures, tf.float32)
        pictures = tf.cast(tf.reshape(values, (-1, *state["form"])), tf.float32)
        if list(state["form"][:2]) == [height, width]:
            return pictures
        fitted = self._fitted(tf, pictures, height, width)
        # Whole values stay whole, so that a picture in memory is a byte a value and equal to what is served.
        return tf.round(fitted) if state["raw"] == "uint8" else fitted

    def _mask(self, tf: ModuleType, values: Any, state: State) -> Any:
        """Masks as class numbers [height, width]."""
        height, width, _ = self._form(state)
        if state["raw"] == "string":
            one = tf.TensorSpec((height, width, 1), tf.int32)
            masks = tf.map_fn(lambda data: self._decoded_mask(tf, data, one.shape), values, fn_output_signature=one)
        else:
            masks = tf.cast(tf.reshape(values, (-1, *state["form"])), tf.int32)
            if list(state["form"][:2]) != [height, width]:
                masks = tf.cast(self._fitted(tf, masks, height, width), tf.int32)
        return masks[..., 0]

    def _decoded_mask(self, tf: ModuleType, data: Any, shape: Any) -> Any:
        """The bytes of a file as class numbers of the wanted shape. Colours have none."""
        mask = tf.cast(tf.cond(has_palette(tf, data), lambda: places(tf, data), lambda: stored(tf, data)), tf.int32)
        mask = tf.ensure_shape(mask, (None, None, None))
        good = tf.equal(tf.shape(mask)[2], 1) & tf.reduce_all(self._valid(mask))
        check = tf.debugging.Assert(good, ["a mask must be grey or have a palette, its pixels class numbers"])
        with tf.control_dependencies([] if check is None else [check]):
            mask = tf.ensure_shape(mask[..., :1], (None, None, 1))
        return tf.ensure_shape(tf.cast(self._fitted(tf, mask, shape[0], shape[1]), tf.int32), shape)

    def _decoded(self, tf: ModuleType, data: Any, shape: Any) -> Any:
        """The bytes of a file as whole values 0…255 of the wanted shape."""
        height, width, channels = shape
        check = tf.debugging.Assert(has_true_colors(tf, data), ["a BMP file with a palette cannot be decoded"])
        with tf.control_dependencies([] if check is None else [check]):
            picture = colors(tf, data, reduced_to=max(height, width) if channels < 4 else None)
        if channels == 1:
            picture = tf.round(grey(tf, picture))
        elif channels == 4:
            all_there = stored(tf, data)
            # Grey and colour have opacity as a second and a fourth channel, or not at all.
            opacity = tf.where(tf.shape(all_there)[2] % 2 == 0, all_there[..., -1:], tf.constant(255, tf.uint8))
            picture = tf.concat([picture, opacity], axis=2)
        picture = upright(tf, data, tf.ensure_shape(picture, (None, None, channels)))
        return tf.ensure_shape(tf.cast(tf.round(self._fitted(tf, picture, height, width)), tf.uint8), shape)

    def _fitted(self, tf: ModuleType, pictures: Any, height: int | None, width: int | None) -> Any:
        """Pictures [height, width, channels], or a batch of them, brought to a size."""
        if self.resize == "stretch":
            return self._resized(tf, pictures, height, width)
        there = tf.cast(tf.shape(pictures)[-3:-1], tf.float64)
        ratios = tf.constant([height, width], tf.float64) / there
        # The whole picture has to fit when it is padded; it has to fill the frame when it is cropped.
        scale = tf.reduce_min(ratios) if self.resize == "pad" else tf.reduce_max(ratios)
        scaled = tf.maximum(tf.cast(tf.round(there * scale), tf.int32), 1)
        # Around a mask is what does not count, where that has a value.
        around = self.ignore_class or 0
        pictures = self._resized(tf, pictures, scaled[0], scaled[1]) - around
        return tf.image.resize_with_crop_or_pad(pictures, height, width) + around

    def _resized(self, tf: ModuleType, pictures: Any, height: Any, width: Any) -> Any:
        if self.classes is None:
            return smoothed(tf, pictures, height, width)
        # Between two classes lies no third: of a mask the nearest pixel is taken.
        return tf.image.resize(pictures, (height, width), method="nearest")

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        if self.size is None:
            raise Refusal(S104, "made-up pictures need to know their size", "add `size: [height, width]`", "size")
        if self.classes is not None:
            return generator.integers(self.classes, size=(rows, *self.size), dtype=self._smallest)
        return generator.integers(256, size=(rows, *self.size, self.channels or 1), dtype=np.uint8)


def _source(state: State) -> str:
    """What the pictures were read from."""
    return "files" if "files" in state else f"arrays of shape {state['shape']}"
