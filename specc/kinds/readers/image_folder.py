"""`image_folder`: pictures in folders named after their classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from specc.kinds import argument
from specc.kinds.features import Feature
from specc.kinds.readers import PATH, Skip, Table
from specc.kinds.readers._folders import classes

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """A folder of folders of pictures, one a class: fields `image` and `label`, the class folder's name."""

    path: str = argument("the folder that holds the class folders; a pattern or a URL, too", PATH)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        return classes(self.path, EXTENSIONS, "pictures").table("image", fields)
