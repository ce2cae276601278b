"""One sentence each from Keras's docstrings: what a thing is, and what its arguments are."""

from __future__ import annotations

import inspect
import re


def sentence(text: str | None) -> str:
    """The first sentence, on one line."""
    paragraph = " ".join(re.split(r"\n\s*(?:\n|- )", inspect.cleandoc(text or "").strip(), maxsplit=1)[0].split())
    end = re.search(r"(?<!e\.g)(?<!i\.e)(?<!etc)\.(?=\s|$)", paragraph)
    return paragraph[: end.end()] if end else paragraph


def described(value: object) -> dict[str, str]:
    """The first sentence about each argument that the section `Args:` tells of."""
    found: dict[str, list[str]] = {}
    _, _, body = inspect.cleandoc(value.__doc__ or "").partition("\nArgs:\n")
    indent, current = None, ""
    for line in body.splitlines():
        depth = len(line) - len(line.lstrip())
        if line.strip() and depth == 0:
            break
        indent = indent or (depth if line.strip() else None)
        if depth == indent and (match := re.match(r"\s*\*{0,2}`?(\w+)`?\s*(?:\([^)]*\))?\s*:\s*(.*)", line)):
            current = match[1]
            found[current] = [match[2]]
        elif current:
            found[current].append(line.strip())
    return {name: sentence("\n".join(lines)) for name, lines in found.items()}
