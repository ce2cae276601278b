"""Which files a command means when it is given paths."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

SUFFIXES = (".yaml", ".yml")
IS_SPEC = re.compile(r"""^["']?specc["']?\s*:""", re.MULTILINE)


def specs(paths: Sequence[str]) -> tuple[list[str], int]:
    """The specs that the paths mean, each once, and how many YAML files are none."""
    found: dict[str, None] = {}
    others = 0
    for path in paths:
        if os.path.isdir(path):
            below = list(_below(path))
            inside = [p for p in below if _is_spec(p)]
            found.update(dict.fromkeys(inside))
            others += len(below) - len(inside)
        elif not os.path.exists(path) and (matches := sorted(glob.glob(path, recursive=True))):
            found.update(dict.fromkeys(m for m in matches if os.path.isfile(m)))
        else:
            found[path] = None
    return list(found), others


def _below(directory: str) -> Iterator[str]:
    """The YAML files of a directory and of those in it, in order; hidden ones are left out."""
    for root, directories, files in os.walk(directory):
        directories[:] = sorted(d for d in directories if not d.startswith("."))
        yield from (os.path.join(root, f) for f in sorted(files) if f.endswith(SUFFIXES) and not f.startswith("."))


def _is_spec(path: str) -> bool:
    return IS_SPEC.search(Path(path).read_text(encoding="utf-8-sig", errors="replace")) is not None
