"""Document to document: what it extends is laid under it, and what the command line says on top."""

from __future__ import annotations

from typing import Any

from specc.codes import S105
from specc.diagnostics import Log, Refusal, Rejected
from specc.passes.compose.extends import extended
from specc.passes.compose.overrides import with_param, with_set
from specc.text.parse import parse
from specc.tree import Document

__all__ = ["compose", "parse_assignment"]


def compose(document: Document, log: Log) -> Document:
    """The document with `extends` undone, then `-p` and `--set` applied.

    Values keep the places of the files they were written in; those of the command line stand in a source of their own,
    named like the option: `-p NAME`, `--set PATH`.
    """
    source = document.source
    tree = extended(document.tree, source, log)
    for name, value in source.params.items():
        tree = with_param(tree, name, value, log)
    for path, value in source.sets.items():
        tree = with_set(tree, path, value, log)
    return Document(source, tree)


def parse_assignment(text: str) -> tuple[str, Any]:
    """`NAME=VALUE` as a name and a plain value; VALUE is YAML.

    Raises:
        Refusal: S105 when there is no `=`, no name, or VALUE is not YAML.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise Refusal(S105, f"`{text}` is no assignment", "write NAME=VALUE, as in `width=64`")
    log = Log()
    try:
        tree = parse(name, value, log)
    except Rejected:
        tree = None
    if log.diagnostics:
        wrong = log.sorted()[0]
        raise Refusal(S105, f"the value of `{name.strip()}` is not YAML: {wrong.message}", wrong.help)
    return name.strip(), None if tree is None else tree.plain()
