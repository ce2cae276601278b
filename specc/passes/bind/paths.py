"""Paths, made absolute where the spec is bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specc.diagnostics import Span


def absolute(value: Any, span: Span) -> Any:
    """A path, or lists and mappings of them, that is written at a place.

    Paths are relative to the file they are written in; those of the command line to where one stands.
    """
    return _from(value, Path() if span.path.startswith("-") else Path(span.path).parent)


def _from(value: Any, base: Path) -> Any:
    if isinstance(value, str):
        return value if "://" in value else str((base / Path(value).expanduser()).absolute())
    if isinstance(value, list):
        return [_from(item, base) for item in value]
    return {key: _from(item, base) for key, item in value.items()} if isinstance(value, dict) else value
