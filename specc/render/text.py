"""Diagnostics as text: the message, the place, the source line as written with carets under it, and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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


def diagnostics(
    findings: Iterable[Diagnostic], sources: Mapping[str, str], *, colour: bool = False, width: int = 100
) -> str:
    """Every finding, a blank line between two. `sources` maps paths to the texts that are quoted.

    `width` is the number of terminal cells a quoted line may take; a longer one is cropped around its span.
    """
    return "\n\n".join(_diagnostic(d, sources, colour, width) for d in findings)


def tally(findings: Sequence[Diagnostic]) -> str:
    """What was found, counted: `2 errors and 1 warning in model.yaml`, `3 errors in 2 files`."""
    counts = [(sum(d.severity is s for d in findings), s.value) for s in Severity]
    paths = {d.span.path for d in findings}
    place = next(iter(paths)) if len(paths) == 1 else f"{len(paths)} files"
    return f"{' and '.join(count(n, word) for n, word in counts if n)} in {place}"


def count(number: int, noun: str) -> str:
    """A number and its noun: `1 error`, `2 errors`, `1,200 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def paint(text: str, style: str | Severity, colour: bool) -> str:
    """The text in an ANSI style, or as it is."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if colour and text else text


def _diagnostic(found: Diagnostic, sources: Mapping[str, str], colour: bool, width: int) -> str:
    places = [found.span, *(r.span for r in found.related)]
    gutter = max(len(str(span.line)) for span in places)
    lines = [
        paint(f"{found.code} {found.severity}", found.severity, colour)
        + paint(f": {printable(found.message)}", "message", colour)
    ]
    lines += _place(found.span, sources, found.severity, gutter, colour, width)
    for related in found.related:
        head, *quoted = _place(related.span, sources, "related", gutter, colour, width)
        lines += [f"{head} {paint(printable(related.message), 'related', colour)}", *quoted]
    if found.help:
        first, *rest = found.help.splitlines()
        lines.append(f"{' ' * (gutter + 1)}{paint('= help:', 'help', colour)} {printable(first)}")
        lines += [f"{' ' * (gutter + 9)}{printable(line)}" for line in rest]
    return "\n".join(lines)


def _place(
    span: Span, sources: Mapping[str, str], style: str | Severity, gutter: int, colour: bool, width: int
) -> list[str]:
    head = f"{' ' * gutter}{paint('-->', 'frame', colour)} {printable(span.path)}:{span.line}:{span.column}"
    quoted = _quote(span, sources.get(span.path, ""), max(width - gutter - 3, 20))
    if quoted is None:
        return [head]
    line, carets = quoted
    bar = paint("|", "frame", colour)
    number = paint(f"{span.line:>{gutter}}", "frame", colour)
    under = f"{' ' * gutter} {bar} {carets.replace('^', '')}{paint('^' * carets.count('^'), style, colour)}"
    return [head, f"{number} {bar} {line}".rstrip(), under]


def _quote(span: Span, text: str, room: int) -> tuple[str, str] | None:
    """The line a span begins on and the carets under it, both no wider than `room` cells; None where there is none."""
    lines = text.split("\n")
    if not text or span.line > len(lines):
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
