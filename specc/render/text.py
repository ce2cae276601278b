"""Diagnostics as text: the message, the place, the source line as written with carets under it, and the remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from unicodedata import category, combining, east_asian_width

from specc.diagnostics import Diagnostic, Severity, Span

TAB = "    "
ELLIPSIS = "…"

STYLES = {
    Severity.ERROR: "1;31",
    Severity.WARNING: "1;33",
    "message": "1",
    "frame": "34",
    "related": "36",
    "help": "32",
    "quiet": "2",
}

ALIKE = 3
"""How many warnings of one code are written out for one file; of the others only the lines are."""
LINES = 8
"""How many of those lines are."""


def diagnostics(
    findings: Iterable[Diagnostic],
    sources: Mapping[str, str],
    *,
    colour: bool = False,
    width: int = 100,
    wrap: bool = False,
) -> str:
    """Every finding, a blank line between two. `sources` maps paths to the texts that are quoted.

    Of warnings with the same code in one file the first few are told whole and the others by their lines, so that one
    habit of a long spec does not hide what else there is.

    `width` is the number of terminal cells a quoted line may take; a longer one is cropped around its span. With `wrap`
    messages and remedies keep to it too; without, each is one line, which other programs can search.
    """
    alike: dict[tuple[str, str], list[Diagnostic]] = {}
    told = []
    for found in findings:
        same = alike.setdefault((found.span.path, str(found.code)), [])
        same.append(found)
        if found.severity is not Severity.WARNING or len(same) <= ALIKE:
            told.append(_diagnostic(found, sources, colour, width, wrap))
    rests = (same[ALIKE:] for same in alike.values() if same[0].severity is Severity.WARNING)
    return "\n\n".join([*told, *(_more(rest, colour) for rest in rests if rest)])


def _more(rest: Sequence[Diagnostic], colour: bool) -> str:
    first = rest[0]
    lines = list(dict.fromkeys(found.span.line for found in rest))
    shown = ", ".join(map(str, lines[:LINES])) + (f", {ELLIPSIS}" if len(lines) > LINES else "")
    where = f"line{'s' if len(lines) > 1 else ''} {shown} of {printable(first.span.path)}"
    head = paint(f"{first.code} {first.severity}", first.severity, colour)
    return f"{head}: the same {len(rest):,} more time{'s' if len(rest) > 1 else ''}, at {where}"


def tally(findings: Sequence[Diagnostic]) -> str:
    """What was found, counted: `2 errors and 1 warning in model.yaml`, `3 errors in 2 files`."""
    counts = [(sum(d.severity is s for d in findings), s.value) for s in Severity]
    paths = {d.span.path for d in findings}
    path = next(iter(paths)) if len(paths) == 1 else f"{len(paths)} files"
    place = "on the command line" if path.startswith("-") else f"in {path}"
    return f"{' and '.join(count(n, word) for n, word in counts if n)} {place}"


def count(number: int, noun: str) -> str:
    """A number and its noun: `1 error`, `2 errors`, `1,200 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def paint(text: str, style: str | Severity, colour: bool) -> str:
    """The text in an ANSI style, or as it is."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if colour and text else text


def _diagnostic(found: Diagnostic, sources: Mapping[str, str], colour: bool, width: int, wrap: bool) -> str:
    places = [found.span, *(r.span for r in found.related)]
    gutter = max(len(str(span.line)) for span in places)
    head = f"{found.code} {found.severity}"
    first, *rest = _lines(found.message, width, len(head) + 2, wrap)
    lines = [paint(head, found.severity, colour) + paint(f": {first}", "message", colour)]
    lines += [paint(f"  {line}", "message", colour) for line in rest]
    lines += _place(found.span, sources, found.severity, gutter, colour, width)
    for related in found.related:
        where, *quoted = _place(related.span, sources, "related", gutter, colour, width)
        lines += [f"{where} {paint(printable(related.message), 'related', colour)}", *quoted]
    indent = " " * (gutter + 9)
    told = [line for part in found.help.splitlines() for line in _lines(part, width, len(indent), wrap)]
    mark = " " * (gutter + 1) + paint("= help:", "help", colour) + " "
    lines += [(indent if i else mark) + line for i, line in enumerate(told)]
    return "\n".join(lines)


def _lines(text: str, width: int, taken: int, wrap: bool) -> list[str]:
    """A text on one line, or wrapped to what is left of the width."""
    text = printable(text)
    if not wrap:
        return [text]
    room = max(width - taken, 20)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


def _place(
    span: Span, sources: Mapping[str, str], style: str | Severity, gutter: int, colour: bool, width: int
) -> list[str]:
    head = f"{' ' * gutter}{paint('-->', 'frame', colour)} {printable(span.path)}"
    if span.path not in sources:
        return [head]
    head += f":{span.line}:{span.column}"
    quoted = _quote(span, sources[span.path], max(width - gutter - 3, 20))
    if quoted is None:
        return [head]
    line, carets = quoted
    bar = paint("|", "frame", colour)
    number = paint(f"{span.line:>{gutter}}", "frame", colour)
    under = f"{' ' * gutter} {bar} {carets.replace('^', '')}{paint('^' * carets.count('^'), style, colour)}"
    return [head, f"{number} {bar} {line}".rstrip(), under]


def _quote(span: Span, text: str, room: int) -> tuple[str, str] | None:
    """The line a span begins on and the carets under it, both no wider than `room` cells; None where there is none."""
    lines = _rows(text)
    if span.line > len(lines):
        return None
    line = lines[span.line - 1].rstrip("\r")
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
    before, marked, after = (printable(part) for part in (line[:start], line[start:end], line[max(end, start) :]))
    if cells(before + marked + after) > room:
        marked = _fit(marked, room * 2 // 3)
        side = (room - cells(marked)) // 2
        before = _fit(before[::-1], max(side, room - cells(marked) - cells(after)))[::-1]
        after = _fit(after, room - cells(before) - cells(marked))
    return before + marked + after, " " * cells(before) + "^" * max(cells(marked), 1)


@lru_cache(maxsize=8)
def _rows(text: str) -> list[str]:
    """The lines of a source, which every finding in it quotes from."""
    return text.split("\n")


def _fit(text: str, room: int) -> str:
    """As much of a text as goes into `room` cells, with an ellipsis for the rest."""
    if cells(text) <= room:
        return text
    kept = ""
    for character in text:
        if cells(kept) + cells(character) + 1 > room:
            break
        kept += character
    return kept + ELLIPSIS


def printable(text: str) -> str:
    """A text as a terminal can be trusted with it: tabs as spaces, control characters as `�`."""
    return "".join(TAB if c == "\t" else "�" if category(c) in ("Cc", "Cf", "Cs") else c for c in text)


def cells(text: str) -> int:
    """How many columns of a terminal a text takes: two for a wide character, none for a combining one."""
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
