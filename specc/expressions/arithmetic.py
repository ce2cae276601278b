"""The operations of expressions, on plain values: what they take, and how large their results may become."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from specc.calls import UNKNOWN_VALUE
from specc.codes import S003, S005
from specc.diagnostics import Refusal
from specc.expressions.grammar import OPERATORS, shown

LARGEST: Final = 10_000
"""Values of a list, those of inner lists counted, and characters of a text."""
WIDEST: Final = 2**63
"""No whole number is beyond this, either way."""

OPERATIONS: Final[dict[type[ast.AST], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
COMPARISONS: Final[dict[type[ast.AST], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}


def apply(kind: type[ast.AST], left: Any, right: Any) -> Any:
    """`left OPERATOR right`.

    Raises:
        Refusal: S005 for values that the operator does not take, S003 for a result that is too large.
    """
    if is_unknown(left) or is_unknown(right):
        return UNKNOWN_VALUE
    numbers = _is_number(left) and _is_number(right)
    if not numbers and not _joins(kind, left, right):
        raise _unsuited(kind, left, right)
    if kind is ast.Pow and isinstance(left, int) and isinstance(right, int):
        # Bits of the result, before there is one: `9**9**9` would not come back.
        if right > 0 and (abs(left).bit_length() - 1) * right > WIDEST.bit_length():
            raise too_large(f"{left}**{right}")
    elif kind is ast.Mult and not numbers:
        times, repeated = (left, right) if isinstance(left, int) else (right, left)
        if times * size(repeated) > LARGEST:
            raise too_large(f"{describe(repeated)}, {times} times")
    try:
        result = OPERATIONS[kind](left, right)
    except ZeroDivisionError:
        raise Refusal(S005, f"`{as_text(left)} {OPERATORS[kind]} {as_text(right)}` divides by zero") from None
    except OverflowError:
        raise too_large(f"{as_text(left)} {OPERATORS[kind]} {as_text(right)}") from None
    return bounded(result)


def compare(kind: type[ast.AST], left: Any, right: Any) -> Any:
    """`left COMPARISON right`.

    Raises:
        Refusal: S005 for values that have no order, or that hold no others.
    """
    if is_unknown(left) or is_unknown(right):
        return UNKNOWN_VALUE
    try:
        return COMPARISONS[kind](left, right)
    except TypeError:
        raise _unsuited(kind, left, right) from None


def call(name: str, arguments: list[Any]) -> Any:
    """One of the functions.

    Raises:
        Refusal: S005 for arguments that it does not take, S003 for a result that is too large.
    """
    if name == "len" and len(arguments) == 1 and isinstance(arguments[0], (list, str)):
        return len(arguments[0])
    if any(is_unknown(a) for a in arguments):
        return UNKNOWN_VALUE
    try:
        if name == "str" and len(arguments) == 1:
            return bounded(as_text(arguments[0]))
        if name == "range":
            return bounded_range(arguments)
        if name == "round" and len(arguments) > 1 and not -100 < arguments[1] < 100:
            raise ValueError
        if name == "len":
            raise TypeError
        return bounded(PYTHON[name](*arguments))
    except (TypeError, ValueError, OverflowError):
        given = " and ".join(describe(a) for a in arguments) or "nothing"
        raise Refusal(S005, f"`{name}` cannot be computed of {given}", USAGE[name]) from None


PYTHON: Final[dict[str, Callable[..., Any]]] = {"min": min, "max": max, "round": round, "int": int, "float": float}
USAGE: Final = {
    "min": "`min` takes a list, or two or more values of one kind",
    "max": "`max` takes a list, or two or more values of one kind",
    "round": "`round` takes a number, and how many decimals to keep: `round(x, 2)`",
    "len": "`len` takes a list or a text",
    "int": "`int` takes a number, or a text that is one",
    "float": "`float` takes a number, or a text that is one",
    "str": "`str` takes one value",
    "range": "`range` takes whole numbers: `range(4)`, `range(1, 5)`, `range(0, 10, 2)`",
}


def bounded_range(arguments: list[Any]) -> list[int]:
    """The numbers of a range as a list."""
    if not all(isinstance(a, int) for a in arguments):
        raise TypeError
    numbers = range(*arguments)
    if len(numbers) > LARGEST:
        raise too_large(f"a list of {len(numbers):,} numbers")
    return list(numbers)


def bounded(value: Any) -> Any:
    """A result, where it is not too large.

    Raises:
        Refusal: S003 where it is; S005 for a number that is not real.
    """
    if isinstance(value, int):
        if abs(value) > WIDEST:
            raise too_large("a whole number that does not fit in 64 bits")
    elif isinstance(value, complex):
        raise Refusal(S005, "the power of a negative number is not a real number")
    elif isinstance(value, (list, str)) and size(value) > LARGEST:
        raise too_large(f"more than {LARGEST:,} {'characters' if isinstance(value, str) else 'values'}")
    return value


def size(value: Any) -> int:
    """How many characters a text has, and how many values anything else is."""
    return len(value) if isinstance(value, str) else values(value)


def values(value: Any) -> int:
    """How many values this is, those within it counted; a text is one."""
    if isinstance(value, Mapping):
        return 1 + sum(values(item) for item in value.values())
    return 1 + sum(values(item) for item in value) if isinstance(value, list) else 1


def is_unknown(value: Any) -> bool:
    """Is this a value, or a list with one in it, that only data can tell?"""
    if isinstance(value, list):
        return any(is_unknown(item) for item in value)
    return value is UNKNOWN_VALUE


def as_text(value: Any) -> str:
    """A value within a text, numbers and constants as a spec writes them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        return f"[{', '.join(as_text(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {as_text(item)}' for key, item in value.items())}}}"
    return str(value)


def describe(value: Any) -> str:
    """A value as a message names it."""
    if isinstance(value, bool) or value is None:
        return f"`{as_text(value)}`"
    if isinstance(value, (int, float)):
        return f"the number {shown(as_text(value))}"
    if isinstance(value, str):
        return f"the text `{shown(value)}`"
    return "a list" if isinstance(value, list) else "a mapping"


def too_large(what: str) -> Refusal:
    """What there is to say about a result that is too large."""
    return Refusal(S003, f"the expression computes {what}, which is too large", "compute less")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _joins(kind: type[ast.AST], left: Any, right: Any) -> bool:
    """May the operator join or repeat texts and lists?"""
    pair = (left, right)
    if kind is ast.Add:
        return all(isinstance(v, str) for v in pair) or all(isinstance(v, list) for v in pair)
    repeats = any(isinstance(v, (str, list)) for v in pair) and any(isinstance(v, int) for v in pair)
    return kind is ast.Mult and repeats


def _unsuited(kind: type[ast.AST], left: Any, right: Any) -> Refusal:
    help = ""
    if kind is ast.Add and str in (type(left), type(right)):
        help = "a number becomes a text by `str(…)`, a text a number by `int(…)` or `float(…)`"
    return Refusal(S005, f"`{OPERATORS[kind]}` cannot take {describe(left)} and {describe(right)}", help)
