"""The pictures of the docs: a network as `specc summary` draws it, and what a terminal shows of `specc`."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = 112


def pictures() -> Iterator[tuple[str, str]]:
    """Each picture: its path from the root of the repository, and what it should hold."""
    yield "docs/images/digits.svg", specc("summary", "--format", "svg", "examples/digits.yaml")
    for name, command in (
        ("summary", ("summary", "examples/digits.yaml")),
        ("validate", ("validate", "docs/images/wrong.yaml")),
    ):
        yield f"docs/images/{name}.svg", terminal(name, *command)


def terminal(name: str, *command: str) -> str:
    """A terminal in which a command was given, with its colours."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(f"$ specc {' '.join(command)}", highlight=False)
    console.print(Text.from_ansi(specc(*command)))
    drawn = console.export_svg(title="specc", unique_id=name)
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


def specc(*command: str) -> str:
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        [sys.executable, "-m", "specc", *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    return done.stderr + done.stdout
