"""`audio_folder`: sounds in folders named after their classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from specc.kinds import argument
from specc.kinds.features import Feature
from specc.kinds.readers import PATH, Skip, Table
from specc.kinds.readers._folders import classes

SOUNDS = (".wav", ".flac", ".ogg")


@dataclass(frozen=True, slots=True)
class AudioFolder:
    """A folder of folders of sounds, one a class: fields `audio` and `label`, the class folder's name."""

    path: str = argument("the folder that holds the class folders; a pattern or a URL, too", PATH)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        return classes(self.path, SOUNDS, "sounds").table("audio", fields)
