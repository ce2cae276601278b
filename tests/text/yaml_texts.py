"""Short ways to read a text, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import settings

from specc.diagnostics import Diagnostic, Log, Rejected
from specc.passes.read import read
from specc.tree import Source, Tree

some = settings(max_examples=60, deadline=None)
"""How many examples a property is tried with; a busy machine is no fault of the code."""


def tree_of(text: str) -> Tree:
    """The tree of a text that has no faults."""
    log = Log()
    document = read(Source("spec.yaml", text), log)
    assert log.diagnostics == []
    return document.tree


def plain(text: str) -> Any:
    return tree_of(text).plain()


def faults(text: str) -> list[Diagnostic]:
    """What is wrong with a text, in its order."""
    log = Log()
    try:
        read(Source("spec.yaml", text), log)
    except Rejected:
        assert log.errors
    return log.sorted()


def fault(text: str) -> Diagnostic:
    """The one fault of a text."""
    found = faults(text)
    assert len(found) == 1, found
    return found[0]


def told(text: str) -> tuple[str, int, int, str, str]:
    """The one fault of a text: its code, line and column, the text it points at, and the help."""
    found = fault(text)
    return found.code.id, found.span.line, found.span.column, marked(text, found), found.help


def marked(text: str, found: Diagnostic) -> str:
    """What a diagnostic points at."""
    line = text.split("\n")[found.span.line - 1]
    return line[found.span.column - 1 : found.span.end_column - 1]


def nodes(tree: Tree) -> Iterator[Tree]:
    """A tree and everything in it."""
    yield tree
    for below in (*tree.entries.values(), *tree.elements):
        yield from nodes(below)
