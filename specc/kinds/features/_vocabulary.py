"""Vocabularies that lie in files: one entry a line."""

from __future__ import annotations

from pathlib import Path

from specc.codes import S501, S503
from specc.diagnostics import Refusal, nearest


def entries_of(path: str) -> tuple[str, ...]:
    """The entries of a file, in its order; a blank line is none.

    Raises:
        Refusal: S501 where there is no such file, S503 where it holds no entry, or one twice, or is not UTF-8 text.
    """
    file = Path(path)
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise Refusal(S503, f"{file.name} is not UTF-8 text", "save the file as UTF-8", "vocabulary") from error
    except OSError as error:
        there = [p.name for p in file.parent.iterdir()] if file.parent.is_dir() else []
        near = nearest(file.name, there)
        remedy = f"did you mean `{near}`?" if near else "the path is relative to the file that it is written in"
        raise Refusal(S501, f"there is no vocabulary `{path}`", remedy, "vocabulary") from error
    entries = [line.strip() for line in lines if line.strip()]
    if not entries:
        raise Refusal(S503, f"{file.name} holds no entry", "write one a line", "vocabulary")
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if (entry := line.strip()) in seen:
            raise Refusal(S503, f"{file.name}:{number} holds `{entry}` a second time", "remove it", "vocabulary")
        if entry:
            seen.add(entry)
    return tuple(entries)
