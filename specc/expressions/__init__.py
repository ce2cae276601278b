"""`${…}`: a small evaluator over the nodes of Python's own parser, bounded in size and time. Nothing else is reachable.

What can be written: numbers, texts, `true`, `false`, `null`, lists, names, `+ - * / // % **`, comparisons, `and or
not`, `a if c else b`, indexing, and `min max round len int float str range`. A value that is not known before data was
read, `UNKNOWN_VALUE`, goes through every operation and makes its result unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Log, Refusal, Related
from specc.expressions.arithmetic import LARGEST, as_text, is_unknown, too_large, values
from specc.expressions.evaluation import Lookup, value_of
from specc.expressions.grammar import parsed, pieces
from specc.tree import Tree, planted

__all__ = ["Lookup", "compute", "evaluate", "has_expression"]

PLANTED: Final = 100_000
"""Values that the expressions of one tree may put into it."""


def has_expression(text: str) -> bool:
    """Is there anything in a text that `evaluate` would change?"""
    return "${" in text


def evaluate(text: str, lookup: Lookup) -> Any:
    """The value of a text with `${…}` in it, as plain data.

    A text that is one expression takes the type of its value; within a longer text the value becomes text. `$${` stands
    for `${` itself.

    Raises:
        Refusal: S005 for what is no expression or cannot be computed, S003 for a result that is too large, and what
            `lookup` refuses.
    """
    parts = list(pieces(text))
    if len(parts) == 1 and parts[0].is_expression:
        return value_of(parsed(parts[0].text), lookup)
    words: list[str] = []
    computed = 0
    unknown = False
    for part in parts:
        word = part.text
        if part.is_expression:
            value = value_of(parsed(part.text), lookup)
            unknown = unknown or is_unknown(value)
            word = as_text(value)
            computed += len(word)
            if computed > LARGEST:
                raise too_large(f"a text of more than {LARGEST:,} characters")
        words.append(word)
    return UNKNOWN_VALUE if unknown else "".join(words)


def compute(tree: Tree, lookup: Lookup, log: Log, related: Sequence[Related] = ()) -> Tree:
    """The tree with every `${…}` of its values computed; the same tree where there is none.

    An expression that fails is reported at its place, with `related` beside it, and its value is unknown.
    """
    return _Computation(lookup, log, related).computed(tree)


@dataclass(slots=True)
class _Computation:
    lookup: Lookup
    log: Log
    related: Sequence[Related]
    planted: int = 0

    def computed(self, tree: Tree) -> Tree:
        value = tree.value
        if isinstance(value, str):
            return self.planting(tree, value) if has_expression(value) else tree
        if isinstance(value, tuple):
            items = tuple([self.computed(item) for item in value])
            same = all(new is old for new, old in zip(items, value, strict=True))
            return tree if same else tree.with_value(items)
        if tree.is_mapping:
            entries = {key: self.computed(below) for key, below in tree.entries.items()}
            same = all(entries[key] is below for key, below in tree.entries.items())
            return tree if same else tree.with_value(entries)
        return tree

    def planting(self, tree: Tree, text: str) -> Tree:
        try:
            value = evaluate(text, self.lookup)
            self.planted += values(value)
            if self.planted > PLANTED:
                raise too_large(f"more than {PLANTED:,} values in one place")
        except Refusal as refusal:
            self.log.refuse(refusal, tree.span, related=self.related)
            value = UNKNOWN_VALUE
        return tree.with_value(planted(value, tree.span).value)
