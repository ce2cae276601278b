"""Which files a command means when it is given paths."""

from __future__ import annotations

import codecs
import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SUFFIXES = (".yaml", ".yml")
STDIN = "-"
"""What is typed for standard input."""
OF_OTHERS = frozenset(("node_modules", "site-packages", "__pycache__"))
"""Directories that hold what others wrote. A walk passes them over, and hidden ones, and virtual environments."""

LEAD = re.compile(r"\ufeff?(?:[ \t]*(?:[#%].*)?(?:\r?\n|$)|(?:---|\.\.\.)(?:[ \t]+#.*)?(?:\r?\n|$)|---[ \t]+)*")
"""What may stand before the first key of a document."""
KEY = r"""["']?specc["']?[ \t]*:"""
FLOW = re.compile(r""""(?:\\.|[^"\\])*"|'[^']*'|#.*|[\[\]{}]|specc""")


@dataclass(slots=True)
class Found:
    """The specs that paths mean, each once, in order; and what else was there."""

    specs: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """YAML files that are no specs."""
    unreadable: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    """Patterns that no file matches."""
    directories: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    """The specs that were given by their own name."""


def find(paths: Sequence[str]) -> Found:
    """What the paths mean. A file with two names counts once, under the first."""
    found = Found()
    seen: set[tuple[int, int] | str] = set()

    def new(path: str) -> bool:
        known = len(seen)
        seen.add(_identity(path))
        return len(seen) > known

    for path in paths:
        if os.path.isdir(path):
            found.directories.append(path)
            for file in filter(new, _below(path)):
                told = is_spec(file)
                (found.unreadable if told is None else found.specs if told else found.others).append(file)
        elif path == STDIN or os.path.lexists(path) or not glob.has_magic(path):
            found.named.add(path)
            if new(path):
                found.specs.append(path)
        else:
            matches = [match for match in sorted(glob.glob(path, recursive=True)) if os.path.isfile(match)]
            found.specs += filter(new, matches)
            if not matches:
                found.unmatched.append(path)
    return found


def is_spec(path: str) -> bool | None:
    """Is there a key `specc` at the top of a file? None where it cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return None
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    if encoding == "utf-8" and b"specc" not in data:
        return False
    return _has_key(data.decode(encoding, "replace"))


def _has_key(text: str) -> bool:
    lead = LEAD.match(text)
    start = lead.end() if lead else 0
    rest = text[start:].lstrip(" \t")
    if rest.startswith("{"):
        return _has_flow_key(rest)
    indent = text[start : len(text) - len(rest)]
    return re.search(rf"^(?:{re.escape(indent)})?{KEY}", text[start:], re.MULTILINE) is not None


def _has_flow_key(text: str) -> bool:
    """Is `specc` a key of the mapping in braces with which a text begins?"""
    depth = 0
    for found in FLOW.finditer(text):
        word = found[0]
        depth += word in ("[", "{")
        depth -= word in ("]", "}")
        if depth == 1 and word.strip("\"'") == "specc" and text[found.end() :].lstrip().startswith(":"):
            return True
        if depth == 0:
            break
    return False


def _below(directory: str) -> Iterator[str]:
    """The YAML files of a directory and of those in it, in order. Links to directories are not followed."""
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    # What is neither file nor link is a pipe, and would be waited for.
    files = (entry for entry in shown if not entry.is_dir() and (entry.is_file() or entry.is_symlink()))
    yield from (entry.path for entry in files if entry.name.endswith(SUFFIXES))
    for entry in shown:
        if entry.is_dir(follow_symlinks=False) and entry.name not in OF_OTHERS and not _is_environment(entry.path):
            yield from _below(entry.path)


def _is_environment(directory: str) -> bool:
    """Is this a virtual environment of Python's?"""
    return os.path.exists(os.path.join(directory, "pyvenv.cfg"))


def _identity(path: str) -> tuple[int, int] | str:
    """What tells a file from every other, whatever it is called."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return path
    return status.st_dev, status.st_ino
