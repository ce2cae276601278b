"""The value of an expression: a walk over its nodes."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, Final

from specc.calls import UNKNOWN_VALUE
from specc.codes import S005
from specc.diagnostics import Refusal
from specc.expressions.arithmetic import apply, bounded, call, compare, describe, is_unknown
from specc.expressions.grammar import name_of

Lookup = Callable[[tuple[str, ...]], Any]
"""What a dotted name stands for, as plain data: `("targets", "digit", "classes")`. Raises `Refusal` (S006)."""

CONSTANTS: Final[dict[tuple[str, ...], bool | None]] = {("true",): True, ("false",): False, ("null",): None}


def value_of(node: ast.expr, lookup: Lookup) -> Any:
    """The value of an expression that `grammar.parsed` let through.

    Raises:
        Refusal: S005 where it cannot be computed, S003 where that is too large, and what `lookup` refuses.
    """
    match node:
        case ast.Constant(value=value):
            return bounded(value)
        case ast.Name() | ast.Attribute():
            name = name_of(node) or ()
            value = CONSTANTS[name] if name in CONSTANTS else lookup(name)
            return list(value) if isinstance(value, tuple) else value
        case ast.List(elts=items):
            return bounded([value_of(item, lookup) for item in items])
        case ast.BinOp(left=left, op=op, right=right):
            return apply(type(op), value_of(left, lookup), value_of(right, lookup))
        case ast.UnaryOp(op=op, operand=operand):
            return _unary(op, value_of(operand, lookup))
        case ast.BoolOp(op=op, values=values):
            return _either(isinstance(op, ast.Or), values, lookup)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _chain(value_of(left, lookup), ops, others, lookup)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            condition = value_of(test, lookup)
            return UNKNOWN_VALUE if is_unknown(condition) else value_of(body if condition else otherwise, lookup)
        case ast.Subscript(value=whole, slice=index):
            return _item(value_of(whole, lookup), value_of(index, lookup))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return call(name, [value_of(a, lookup) for a in arguments])
    raise AssertionError(f"{type(node).__name__} is not offered, and was let through")


def _unary(op: ast.unaryop, value: Any) -> Any:
    if is_unknown(value):
        return UNKNOWN_VALUE
    if isinstance(op, ast.Not):
        return not value
    if not isinstance(value, (int, float)):
        raise Refusal(S005, f"`-` and `+` take a number, and not {describe(value)}")
    return bounded(-value if isinstance(op, ast.USub) else +value)


def _either(enough: bool, values: list[ast.expr], lookup: Lookup) -> Any:
    """`and` and `or`: the first value whose truth is `enough`, else the last."""
    value: Any = None
    for node in values:
        value = value_of(node, lookup)
        if is_unknown(value):
            return UNKNOWN_VALUE
        if bool(value) is enough:
            break
    return value


def _chain(left: Any, ops: list[ast.cmpop], others: list[ast.expr], lookup: Lookup) -> Any:
    """`a < b < c`, which ends where one comparison is false."""
    result: Any = True
    for op, node in zip(ops, others, strict=True):
        right = value_of(node, lookup)
        result = compare(type(op), left, right)
        if result is UNKNOWN_VALUE or not result:
            break
        left = right
    return result


def _item(whole: Any, index: Any) -> Any:
    if whole is UNKNOWN_VALUE or index is UNKNOWN_VALUE:
        return UNKNOWN_VALUE
    if not isinstance(whole, (list, str)):
        raise Refusal(S005, f"{describe(whole)} has no items", "a list and a text have items, counted from 0")
    if not isinstance(index, int):
        raise Refusal(S005, f"an item is asked for by a whole number, and not by {describe(index)}")
    if not -len(whole) <= index < len(whole):
        last = f"they count from 0 to {len(whole) - 1}" if whole else ""
        raise Refusal(S005, f"there is no item {index}: {describe(whole)} has {len(whole)}", last)
    return whole[index]
