"""`npz`: the arrays of a NumPy archive, by their names."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Skip, Table, found, in_chunks, joined, numbered


@dataclass(frozen=True, slots=True)
class Npz:
    """The arrays of a NumPy archive (`numpy.savez`), by their names."""

    path: str = argument("the archive, or a pattern that names several, read one after the other", PATH)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        parts, names = [], None
        for path in found(self.path):
            there, arrays = _arrays(path, fields)
            names = there if names is None else tuple(n for n in names if n in there)
            parts.append((path, arrays))
        assert names is not None
        columns = joined([(p, {n: a for n, a in part.items() if n in names}) for p, part in parts])
        lengths = [len(next(iter(arrays.values()), ())) for _, arrays in parts]
        origin = Origin(numbered([path.name for path, _ in parts], lengths), parts[0][0].parent)
        return Table(names, sum(lengths), tuple(p for p, _ in parts), origin, in_chunks(columns, sum(lengths)))


def _arrays(path: Path, wanted: Iterable[str]) -> tuple[tuple[str, ...], dict[str, Array]]:
    """All names in an archive, and those of its arrays that are wanted."""
    if not zipfile.is_zipfile(path):
        raise Refusal(
            S503,
            f"{path.name} is not a NumPy archive, or it was cut off",
            "write it with `numpy.savez`; a single array (`numpy.save`) is read by `npy`",
            "path",
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = tuple(archive.files)
            return names, {name: _array(path, name, archive) for name in wanted if name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise Refusal(S503, f"{path.name} is damaged: {error}", "write or copy it again", "path") from error


def _array(path: Path, name: str, archive: Mapping[str, Array]) -> Array:
    try:
        return archive[name]
    except ValueError as error:
        if "pickle" in str(error):
            raise Refusal(
                S503,
                f"`{name}` in {path.name} holds pickled Python objects, which could run any code when opened",
                "save numbers or texts: `array.astype(float)`, or `array.astype(str)`",
            ) from error
        raise Refusal(S503, f"`{name}` in {path.name} is not a NumPy array: {error}", "write it again") from error
