"""Columns that name files: which of them are there, and their raw fields."""

from __future__ import annotations

from pathlib import Path

from specc.codes import S501, S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Origin


def named(column: Array, origin: Origin, what: str) -> Array:
    """The files that a column names, as whole paths; names are relative to the folder of the column's origin.

    Raises:
        Refusal: S503 where the column holds the contents of files.
        BadRows: S503 for rows without a name, S501 for files that are not there; `what` says what they hold.
    """
    if any(isinstance(name, bytes) for name in column):
        told = f"this column holds bytes, and the name of a file is needed for each {what}"
        raise Refusal(S503, told, f"write each {what} to a file, and its name into the column")
    names = [origin.folder / str(name) if name else None for name in column]
    if (absent := np.array([name is None for name in names])).any():
        raise BadRows(S503, f"the name of the {what} in {{rows}} is missing", absent, origin, "name a file")
    if (lost := np.array([not Path(name).is_file() for name in names if name])).any():
        told = f"there is no {what} `{names[int(np.flatnonzero(lost)[0])]}`, named in {{rows}}"
        raise BadRows(S501, told, lost, origin, f"names are relative to {origin.folder}")
    return np.array([str(name) for name in names], dtype=object)
