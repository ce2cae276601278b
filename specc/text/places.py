"""Where an index into a text is, in lines and columns."""

from __future__ import annotations

import re

from specc.diagnostics import Span

LINE_BREAK = re.compile(r"\r\n|\r")


def normalized(text: str) -> str:
    """The text without a byte-order mark, every line ending in `\\n`: lines and columns stay what they were."""
    text = text.removeprefix("\ufeff")
    return LINE_BREAK.sub("\n", text) if "\r" in text else text


def with_stand_ins(text: str) -> tuple[str, dict[int, str]]:
    """The text as libyaml is to see it, and what `str.translate` puts back.

    libyaml reads YAML 1.1, where three more characters break a line; in 1.2 they are characters like any other.
    """
    restore: dict[int, str] = {}
    for old in ("\x85", "\u2028", "\u2029"):
        if old in text:
            unused = next(c for c in map(chr, range(0xE000, 0xF8FF)) if c not in text)
            restore[ord(unused)] = old
            text = text.replace(old, unused)
    return text, restore


def place(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1, of an index into a normalized text."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def span(path: str, text: str, start: int, end: int) -> Span:
    """The stretch between two indices of a normalized text; never longer than the line it begins on."""
    line, column = place(text, start)
    stop = text.find("\n", start)
    width = min(end, len(text) if stop < 0 else stop) - start
    return Span(path, line, column, line, column + max(width, 0))
