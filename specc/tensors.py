"""Symbolic tensors: what is known of a value's shape and dtype before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

Shape = tuple[int | None, ...]

WIDTHS = {
    **{"bool": 1, "int8": 1, "uint8": 1, "float8_e4m3fn": 1, "float8_e5m2": 1},
    **{"int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2},
    **{"int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8, "complex64": 8, "complex128": 16},
}
"""Bytes of an element by dtype."""

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16", "bfloat16")
"""Keras's dtype policies that a whole network can have; a mixed one computes in 16 bits and keeps weights in 32."""


def cudnn_learns(policy: str) -> bool:
    """Whether cuDNN's LSTM and GRU are to be trained by in a dtype, or under a policy.

    In bfloat16 the answers are right and the gradients are not: on an H100 (TensorFlow 2.21, cuDNN 9.19) they were
    further from those of float32 than from nothing, where TensorFlow's own loop comes within a hundredth.
    """
    return not policy.endswith("bfloat16")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A shape with the batch dimension first, and a dtype by Keras's name (`float32`, `int32`, `string`, `bool`).

    A dimension of None is not known before run time; a shape of None means not even the rank is known, and a dtype
    of None that the dtype is not known. Unknown flows on; it is never an error by itself.
    """

    shape: Shape | None = None
    dtype: str | None = None

    @property
    def elements(self) -> int | None:
        """The elements of one example: an unknown batch counts as one; None where another dimension is not known."""
        if self.shape is None:
            return None
        rest = self.shape[1:] if self.shape and self.shape[0] is None else self.shape
        return None if None in rest else prod(d for d in rest if d is not None)

    @property
    def bytes(self) -> int | None:
        """The bytes of one example; None where they are not known, or the dtype has no fixed size."""
        width, elements = WIDTHS.get(self.dtype or ""), self.elements
        return None if width is None or elements is None else width * elements

    @property
    def rank(self) -> int | None:
        return None if self.shape is None else len(self.shape)

    def __str__(self) -> str:
        return show(self.shape)


UNKNOWN = Tensor()


@dataclass(frozen=True, slots=True)
class Weight:
    """One variable of a layer, as Keras counts them in `layer.weights`."""

    shape: tuple[int, ...]
    trainable: bool = True

    @property
    def size(self) -> int:
        return prod(self.shape)


def show(shape: Shape | None) -> str:
    """A shape as diagnostics print it: `(batch, 28, 28, 1)`, with `?` for an unknown dimension."""
    if shape is None:
        return "(unknown)"
    if not shape:
        return "()"
    head = "batch" if shape[0] is None else str(shape[0])
    rest = ["?" if d is None else str(d) for d in shape[1:]]
    return f"({', '.join([head, *rest])})" if rest else f"({head},)"
