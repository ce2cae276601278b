"""Paths as other programs want them: relative to the root of the repository, with `/`."""

from __future__ import annotations

import os
from pathlib import Path, PurePath


def root() -> Path:
    """The root of the repository one stands in, as CI names it or a `.git` shows it; else where one stands."""
    here = Path.cwd()
    if workspace := os.environ.get("GITHUB_WORKSPACE"):
        return Path(workspace)
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def from_root(path: str, root: Path) -> str | None:
    """A path as seen from the root; None for what lies elsewhere, or is no file: `<stdin>`, an option."""
    if path.startswith(("-", "<")):
        return None
    whole = os.path.normpath(os.path.join(os.getcwd(), path))
    inside = os.path.relpath(whole, root)
    return None if inside.startswith(os.pardir) else PurePath(inside).as_posix()
