"""Python's values, some rows of one field, as the column that features know."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Mapping, Sequence
from typing import Any

from specc.kinds.arrays import Array, np
from specc.kinds.readers import Coded, Column

NUMBERS = frozenset((bool, int, float, decimal.Decimal, type(None)))
TIMES = frozenset((datetime.datetime, datetime.date, type(None)))
LISTS = frozenset((list, tuple))

FILE = frozenset(("bytes", "path"))
"""What Hugging Face's `datasets` keeps of a picture or a sound: its contents, or where there are none, its name."""


def column(values: Sequence[Any]) -> Column:
    """Numbers, texts, times or arrays; None is NaN among numbers, NaT among times and empty among texts.

    Lists of one shape become one array, a row each; others an array each. What is mixed stays as it is.
    """
    kinds = set(map(type, values))
    if kinds <= {str, type(None)}:
        return coded(["" if value is None else value for value in values])
    if kinds <= NUMBERS:
        return _numbers(values, kinds)
    if kinds <= TIMES:
        return np.array([_utc(value) for value in values], "datetime64[us]")
    if kinds <= LISTS:
        whole = _array(values)
        return whole if whole.dtype.kind in "biuf" else stacked([_array(value) for value in values])
    return objects(values)


def coded(texts: Sequence[str]) -> Column:
    """Texts, each once where they repeat."""
    numbers: dict[str, int] = {}
    codes = np.fromiter((numbers.setdefault(text, len(numbers)) for text in texts), np.int64, len(texts))
    if 2 * len(numbers) < len(texts):
        return Coded(objects(list(numbers)), codes)
    return objects(texts)


def stacked(rows: Sequence[Array]) -> Array:
    """Arrays of one shape as one array; those of several as they are."""
    shapes = {row.shape for row in rows}
    if len(shapes) == 1 and all(row.dtype.kind in "biuf" for row in rows):
        return np.stack(rows)
    return objects(rows)


def of_files(values: Sequence[Mapping[str, Any] | None]) -> Array:
    """Files as bytes, or, where there are none, as names; None where there is neither."""
    return objects([one and (one["path"] if one["bytes"] is None else one["bytes"]) for one in values])


def objects(values: Sequence[Any]) -> Array:
    """Values as they are, a row each."""
    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        column[row] = value
    return column


def _numbers(values: Sequence[Any], kinds: set[type]) -> Array:
    try:
        if kinds <= {bool}:
            return np.array(values, bool)
        if kinds <= {bool, int}:
            return np.array(values, np.int64)
        return np.array([np.nan if value is None else float(value) for value in values])
    except OverflowError:
        return objects(values)


def _utc(value: datetime.date | None) -> datetime.date | None:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    return value


def _array(value: Sequence[Any]) -> Array:
    """A list, nested or not, as an array of numbers; as an array of objects where it holds something else."""
    try:
        array = np.array(value)
    except (ValueError, OverflowError):  # lists of several lengths
        return objects(value)
    return array if array.dtype.kind in "biuf" else objects(value)
