"""What a spec computes with `${…}`, as Python over the names that the emitted code has for its parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Refusal, Span
from specc.emit.layout import literal
from specc.expressions import evaluate
from specc.plan import Plan
from specc.tree import Tree

WHOLE = re.compile(r"\$\{([^{}$]+)\}")
"""A value that is one expression, without texts in it that have braces."""

OPERATIONS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
FUNCTIONS = ("min", "max", "round", "int", "float")
SIMPLE = re.compile(r"(\w+) \*\* (\w+)")
"""A power of a name or a number, which is written without blanks."""


@dataclass(frozen=True, slots=True)
class Names:
    """What expressions may name at one place: the value that each name has in the spec, and what it is called here.

    Of the data only what is not known yet has a name: `inputs.person.classes`.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)

    def look_up(self, path: tuple[str, ...]) -> Any:
        """The value of a name; what is of the data is not known. Raises KeyError."""
        return UNKNOWN_VALUE if path[1:] else self.values[path[0]]

    def inside(self, values: Mapping[str, Any], called: Mapping[str, str]) -> Names:
        """With these names on top; one without anything that it is called cannot be said."""
        there = {name: python for name, python in self.called.items() if name not in values}
        return Names({**self.values, **values}, {**there, **called})


class Formulas:
    """The expressions of a spec by the places where they stand, and its own parameters as constants of the module."""

    def __init__(self, plan: Plan) -> None:
        self.texts: dict[Span, str] = {}
        self._gather(plan.tree)
        self.constants: dict[str, str] = {}
        """The names of the module's constants, and what each is."""
        self.top = self._constants(plan.tree["params"].entries if "params" in plan.tree else {})

    def _gather(self, tree: Tree) -> None:
        for inner in (*tree.entries.values(), *tree.elements):
            self._gather(inner)
        if isinstance(tree.value, str) and (found := WHOLE.fullmatch(tree.value)):
            self.texts[tree.span] = found[1].strip()

    def _constants(self, trees: Mapping[str, Tree]) -> Names:
        names = Names()
        waiting = dict(trees)
        while waiting:
            before = len(waiting)
            for name, tree in list(waiting.items()):
                value, text = tree.value, ""
                if isinstance(value, str) and "${" in value:
                    try:
                        value = evaluate(value, names.look_up)
                    except (Refusal, KeyError):
                        continue
                    text = self.formula(tree.span, value, names)
                    if not text:
                        continue
                del waiting[name]
                if isinstance(value, (int, float, str)) and name.isidentifier():
                    constant = name.upper()
                    self.constants[constant] = text or literal(value)
                    names = names.inside({name: value}, {name: constant})
            if len(waiting) == before:
                break
        # What cannot be a constant hides nothing and has no name.
        return names.inside(dict.fromkeys(waiting), {})

    def formula(self, span: Span | None, value: Any, names: Names) -> str:
        """The Python of the expression at a place, where all of it can be said and comes to the value; else nothing."""
        text = self.texts.get(span) if span is not None else None
        if text is None or not (value is UNKNOWN_VALUE or isinstance(value, (int, float, str, bool, type(None)))):
            return ""
        try:
            node = ast.parse(text, mode="eval").body
        except SyntaxError:
            return ""
        if not _sayable(node, names):
            return ""
        try:
            here = evaluate(f"${{{text}}}", names.look_up)
        except (Refusal, KeyError):
            return ""
        if repr(here) != repr(value):
            return ""
        said = ast.unparse(_Renamed(names.called).visit(node))
        return "" if "**" in SIMPLE.sub("", said) else SIMPLE.sub(r"\1**\2", said)


def _sayable(node: ast.AST, names: Names) -> bool:
    match node:
        case ast.Name() | ast.Attribute():
            return ast.unparse(node) in names.called
        case ast.Constant(value=value):
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case ast.BinOp(left=left, op=op, right=right):
            return isinstance(op, OPERATIONS) and _sayable(left, names) and _sayable(right, names)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _sayable(operand, names)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return name in FUNCTIONS and all(_sayable(one, names) for one in arguments)
    return False


class _Renamed(ast.NodeTransformer):
    def __init__(self, called: Mapping[str, str]) -> None:
        self.called = called

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.called.get(node.id, node.id), node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.Name:
        return ast.Name(self.called[ast.unparse(node)], node.ctx)
