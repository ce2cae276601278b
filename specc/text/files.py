"""Files of text, opened: what cannot be read is reported at the byte that is to blame."""

from __future__ import annotations

import codecs
import os
from typing import Final

from specc.codes import S001, S003, S501
from specc.diagnostics import Log, Refusal, Span, nearest
from specc.text.places import normalized, place

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one file."""

OTHER_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def load(path: str, log: Log) -> str | None:
    """The text of a file, or None when there is none to be had: then `log` says why, S501, S003 or S001."""
    try:
        data = fetch(path)
    except Refusal as refusal:
        log.refuse(refusal, Span(path, 1, 1, 1, 1))
        return None
    return decode(path, data, log)


def fetch(path: str) -> bytes:
    """The bytes of a file.

    Raises:
        Refusal: S501 when it cannot be opened, S003 when it is larger than any spec.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        if os.path.islink(path):
            raise Refusal(S501, f"`{path}` is a link, and where it leads there is no file") from None
        raise Refusal(S501, f"there is no file `{path}`", _beside(path)) from None
    except IsADirectoryError:
        raise Refusal(S501, f"`{path}` is a directory", _within(path)) from None
    except PermissionError:
        raise Refusal(S501, f"`{path}` may not be read", f"allow it: `chmod +r {path}`") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise Refusal(S501, f"`{path}` cannot be read: {reason}") from None
    if len(data) > LARGEST:
        raise too_large()
    return data


def decode(path: str, data: bytes, log: Log) -> str | None:
    """Bytes as the UTF-8 they should be, without a byte-order mark; else None, and S001 at the first wrong byte."""
    for mark, encoding in OTHER_ENCODINGS:
        if data.startswith(mark):
            message = f"the file is {encoding}, and a spec is UTF-8"
            log.report(S001, Span(path, 1, 1, 1, 1), message, help="save it as UTF-8")
            return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Of what stands before the wrong byte every character is whole: its place can be counted. `start` leaves out a
        # byte-order mark, so the position is taken from what is left of the file.
        before = normalized(error.object[: error.start].decode("utf-8"))
        line, column = place(before, len(before))
        log.sources[path] = normalized(data.decode("utf-8-sig", errors="replace"))
        at = len(data) - len(error.object) + error.start
        log.report(
            S001,
            Span(path, line, column, line, column + 1),
            f"the byte {error.object[error.start]:#04x} at offset {at:,} is not UTF-8",
            help="save the file as UTF-8",
        )
        return None


def too_large() -> Refusal:
    """What there is to say about a file that is too large."""
    return Refusal(
        S003,
        f"a spec may have {LARGEST // 1024**2} MiB of text, and this file has more",
        "keep data in files of its own, for `dataset.source`; write what comes again and again as a block",
    )


def _beside(path: str) -> str:
    directory, name = os.path.split(path)
    try:
        near = nearest(name, sorted(os.listdir(directory or ".")))
    except (OSError, ValueError):
        return f"there is no directory `{directory}` either" if directory else ""
    return f"did you mean `{os.path.join(directory, near)}`?" if near else ""


def _within(path: str) -> str:
    try:
        inside = [name for name in sorted(os.listdir(path)) if name.endswith((".yaml", ".yml"))]
    except OSError:
        inside = []
    return f"name a spec in it: `{os.path.join(path, inside[0])}`" if inside else "name a spec"
