"""What an expression may be made of. Python's parser reads it; what Python has beyond that is refused by name."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from specc.codes import S005
from specc.diagnostics import Refusal, nearest

LONGEST: Final = 1_000
"""Characters of one expression."""
DEEPEST: Final = 50
"""Levels of one expression within another."""
FUNCTIONS: Final = ("min", "max", "round", "len", "int", "float", "str", "range")

OFFERED: Final = (
    "an expression has values, names, `+ - * / // % **`, comparisons, `and or not`, `a if c else b`, indexing, "
    f"and {' '.join(FUNCTIONS)}"
)
OPEN = re.compile(r"\$\$\{|\$\{")
CLOSE = re.compile(r"""[^'"}]*(?:(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")[^'"}]*)*\}""", re.DOTALL)
FOREIGN = (
    (re.compile(r"&&"), "and"),
    (re.compile(r"\|\|"), "or"),
    (re.compile(r"\?"), "A if CONDITION else B"),
    (re.compile(r"(?<![=<>!])=(?!=)"), "=="),
    (re.compile(r"!(?!=)"), "not"),
)
"""What other languages write, and what is written here."""

OPERATORS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.UAdd: "+",
    ast.USub: "-",
    ast.Not: "not",
    ast.And: "and",
    ast.Or: "or",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
REFUSED: Final[dict[type[ast.AST], str]] = {
    ast.LShift: "`<<`",
    ast.RShift: "`>>`",
    ast.BitOr: "`|`",
    ast.BitXor: "`^`",
    ast.BitAnd: "`&`",
    ast.MatMult: "`@`",
    ast.Invert: "`~`",
    ast.Is: "`is`",
    ast.IsNot: "`is not`",
    ast.Lambda: "`lambda`",
    ast.NamedExpr: "`:=`",
    ast.Slice: "a slice",
    ast.Starred: "`*` before a value",
    ast.Tuple: "a tuple",
    ast.Dict: "a mapping",
    ast.Set: "a set",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.JoinedStr: "an f-string",
    ast.Await: "`await`",
    ast.Yield: "`yield`",
    ast.YieldFrom: "`yield`",
}
INSTEAD: Final[dict[type[ast.AST], str]] = {
    ast.Is: "compare with `==`",
    ast.IsNot: "compare with `!=`",
    ast.Tuple: "write a list, with brackets: `[a, b]`",
    ast.BitXor: "a power is written `**`",
    ast.JoinedStr: "put the expression into the text around it: `conv_${i}`",
}
PARTS = (ast.List, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Subscript, ast.Call)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a value: the inside of a `${…}`, or text as it is."""

    text: str
    is_expression: bool


def pieces(text: str) -> Iterator[Piece]:
    """A text, told apart into expressions and what stands between them; `$${` is text.

    Raises:
        Refusal: S005 where a `${` is not closed.
    """
    start = 0
    while opening := OPEN.search(text, start):
        if opening.start() > start:
            yield Piece(text[start : opening.start()], False)
        start = opening.end()
        if opening[0] == "$${":
            yield Piece("${", False)
            continue
        closing = CLOSE.match(text, start)
        if closing is None:
            raise Refusal(S005, f"`{shown(text[opening.start() :])}` is not closed", "close it with `}`")
        yield Piece(text[start : closing.end() - 1].strip(), True)
        start = closing.end()
    if start < len(text):
        yield Piece(text[start:], False)


@lru_cache(maxsize=4096)
def parsed(code: str) -> ast.expr:
    """An expression as a tree of nodes, each of a kind that is offered.

    Raises:
        Refusal: S005 for anything else.
    """
    if not code:
        raise Refusal(S005, "`${}` is empty", "write an expression in it, or `$${` for the characters themselves")
    if len(code) > LONGEST:
        raise Refusal(S005, f"an expression has at most {LONGEST:,} characters", "compute parts of it in `params`")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's own, about escapes and the like
            root = ast.parse(code.replace("\n", " "), mode="eval").body
    except SyntaxError as error:
        raise Refusal(S005, f"`{shown(code)}` is not an expression{_place(code, error)}", _instead(code)) from None
    except (ValueError, MemoryError, RecursionError):  # a NUL; brackets in brackets beyond what Python's parser takes
        raise Refusal(S005, f"`{shown(code)}` is not an expression", OFFERED) from None
    _check(root)
    return root


def name_of(node: ast.expr) -> tuple[str, ...] | None:
    """A dotted name by its parts, or None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None


def shown(text: str, most: int = 60) -> str:
    """A text as a message quotes it."""
    return text if len(text) <= most else f"{text[:most]}…"


def _check(root: ast.expr) -> None:
    waiting: list[tuple[ast.AST, int]] = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            raise Refusal(
                S005, f"an expression is at most {DEEPEST} operations deep", "compute parts of it in `params`"
            )
        if isinstance(node, ast.Constant):
            if node.value is not None and not isinstance(node.value, (bool, int, float, str)):
                raise _refused(f"`{ast.unparse(node)}`")
        elif isinstance(node, (ast.Name, ast.Attribute)):
            if name_of(node) is None:
                raise _refused(f"`.{getattr(node, 'attr', '')}`", "only names have dots, as in `targets.digit.classes`")
        elif isinstance(node, PARTS):
            if isinstance(node, ast.Call):
                _check_call(node)
            below = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
            waiting += ((child, depth + 1) for child in below)
        elif type(node) not in OPERATORS and not isinstance(node, ast.expr_context):
            raise _refused(REFUSED.get(type(node), "this"), INSTEAD.get(type(node), OFFERED))


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name):
        raise _refused(f"`{shown(ast.unparse(node.func))}(…)`", f"there are the functions {', '.join(FUNCTIONS)}")
    name = node.func.id
    if name not in FUNCTIONS:
        near = nearest(name, FUNCTIONS)
        help = f"did you mean `{near}`?" if near else f"there are the functions {', '.join(FUNCTIONS)}"
        raise Refusal(S005, f"there is no function `{name}`", help)
    if node.keywords:
        raise Refusal(S005, f"`{name}` takes no arguments by name", f"write `{name}(…)` with values only")


def _refused(what: str, help: str = OFFERED) -> Refusal:
    return Refusal(S005, f"{what} cannot stand in an expression", help)


def _place(code: str, error: SyntaxError) -> str:
    at = (error.offset or 0) - 1
    return f": `{shown(code[at:], 20)}` is out of place" if 0 < at < len(code) else ""


def _instead(code: str) -> str:
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", "", code)
    return next((f"write `{ours}`" for theirs, ours in FOREIGN if theirs.search(plain)), OFFERED)
