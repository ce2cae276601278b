"""What a signature takes: values of JSON to arrays, each checked as `specc predict` checks it."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from specc import codes
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array
from specc.kinds.features import Origin
from specc.tensors import Tensor, show

CALLED = {str: "text", bool: "a truth value", int: "a number", float: "a number", list: "a list", dict: "an object"}
"""Types of JSON as messages call them."""


@dataclass(frozen=True, slots=True)
class Sense:
    """What a run knows of a field beyond its tensor.

    `word` is the feature's (`number`, `category`), empty without a run. `gaps` says whether a value may be missing.
    `choices` are the values that it was taught, `closed` where no others are answered. `typical` is the mean of its
    numbers, where it learnt one. `media` is what its bytes are: `image/*`, `audio/*`.
    """

    word: str = ""
    gaps: bool = False
    choices: tuple[str | int, ...] = ()
    closed: bool = False
    typical: float | None = None
    media: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a signature: its tensor, batch first, what is known of it, and how a run's feature reads a column."""

    name: str
    tensor: Tensor
    sense: Sense = Sense()
    read: Callable[[Array, Origin], Array] | None = None

    @property
    def inner(self) -> tuple[int | None, ...] | None:
        """The shape of one value; None where the rank is not known."""
        return None if self.tensor.shape is None else self.tensor.shape[1:]

    @property
    def text(self) -> bool:
        """Whether its values are texts or bytes."""
        return self.tensor.dtype == "string"

    def form(self, values: Sequence[Any]) -> tuple[int, ...]:
        """The shape of the first value where shapes may differ: what has another cannot share a batch."""
        if self.inner is not None and None not in self.inner:
            return ()
        sizes, value = [], values[0] if values else None
        while isinstance(value, list):
            sizes.append(len(value))
            value = value[0] if value else None
        return tuple(sizes)

    def column(self, values: Sequence[Any], origin: Origin) -> Array:
        """Values of JSON as an array in the dtype of the tensor, `[values, …]`.

        Raises:
            Refusal: S503 or S504 for what is no value of this field; the message names it.
        """
        if self.text:
            return self._texts(values, origin)
        column = self._scalars(values, origin) if self.inner == () else self._arrays(values, origin)
        return self._exact(column if self.read is None else self.read(column, origin), origin)

    def _texts(self, values: Sequence[Any], origin: Origin) -> Array:
        if self.inner != ():
            return self._nested(values, origin)
        found = np.empty(len(values), object)
        for row, value in enumerate(values):
            found[row] = value if type(value) is str else self._text(value, partial(origin.where, row))
        if self.read is not None:
            found = self.read(found, origin)
        return _encoded(found, origin)

    def _text(self, value: Any, where: Callable[[], str]) -> Any:
        if type(value) is str:
            return value
        if value is None and self.sense.gaps:
            return ""
        if isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str):
            try:
                return base64.b64decode(value["b64"], validate=True)
            except (binascii.Error, ValueError) as error:
                raise Refusal(codes.S503, f"{where()} is not Base64") from error
        if type(value) is bool and self.sense.word == "binary":
            return str(value).lower()
        raise self._wrong(value, where(), 'text, or bytes as {"b64": "…"}')

    def _nested(self, values: Sequence[Any], origin: Origin) -> Array:
        """Texts in lists of lists."""
        array = np.empty(_sizes(values), object)
        self._match(array.shape[1:], origin)

        def fill(part: Any, given: Any, row: int) -> None:
            if not isinstance(given, list) or len(given) != len(part):
                raise Refusal(codes.S503, f"{origin.where(row)} is not {len(part)} values as the others")
            for place, value in enumerate(given):
                if part.ndim > 1:
                    fill(part[place], value, row)
                else:
                    part[place] = self._text(value, partial(origin.where, row))

        for row, value in enumerate(values):
            fill(array[row], value, row)
        return _encoded(array, origin)

    def _scalars(self, values: Sequence[Any], origin: Origin) -> Array:
        """Numbers or truth values; NaN where one is missing and may be."""
        types, allowed = set(map(type, values)), self._allowed
        if not types <= allowed:
            row = next(row for row, value in enumerate(values) if type(value) not in allowed)
            raise self._wrong(values[row], origin.where(row), self._needed)
        if type(None) in types:
            return np.array([math.nan if value is None else value for value in values], np.float64)
        try:
            return np.array(values, np.int64 if types <= {int} else bool if types == {bool} else np.float64)
        except OverflowError as error:
            raise Refusal(codes.S504, f"`{self.name}` has a number that {self.tensor.dtype} cannot hold") from error

    @property
    def _allowed(self) -> set[type]:
        if self.tensor.dtype == "bool":
            return {bool}
        return {int, float} | ({type(None)} if self.sense.gaps else set()) | self._truths

    @property
    def _truths(self) -> set[type]:
        return {bool} if self.sense.word == "binary" else set()

    @property
    def _needed(self) -> str:
        return "true or false" if self.tensor.dtype == "bool" else "a number"

    def _arrays(self, values: Sequence[Any], origin: Origin) -> Array:
        try:
            array = np.array(values)
        except (ValueError, OverflowError) as error:
            told = f"`{self.name}` in {origin.where(0)} and after it is not lists of numbers, all of one shape"
            raise Refusal(codes.S503, told) from error
        # NumPy makes 0 of a `false` among numbers.
        if array.dtype.kind not in ("b" if self.tensor.dtype == "bool" else "iuf") or (
            array.dtype.kind != "b" and any(_truth(value) for value in values)
        ):
            raise Refusal(codes.S503, f"`{self.name}` in {origin.where(0)} holds what is not {self._needed}")
        self._match(array.shape[1:], origin)
        return array

    def _match(self, there: tuple[int, ...], origin: Origin) -> None:
        inner = self.inner
        if inner is not None and not (
            len(inner) == len(there) and all(size in (None, has) for size, has in zip(inner, there, strict=True))
        ):
            told = f"`{self.name}` in {origin.where(0)} has the shape {show(there)}, and {show(inner)} is needed"
            raise Refusal(codes.S503, told)

    def _exact(self, column: Array, origin: Origin) -> Array:
        """The column in the tensor's dtype, where that holds it."""
        dtype = self.tensor.dtype
        if dtype is None or column.dtype == dtype:
            return column
        with np.errstate(invalid="ignore", over="ignore"):
            cast = column.astype(dtype)
            if cast.dtype.kind not in "iuf":  # those of 16 bits that NumPy has not
                return cast
            real = cast.dtype.kind == "f"
            bad = np.isinf(cast) & ~np.isinf(column) if real else cast.astype(column.dtype) != column
        if (rows := bad.reshape(len(column), -1).any(axis=1)).any():
            row = int(np.flatnonzero(rows)[0])
            told = f"`{self.name}` in {origin.where(row)} is a number that {dtype} cannot hold"
            raise Refusal(codes.S504, told)
        return cast

    def _wrong(self, value: Any, where: str, needed: str) -> Refusal:
        if value is None:
            return Refusal(codes.S503, f"`{self.name}` in {where} is missing, and {needed} is needed")
        return Refusal(codes.S503, f"`{self.name}` in {where} is {CALLED[type(value)]}, and {needed} is needed")


def _encoded(texts: Array, origin: Origin) -> Array:
    """Texts as bytes, which is what TensorFlow has."""
    flat = texts.reshape(-1)
    found = np.empty(len(flat), object)
    for place, value in enumerate(flat):
        try:
            found[place] = value.encode() if isinstance(value, str) else value
        except UnicodeEncodeError as error:
            row = place * len(texts) // max(len(flat), 1)
            raise Refusal(codes.S503, f"the text in {origin.where(row)} holds half a character") from error
    return found.reshape(texts.shape)


def _truth(value: Any) -> bool:
    """Whether a truth value stands somewhere in nested lists."""
    if not isinstance(value, list):
        return type(value) is bool
    types = set(map(type, value))
    return bool in types or (list in types and any(map(_truth, value)))


def _sizes(values: Any) -> tuple[int, ...]:
    sizes = []
    while isinstance(values, (list, tuple)):
        sizes.append(len(values))
        values = values[0] if values else None
    return tuple(sizes)
