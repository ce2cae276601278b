"""Python expressions laid out in lines as `ruff format` leaves them: on one line, or one item a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 120
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Group:
    """What stands between two brackets: items that share a line or have one each."""

    brackets: str
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """A value that a spec gives, and what is known of how: `formula` is the Python that it is computed by, if any.

    `argument` is what it is given for. The value is `VARIES` where only the formula says it.
    """

    value: Any
    formula: str = ""
    argument: str = ""

    def settled(self) -> Expression:
        """The formula where there is one, else the value."""
        return (self.formula,) if self.formula else plain(self.value)


VARIES = object()
"""The value of what differs from one time of a loop to the other."""

Expression = tuple[str | Group | Given, ...]
"""Text, groups and values in a row: `layers.Dense`, `(…)`, `(…)`."""


def call(function: str, items: Iterable[Expression], *chained: Iterable[Expression]) -> Expression:
    """`function(items)`, and what that gives called on: `function(items)(chained)`."""
    return (function, Group("()", tuple(items)), *(Group("()", tuple(more)) for more in chained))


def keyword(name: str, value: Expression) -> Expression:
    return (f"{name}=", *value)


def sequence(items: Iterable[Expression]) -> Expression:
    return (Group("[]", tuple(items)),)


def mapping(entries: Iterable[tuple[str, Expression]]) -> Expression:
    return (Group("{}", tuple((f"{literal(key)}: ", *value) for key, value in entries)),)


def literal(value: Any) -> str:
    """A scalar or a tuple of them as Python writes it; strings in double quotes where that needs no escape."""
    text = repr(value)
    if isinstance(value, str) and '"' not in value and text.startswith("'"):
        return '"' + text[1:-1] + '"'
    return text


def plain(value: Any) -> Expression:
    """Plain data as Python writes it: scalars, tuples, lists, mappings."""
    if isinstance(value, list):
        return sequence(map(plain, value))
    if isinstance(value, Mapping):
        return mapping((str(key), plain(item)) for key, item in value.items())
    return (literal(value),)


def settled(expression: Expression) -> tuple[str | Group, ...]:
    """An expression with every value in it written down."""
    done: list[str | Group] = []
    for part in expression:
        if isinstance(part, Given):
            done += settled(part.settled())
        elif isinstance(part, Group):
            done.append(Group(part.brackets, tuple(settled(item) for item in part.items)))
        else:
            done.append(part)
    return tuple(done)


def text(expression: Expression) -> str:
    """An expression on one line."""
    return _flat(settled(expression))


def lines(expression: Expression, before: str = "", after: str = "", depth: int = 0, width: int = WIDTH) -> list[str]:
    """A statement or an item of one: the expression between two texts, its brackets opened where it is too long."""
    expression = settled(expression)
    margin = INDENT * depth
    flat = margin + before + _flat(expression) + after
    groups = [i for i, part in enumerate(expression) if isinstance(part, Group) and part.items]
    if len(flat) <= width or not groups:
        return [flat]
    # The first brackets alone, the last alone, or all of them: what comes out narrow enough, in this order.
    attempts = [{groups[0]}, {groups[-1]}, set(groups)]
    if len(expression) > 1 and len(_flat(expression[groups[-1] :])) > len(_flat(expression[: groups[-1]])):
        attempts = [{groups[-1]}, {groups[0]}, set(groups)]
    laid = [_opened(expression, opened, before, after, depth, width) for opened in attempts]
    return next((found for found in laid if all(len(line) <= width for line in found)), laid[-1])


def _opened(expression: Expression, opened: set[int], before: str, after: str, depth: int, width: int) -> list[str]:
    done: list[str] = []
    line = INDENT * depth + before
    for i, part in enumerate(expression):
        if isinstance(part, Group) and i in opened:
            done.append(line + part.brackets[0])
            for item in part.items:
                done += lines(item, after=",", depth=depth + 1, width=width)
            line = INDENT * depth + part.brackets[1]
        else:
            line += text((part,))
    return [*done, line + after]


def _flat(expression: tuple[str | Group, ...]) -> str:
    return "".join(
        part if isinstance(part, str) else part.brackets[0] + ", ".join(map(text, part.items)) + part.brackets[1]
        for part in expression
    )
