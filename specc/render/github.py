"""Diagnostics as commands of a GitHub workflow, which shows them beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from specc.diagnostics import Diagnostic
from specc.render.places import from_root, root


def diagnostics(findings: Iterable[Diagnostic]) -> str:
    """One line for each finding: `::error file=…,line=…,title=S302::message`; empty where there are none."""
    top = root()
    return "\n".join(_command(found, top) for found in findings)


def _command(found: Diagnostic, top: Path) -> str:
    span = found.span
    where: dict[str, object] = {
        "file": from_root(span.path, top) or span.path,
        "line": span.line,
        "endLine": span.end_line,
    }
    if span.line == span.end_line:  # Columns are taken only where both are of one line.
        where |= {"col": span.column, "endColumn": span.end_column}
    properties = {name: where[name] for name in ("file", "line", "col", "endLine", "endColumn") if name in where}
    written = ",".join(
        f"{name}={_property(str(value))}" for name, value in (properties | {"title": found.code.id}).items()
    )
    lines = [found.message]
    lines += [f"{related.message}: {related.span.path}:{related.span.line}" for related in found.related]
    lines += [f"help: {found.help}"] if found.help else []
    return f"::{found.severity} {written}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
