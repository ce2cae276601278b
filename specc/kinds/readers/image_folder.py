"""`image_folder`: pictures in folders named after their classes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.codes import S501
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import PATH, Skip, Table, found, in_chunks, listed

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif")


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """A folder of folders of pictures, one a class: fields `image` and `label`, the class folder's name."""

    path: str = argument("the folder that holds the class folders", PATH)

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        pictures: list[Path] = []
        labels: list[str] = []
        roots = found(self.path, folder=True)
        for root in roots:
            for folder in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
                inside = _pictures(folder)
                pictures += inside
                labels += [folder.name] * len(inside)
        if not pictures:
            raise Refusal(S501, f"the folders in `{self.path}` hold no pictures", _remedy(roots[0]), "path")
        columns = {"image": np.array([str(p) for p in pictures], object), "label": np.array(labels, object)}
        wanted = {name: column for name, column in columns.items() if name in fields}
        names = [f"{p.parent.name}/{p.name}" for p in pictures]
        rows, origin = len(pictures), Origin(names.__getitem__, roots[0])
        return Table(tuple(columns), rows, tuple(pictures), origin, in_chunks(wanted, rows))


def _pictures(folder: Path) -> list[Path]:
    """The pictures below a folder, in the order of their names."""
    inside = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    return sorted(p for p in inside if p.suffix.lower() in EXTENSIONS and not p.name.startswith("."))


def _remedy(root: Path) -> str:
    """What stands where class folders with pictures were looked for."""
    there = sorted(p.name for p in root.iterdir())
    if any(name.lower().endswith(EXTENSIONS) for name in there):
        return "it holds pictures itself: put them into a folder a class, or name the folder above"
    kinds = ", ".join(e.removeprefix(".") for e in EXTENSIONS)
    return f"a folder a class is needed, with {kinds} files in it; it holds {listed(there) or 'nothing'}"
