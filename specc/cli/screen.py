"""What the terminal can show, and diagnostics on it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from specc.diagnostics import Diagnostic
from specc.render import text

if TYPE_CHECKING:
    from rich.console import RenderableType

DONE, FAULT, USAGE, BUG = 0, 1, 2, 3
"""Exit statuses: done · the spec, the data or the run is at fault · wrong usage · a bug in specc."""
INTERRUPTED, CLOSED, TERMINATED = 130, 141, 143
"""What a shell expects of a program that Ctrl-C, a closed pipe or SIGTERM ended."""

WIDEST = 120


def colourful(stream: TextIO) -> bool:
    """Whether to write ANSI colours: on a terminal, unless NO_COLOR is set; FORCE_COLOR asks for them anyway."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """The columns to write in: the terminal's, no more than a line stays readable."""
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST)


def page(*parts: RenderableType) -> None:
    """Write what rich renders to standard output."""
    print(rendered(*parts, colour=colourful(sys.stdout)))


def rendered(*parts: RenderableType, colour: bool) -> str:
    """What rich makes of it at the terminal's width, without the blanks with which it fills every line."""
    # Rich takes a while to load, and most commands do without it.
    from rich.console import Console

    console = Console(width=width(), highlight=False, force_terminal=colour, no_color=not colour)
    with console.capture() as written:
        console.print(*parts, sep="\n", crop=False)
    return "\n".join(line.rstrip() for line in written.get().splitlines())


def show(findings: Sequence[Diagnostic], sources: Mapping[str, str], *, count: bool = True) -> None:
    """Write diagnostics to standard error, and how many there are."""
    if not findings:
        return
    colour = colourful(sys.stderr)
    wrap = sys.stderr.isatty()
    print(text.diagnostics(findings, sources, colour=colour, width=width(), wrap=wrap), file=sys.stderr)
    if count:
        print(f"\n{text.tally(findings)}", file=sys.stderr)
