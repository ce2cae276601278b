"""`audio_folder`: sounds in folders named after their classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from specc.kinds import argument
from specc.kinds.arrays import np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Skip, Table, in_chunks
from specc.kinds.readers._folders import classes

SOUNDS = (".wav", ".flac", ".ogg")


@dataclass(frozen=True, slots=True)
class AudioFolder:
    """A folder of folders of sounds, one a class: fields `audio` and `label`, the class folder's name."""

    path: str = argument("the folder that holds the class folders", PATH)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        files, labels, root = classes(self.path, SOUNDS, "sounds")
        columns = {"audio": np.array([str(p) for p in files], object), "label": np.array(labels, object)}
        wanted = {name: column for name, column in columns.items() if name in fields}
        names = [f"{p.parent.name}/{p.name}" for p in files]
        rows, origin = len(files), Origin(names.__getitem__, root)
        return Table(tuple(columns), rows, tuple(files), origin, in_chunks(wanted, rows))
