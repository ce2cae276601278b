"""Folders named after classes, with the files of each inside."""

from __future__ import annotations

import os
from pathlib import Path

from specc.codes import S501
from specc.diagnostics import Refusal
from specc.kinds.readers import found, listed


def classes(pattern: str, extensions: tuple[str, ...], what: str) -> tuple[list[Path], list[str], Path]:
    """The files of all classes in the order of their names, the class of each, and the first folder of classes.

    Raises:
        Refusal: S501 when there are none, with what is there instead; `what` is what the files are called.
    """
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
    return files, labels, roots[0]


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
