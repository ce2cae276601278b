"""`npy`: NumPy arrays, a file each, mapped into memory rather than read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, EndToEnd, Skip, Table, alike, found, in_chunks, joined

ONLY = "data"
"""What the field is called when `path` is a single file."""


@dataclass(frozen=True, slots=True)
class Npy:
    """NumPy arrays, a file a field (`numpy.save`)."""

    path: str | Mapping[str, str] = argument(
        "files by field name: `{pixels: x.npy, digit: y.npy}`; a single file is the field `data`",
        {"anyOf": [PATH, {"type": "object", "additionalProperties": PATH, "minProperties": 1}]},
    )

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        paths = {ONLY: self.path} if isinstance(self.path, str) else self.path
        files: list[Path] = []
        columns: dict[str, EndToEnd] = {}
        for name, pattern in paths.items():
            if name in fields:
                there = found(pattern)
                columns |= joined([(path, {name: _mapped(path)}) for path in there])
                files += there
        rows = alike({name: len(column) for name, column in columns.items()}, "the arrays")
        origin = Origin(lambda row: f"row {row}", files[0].parent if files else Path())
        return Table(tuple(paths), rows, tuple(files), origin, in_chunks(columns, rows))


def _mapped(path: Path) -> Array:
    with path.open("rb") as file:
        begins = file.read(6)
    if begins.startswith(b"PK"):
        raise Refusal(S503, f"{path.name} is an archive of arrays", "read it with `npz`", "path")
    try:
        array: Array = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError, OSError) as error:
        if begins == b"\x93NUMPY" and "Python objects" in str(error):
            raise Refusal(
                S503,
                f"{path.name} holds pickled Python objects, which could run any code when opened",
                "save numbers or texts: `array.astype(float)`, or `array.astype(str)`",
                "path",
            ) from error
        raise Refusal(
            S503, f"{path.name} is not a NumPy array, or it was cut off", "write it with `numpy.save`", "path"
        ) from error
    return array
