"""Folders named after classes, with the files of each inside."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.codes import S501
from specc.diagnostics import Refusal
from specc.kinds.arrays import np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import Table, found, in_chunks, listed
from specc.kinds.readers._urls import called, fetch_folders


@dataclass(frozen=True, slots=True)
class Files:
    """The files of all classes in the order of their names; the class of each, and what messages call it."""

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    names: tuple[str, ...]
    root: Path
    """The first folder of classes."""

    def table(self, field: str, fields: Mapping[str, Feature | None]) -> Table:
        """Their paths under the name of a field, and `label`."""
        columns = {field: np.array([str(p) for p in self.paths], object), "label": np.array(self.labels, object)}
        wanted = {name: column for name, column in columns.items() if name in fields}
        rows, origin = len(self.paths), Origin(self.names.__getitem__, self.root)
        return Table(tuple(columns), rows, self.paths, origin, in_chunks(wanted, rows))


def classes(pattern: str, extensions: tuple[str, ...], what: str) -> Files:
    """The files of all classes of a folder, a pattern or a URL.

    Raises:
        Refusal: S501 when there are none, with what is there instead; `what` is what the files are called.
    """
    if "://" in pattern:
        return _of_url(pattern, extensions, what)
    files: list[Path] = []
    labels: list[str] = []
    roots = found(pattern, folder=True)
    for root in roots:
        for folder in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
            inside = _inside(folder, extensions)
            files += inside
            labels += [folder.name] * len(inside)
    if not files:
        raise Refusal(S501, f"the folders in `{pattern}` hold no {what}", _remedy(roots[0], extensions, what), "path")
    return Files(tuple(files), tuple(labels), tuple(f"{p.parent.name}/{p.name}" for p in files), roots[0])


def _of_url(url: str, extensions: tuple[str, ...], what: str) -> Files:
    fetched = [
        (name, path)
        for name, path in fetch_folders(url, "path", extensions)
        if "/" in name and not name.startswith(".") and not path.name.startswith(".")
    ]
    if not fetched:
        remedy = f"it holds {what} itself: put them into a folder a class, or name the folder above"
        raise Refusal(S501, f"the folders in `{url}` hold no {what}", remedy, "path")
    paths = tuple(path for _, path in fetched)
    labels = tuple(name.partition("/")[0] for name, _ in fetched)
    return Files(paths, labels, tuple(called(path) for path in paths), paths[0].parent)


def _inside(folder: Path, extensions: tuple[str, ...]) -> list[Path]:
    """The files below a folder, in the order of their names."""
    inside = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    return sorted(p for p in inside if p.suffix.lower() in extensions and not p.name.startswith("."))


def _remedy(root: Path, extensions: tuple[str, ...], what: str) -> str:
    """What stands where class folders were looked for."""
    there = sorted(p.name for p in root.iterdir())
    if any(name.lower().endswith(extensions) for name in there):
        return f"it holds {what} itself: put them into a folder a class, or name the folder above"
    kinds = ", ".join(e.removeprefix(".") for e in extensions)
    return f"a folder a class is needed, with {kinds} files in it; it holds {listed(there) or 'nothing'}"
