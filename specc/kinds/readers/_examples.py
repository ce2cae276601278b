"""Examples that a library gives one by one or some at a time, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array, np
from specc.kinds.readers._values import FILE, objects, of_files

TOGETHER = 1024
"""How many examples are a chunk."""


def column(name: str, values: Sequence[Any] | Array) -> Array:
    """The values of one field: texts, numbers, or arrays of one shape.

    Bytes that are no text stay what they are, and files as `datasets` keeps them become bytes or names.

    Raises:
        Refusal: S503 when they are arrays of several shapes, or mappings.
    """
    if len(values) and all(isinstance(value, bytes | str) for value in values):
        try:
            return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values], object)
        except UnicodeDecodeError:
            return objects(list(values))
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values
    if len(values) and all(value is None or (isinstance(value, dict) and value.keys() >= FILE) for value in values):
        return of_files(list(values))
    if any(isinstance(value, dict) for value in values):
        told = f"`{name}` has fields of its own in every example, and one value is needed"
        raise Refusal(S503, told, "choose another field, or write its parts as columns of their own")
    shapes = sorted({np.shape(value) for value in values if value is not None}, key=str)
    if len(shapes) > 1:
        told = f"examples of `{name}` differ in shape: {list(shapes[0])} and {list(shapes[1])}, among others"
        raise Refusal(S503, told, "write pictures as files and read them by `image_folder`; bring arrays to one shape")
    if shapes and shapes[0]:
        return np.stack([np.asarray(value) for value in values])
    found = np.empty(len(values), object)
    found[:] = [value.item() if isinstance(value, np.generic) else value for value in values]
    return found if any(v is None or isinstance(v, str) for v in found) else np.array(list(found))
