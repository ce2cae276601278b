"""Misspelt words: which known one was meant, where that is certain, and the edit that writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from specc.diagnostics import Edit, Span

MOST = 2
"""How many slips a long word may have."""
CLEAR = 2
"""How many more slips the next best word must be away before the best one is certain."""

COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")
DIGITS = re.compile(r"\d+")


def meant(written: str, known: Iterable[str]) -> str | None:
    """The one known word that a misspelt one can only have meant, or None where that is not certain.

    It is at most one slip away, of a word of eight letters and more two, and the next best word is two slips further.
    Case counts only between words that differ in nothing else. Digits are never misspelt: `conv_3` is not `conv_1`.
    """
    spellings: dict[str, set[str]] = {}
    for word in known:
        spellings.setdefault(word.casefold(), set()).add(word)
    folded, digits = written.casefold(), DIGITS.findall(written)
    near = [word for word in spellings if abs(len(word) - len(folded)) < MOST + CLEAR]
    if not near:
        return None
    far = {word: slips(folded, word) for word in near}
    best = min(far, key=lambda word: (far[word], word))
    longest = max(len(folded), len(best))
    allowed = 0 if longest < 3 else 1 if longest < 8 else MOST
    if far[best] > allowed or DIGITS.findall(best) != digits:
        return None
    # Where only the case is wrong nothing is as near: `Relu` is `relu`, and not `elu`.
    rivals = [word for word in far if word != best and far[best]]
    if any(far[word] < far[best] + CLEAR for word in rivals):
        return None
    found = sorted(spellings[best], key=lambda word: (slips(written, word), word))
    if len(found) > 1 and slips(written, found[0]) == slips(written, found[1]):
        return None
    return found[0]


def established(written: str, known: Iterable[str], text: str) -> str | None:
    """The same for names that a text itself gives, which may be misspelt where they are declared.

    It is certain only of a name that the text has at least twice, where what is written stands there once.
    """
    word = meant(written, known)
    return word if word and _count(word, text) > 1 and _count(written, text) == 1 else None


def _count(word: str, text: str) -> int:
    """How often a word stands in a text, comments apart."""
    return len(re.findall(rf"(?<![\w-]){re.escape(word)}(?![\w-])", COMMENT.sub("", text)))


def slips(one: str, other: str) -> int:
    """How many letters were left out, added, exchanged, or swapped with their neighbour between two words."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def respelt(span: Span, written: str, word: str | None) -> Edit | None:
    """The edit that writes `word` for what is `written` in a span, in quotes or without; None for no word.

    Where the span is of another width, something else stands there: an escape, an expression, several lines.
    """
    if word is None or width(span) not in (len(written), len(written) + 2):
        return None
    quote = int(width(span) != len(written))
    return Edit(replace(span, column=span.column + quote, end_column=span.end_column - quote), word)


def width(span: Span) -> int:
    """The characters of a span on one line; 0 for one that goes on."""
    return span.end_column - span.column if span.end_line == span.line else 0
