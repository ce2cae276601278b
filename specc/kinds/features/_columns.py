"""Columns as readers give them, brought to the few forms that features know: numbers, texts, arrays."""

from __future__ import annotations

import math
from collections import Counter

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Origin

COLUMNS = {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1, "uniqueItems": True}
"""The schema of an argument that names columns."""


def scalars(column: Array, word: str) -> Array:
    """A column of one value an example, as numbers (kind b, i, u, f) or as an object array of `str`.

    A missing number is NaN, a missing text is empty; None is either.

    Raises:
        Refusal: S503 when examples are arrays, or of a dtype that is neither number nor text.
    """
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise Refusal(
            S503,
            f"an example of this column is an array of shape {column.shape[1:]}, and `{word}` takes one value",
            "use `type: tensor`, or `type: image`",
        )
    if column.dtype.kind in "biuf":
        return column
    if column.dtype.kind == "S":
        try:
            return np.char.decode(column, "utf-8").astype(object)
        except UnicodeDecodeError as error:
            raise Refusal(S503, "the bytes of this column are not UTF-8 text", "store text as UTF-8") from error
    if column.dtype.kind in "UT":
        return column.astype(object)
    if column.dtype.kind != "O":
        raise Refusal(S503, f"`{word}` cannot read values of the NumPy dtype {column.dtype}", "store numbers or text")
    return _plain(column)


def _plain(column: Array) -> Array:
    """An object array as numbers where every value is one or missing, else as texts."""
    kinds = {type(v) for v in column}
    if kinds <= {str}:
        return column
    if bytes in kinds:
        return _plain(np.array([_decoded(v) if isinstance(v, bytes) else v for v in column], dtype=object))
    if kinds <= {int, float, bool, type(None)} and kinds != {type(None)}:
        if kinds <= {int, bool}:
            return column.astype(np.int64)
        return np.array([math.nan if v is None else float(v) for v in column])
    return np.array([_text(v) for v in column], dtype=object)


BLANKS = " \t\n\r\v\f"
"""Around a value they are no part of it: those of ASCII, which TensorFlow takes off too."""


def stripped(values: Array) -> Array:
    """Texts without the blanks around them; numbers as they are."""
    if values.dtype.kind != "O":
        return values
    found = np.empty(len(values), object)
    for row, value in enumerate(values):
        found[row] = value.strip(BLANKS)
    return found


def arrays(column: Array, origin: Origin, shape: tuple[int, ...] | None = None) -> Array:
    """Arrays that came each by itself, because not all have one shape, as one array; any other column as it is.

    Raises:
        BadRows: S503 for rows that have none of the shape: the one given where any has it, else that of most.
    """
    if column.dtype.kind != "O":
        return column
    each = [_array(one) for one in column]
    shapes = [None if one is None else one.shape for one in each]
    counts = Counter(one for one in shapes if one is not None)
    if 2 * counts.total() < len(column) or not counts:
        return column
    wanted = shape if shape is not None and shape in counts else counts.most_common(1)[0][0]
    bad = np.array([one != wanted for one in shapes], bool)
    if bad.any():
        first = shapes[int(np.flatnonzero(bad)[0])]
        here = "no numbers in an array" if first is None else f"the shape {list(first)}"
        told = f"{{rows}} holds no array of the shape {list(wanted)}, and others do"
        raise BadRows(S503, told, bad, origin, f"here is {here}: correct the row, or leave it out")
    return np.stack([one for one in each if one is not None])


def _array(value: object) -> Array | None:
    """An array of numbers, also as Python's lists; None for anything else."""
    if isinstance(value, list | tuple):
        try:
            value = np.array(value)
        except ValueError:  # lists of several lengths
            return None
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" else None


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Refusal(S503, "the bytes of this column are not UTF-8 text", "store text as UTF-8") from error


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def numbers(column: Array, origin: Origin) -> Array:
    """Scalars as float64, NaN where missing.

    Raises:
        BadRows: S503 for text that is no number and for an infinity.
    """
    values = _parsed(column, origin) if column.dtype.kind == "O" else column.astype(np.float64)
    if (infinite := np.isinf(values)).any():
        remedy = "store a finite number, or leave it empty"
        raise BadRows(S503, "the number in {rows} is infinite", infinite, origin, remedy)
    return values


def _parsed(texts: Array, origin: Origin) -> Array:
    filled = np.where(texts == "", "nan", texts)
    # Python reads 1_000 as a number; no data format does.
    if not any("_" in t for t in filled):
        try:
            return filled.astype(np.float64)
        except ValueError:
            pass
    bad = np.array([not _is_number(t) for t in filled])
    text = str(texts[int(np.flatnonzero(bad)[0])])
    raise BadRows(
        S503,
        f"`{shortened(text)}` in {{rows}} is not a number",
        bad,
        origin,
        "correct the value; or, if it means that there is none, name it in the reader's `missing`; or use "
        "`type: category`",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def unbounded(values: Array) -> Array:
    """Which rows of an array of floats hold NaN or an infinity."""
    return np.asarray(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))))


def shortened(text: str, most: int = 40) -> str:
    """A value as a message quotes it: on one line, and not longer than fits there."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
