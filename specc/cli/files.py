"""Files that are edited: read with all that a text alone does not say, written whole or not at all."""

from __future__ import annotations

import codecs
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from specc.diagnostics import Log
from specc.text.files import decode

WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Contents:
    """The bytes of a file and the text that they are; a byte-order mark is no part of the text."""

    data: bytes
    text: str

    def encoded(self, text: str) -> bytes:
        """Another text as this file would hold it."""
        return (codecs.BOM_UTF8 if self.data.startswith(codecs.BOM_UTF8) else b"") + text.encode("utf-8")


def contents(path: str) -> Contents | None:
    """What a file holds; None where it cannot be read, or is no text."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError):
        return None
    text = decode(path, data, Log())
    return None if text is None else Contents(data, text)


def replaced(path: str, before: Contents, text: str) -> None:
    """Give a file another text, at once and whole. What a link leads to is replaced; its mode is kept.

    Raises:
        OSError: it cannot be written, is said to be for reading only, or holds something else by now.
    """
    if not os.stat(path).st_mode & WRITABLE:
        raise OSError(None, "is read-only; nothing was written", path)
    if Path(path).read_bytes() != before.data:
        raise OSError(None, "has changed while it was being checked; nothing was written", path)
    write(path, before.encoded(text))


def write(path: str, data: bytes) -> None:
    """Write a file beside the one that is there, and put it in its place: a spec is somebody's work."""
    target = os.path.realpath(path)
    beside = f"{target}.specc-{os.getpid()}"
    try:
        Path(beside).write_bytes(data)
        os.chmod(beside, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
