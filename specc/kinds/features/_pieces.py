"""Several values in one field, as one text: what stands between them parts them again, in training and in service."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from specc.codes import S104, S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Origin
from specc.kinds.features._columns import BLANKS, scalars, shortened

BETWEEN = "|"
"""What stands between values that came as lists, where no separator is stated."""


def joined(column: Array, separator: str | None, origin: Origin, *, served: bool) -> Array:
    """A column of lists, of arrays or of texts as texts; lists are served as texts too.

    Raises:
        Refusal: S104 for texts where no separator is stated.
        BadRows: S503 for a list with a value that holds the separator, or is none.
    """
    if column.ndim == 2 or holds_lists(column):
        return of_lists(column, separator or BETWEEN, origin)
    if column.ndim == 1 and column.dtype.kind in "biuf":
        column = column.astype(object)
    values = scalars(column, "category")
    if separator is None and not served and any(values):
        raise Refusal(
            S104,
            f"several values are asked for, and nothing says what parts those of `{shortened(str(values[0]))}`",
            'state it: `separator: "|"`',
        )
    return values if values.dtype.kind == "O" else values.astype(str).astype(object)


def holds_lists(column: Array) -> bool:
    """Are some of its values lists?"""
    return column.dtype.kind == "O" and any(
        issubclass(kind, (list, tuple, np.ndarray)) for kind in set(map(type, column))
    )


def of_lists(column: Array, separator: str, origin: Origin) -> Array:
    """Lists as texts; None is a list without values, and a text among them stays.

    Raises:
        BadRows: S503 for a list with a value that holds the separator, or is empty.
    """
    texts, bad = np.empty(len(column), object), np.zeros(len(column), bool)
    for row, values in enumerate(column):
        listed = [values] if isinstance(values, str) else [] if values is None else list(values)
        pieces = [str(v.item() if isinstance(v, np.generic) else v).strip(BLANKS) for v in listed]
        bad[row] = not isinstance(values, str) and any(not piece or separator in piece for piece in pieces)
        texts[row] = separator.join(pieces)
    if bad.any():
        remedy = "correct the rows; or, of a category, state a `separator` that no value holds"
        told = f"a value in {{rows}} is empty, or holds the separator `{separator}`"
        raise BadRows(S503, told, bad, origin, remedy)
    return texts


def parted(text: str, separator: str) -> list[str]:
    """The values of a text; nothing between two separators is none."""
    pieces = re.split(f"[{re.escape(BLANKS)}]+", text) if separator == " " else text.split(separator)
    return [piece for part in pieces if (piece := part.strip(BLANKS))]


def parts(tf: ModuleType, texts: Any, separator: str) -> Any:
    """The same as a ragged tensor of texts."""
    pieces = tf.strings.split(texts, sep=None if separator == " " else separator)
    pieces = pieces.with_flat_values(tf.strings.strip(pieces.flat_values))
    return tf.ragged.boolean_mask(pieces, pieces.with_flat_values(tf.not_equal(pieces.flat_values, "")))
