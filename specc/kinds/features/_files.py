"""Columns of files, each given by its name or with its contents: which are there, and their raw fields."""

from __future__ import annotations

import math
from pathlib import Path

from specc.codes import S501, S503
from specc.kinds.arrays import Array, np
from specc.kinds.features import NAMES, PACKED, BadRows, Origin, State


def given(column: Array, origin: Origin, what: str, state: State | None) -> Array:
    """Files as whole paths, or as bytes where the column holds their contents; names are relative to its folder.

    Raises:
        BadRows: S503 for rows without a file, or with contents where the training rows have names only; S501 for files
            that are not there; `what` says what they hold.
    """
    packed = np.array([isinstance(one, bytes) for one in column], bool)
    if state is not None and state["files"] == NAMES and packed.any():
        told = f"{{rows}} holds the contents of a {what}, and every training row the name of a file"
        raise BadRows(S503, told, packed, origin, "give every source the same form of files")
    absent = np.array([_is_missing(one) for one in column], bool)
    if absent.any():
        raise BadRows(S503, f"the {what} in {{rows}} is missing", absent, origin, "name a file, or leave the row out")
    other = ~packed & np.array([not isinstance(one, str) for one in column], bool)
    if other.any():
        told = f"the {what} in {{rows}} is neither the name of a file nor its bytes"
        raise BadRows(S503, told, other, origin, f"give each {what} in one of the two forms")
    files = np.empty(len(column), object)
    for row, one in enumerate(column):
        files[row] = one if packed[row] else str(origin.folder / one)
    if (lost := np.array([not packed[row] and not Path(one).is_file() for row, one in enumerate(files)], bool)).any():
        told = f"there is no {what} `{files[int(np.flatnonzero(lost)[0])]}`, named in {{rows}}"
        raise BadRows(S501, told, lost, origin, f"names are relative to {origin.folder}")
    return files


def form(files: Array, before: State) -> str:
    """How training rows give files, those read before them included."""
    packed = before.get("files") == PACKED or any(isinstance(one, bytes) for one in files)
    return PACKED if packed else NAMES


def _is_missing(one: object) -> bool:
    return one is None or (isinstance(one, float) and math.isnan(one)) or (isinstance(one, str) and not one)
