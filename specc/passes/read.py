"""Source to document: YAML 1.2, with the place of every key and value."""

from __future__ import annotations

from specc.codes import S001
from specc.diagnostics import Log, Rejected, Span
from specc.text.files import load
from specc.text.parse import parse
from specc.tree import Document, Source

__all__ = ["load", "read"]


def read(source: Source, log: Log) -> Document:
    """The document that a text is.

    Raises:
        Rejected: where there is no mapping to go on with; what else is wrong gathers in `log`.
    """
    tree = parse(source.path, source.text, log)
    if tree is None or tree.value is None:
        what = "there is nothing but comments in this file" if "#" in source.text else "the file is empty"
        log.report(S001, Span(source.path, 1, 1, 1, 1), what, help="a spec begins with `specc: 1` and has a `model`")
        raise Rejected(log)
    if not tree.is_mapping:
        log.report(
            S001,
            tree.span,
            f"the file holds {'a list' if tree.is_list else 'a single value'}, and a spec is a mapping of keys",
            help="a spec begins with `specc: 1`; its layers stand under `model:` and `layers:`",
        )
        raise Rejected(log)
    return Document(source, tree)
