"""Edits of a text: where a place of a diagnostic is in it, and the text after some edits.

Nothing but what an edit names is changed: line endings, comments and layout stay as they are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from specc.diagnostics import Edit, Span

LINE_END = re.compile(r"\r\n|\r|\n")

Place = tuple[int, int]
"""A line and a column, from 1."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as it stands in a file, and where its lines begin."""

    text: str
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Draft:
        """The draft of a text: lines are counted as a `Span` does, however they end."""
        return cls(text, (0, *(found.end() for found in LINE_END.finditer(text))))

    def index(self, place: Place) -> int:
        """The index of a place; the end of the text for what lies behind it."""
        line, column = place
        if line > len(self.starts):
            return len(self.text)
        return min(self.starts[line - 1] + column - 1, len(self.text))

    def place(self, index: int) -> Place:
        """The place of an index."""
        line = bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1

    def range(self, span: Span) -> tuple[int, int]:
        """The indices between which a span lies."""
        start = self.index((span.line, span.column))
        return start, max(start, self.index((span.end_line, span.end_column)))

    def written(self, span: Span) -> str:
        """What stands in a span."""
        start, end = self.range(span)
        return self.text[start:end]


@dataclass(frozen=True, slots=True)
class Edited:
    """A draft, what became of it, and the changes between: start, end and new text, in the order of the text."""

    before: Draft
    after: Draft
    changes: tuple[tuple[int, int, str], ...]

    def moved(self, place: Place) -> Place:
        """Where a place of the old text is in the new one; within a change, its beginning."""
        index = self.before.index(place)
        shift = 0
        for start, end, text in self.changes:
            if index < end:
                index = min(index, start)
                break
            shift += len(text) - (end - start)
        return self.after.place(index + shift)


def applied(draft: Draft, edits: Iterable[Edit]) -> Edited:
    """The draft with the edits made; of two that overlap, the one that comes first in the text."""
    changes: list[tuple[int, int, str]] = []
    for start, end, text in sorted({(*draft.range(edit.span), edit.text) for edit in edits}):
        if not changes or start > changes[-1][1] or (start == changes[-1][1] and start > changes[-1][0]):
            changes.append((start, end, text))
    parts: list[str] = []
    done = 0
    for start, end, text in changes:
        parts += (draft.text[done:start], text)
        done = end
    after = Draft.of("".join([*parts, draft.text[done:]]))
    return Edited(draft, after, tuple(changes))
