"""What a tree has against the schema: our own evaluation of the keywords that it uses.

A validator for any schema would first have to be given the whole one, and reads it anew for every value; this one asks
`definition` for a part when a spec first uses it, and compiles each part once. Tests hold it against `jsonschema`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cache
from operator import ge, gt, le, lt
from typing import Any

from specc.calls import UNKNOWN_VALUE
from specc.schema.document import definition
from specc.schema.sections import Schema
from specc.tree import Tree

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One value that breaks one keyword of one schema.

    `path` leads to the value from the root; `depth` is how many of its parts lie below the value that an `anyOf` around
    it is about. `branches` are the findings of each branch, for an `anyOf`; `about_key`: the value is a key.
    """

    keyword: str
    schema: Mapping[str, Any]
    value: Any
    path: Path
    depth: int = 0
    about_key: bool = False
    branches: tuple[tuple[Finding, ...], ...] = ()


Found = Sequence[Finding]
Check = Callable[[Any, Path, int], Found]
"""What a value at a path breaks; the number is the length of the path that the `anyOf` around it is about."""

NOTHING: Found = ()


def findings(tree: Tree, fragment: str | None) -> Iterable[Finding]:
    """All that breaks the schema of a whole spec, or of a part of it: `losses`, `layers/Dense`."""
    return _defined(fragment.replace("/", "/$defs/") if fragment else "")(plain(tree), (), 0)


def plain(tree: Tree) -> Any:
    """The value of a tree, where what is not known yet looks like the expression it came from."""
    value = tree.value
    if isinstance(value, dict):
        return {key: plain(below) for key, below in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return "${?}" if value is UNKNOWN_VALUE else value


@cache
def _defined(name: str) -> Check:
    return _compiled(definition(name))


def _compiled(schema: Schema) -> Check:
    """The checks of every keyword in turn, in the order in which the schema has them."""
    checks = [KEYWORDS[keyword](schema, value) for keyword, value in schema.items() if keyword in KEYWORDS]
    if len(checks) == 1:
        return checks[0]

    def all_of(value: Any, path: Path, start: int) -> Found:
        found: list[Finding] = []
        for check in checks:
            if more := check(value, path, start):
                found += more
        return found

    return all_of


def _later(schema: Schema) -> Check:
    """The check of a part that most specs never come to: compiled when it is first asked."""
    made: list[Check] = []

    def check(value: Any, path: Path, start: int) -> Found:
        if not made:
            made.append(_compiled(schema))
        return made[0](value, path, start)

    return check


def _ref(schema: Schema, name: str) -> Check:
    name = name.removeprefix("#/$defs/")
    return lambda value, path, start: _defined(name)(value, path, start)


def _all_of(schema: Schema, parts: Sequence[Schema]) -> Check:
    checks = [_compiled(part) for part in parts]
    return lambda value, path, start: [found for check in checks for found in check(value, path, start)]


def _any_of(schema: Schema, parts: Sequence[Schema]) -> Check:
    checks = [_later(part) for part in parts]

    def check(value: Any, path: Path, start: int) -> Found:
        branches = []
        for branch in checks:
            found = branch(value, path, len(path))
            if not found:
                return NOTHING
            branches.append(tuple(found))
        return [Finding("anyOf", schema, value, path, len(path) - start, branches=tuple(branches))]

    return check


def _not(schema: Schema, part: Schema) -> Check:
    check = _compiled(part)
    return _broken("not", schema, lambda value: not check(value, (), 0))


def _if(schema: Schema, condition: Schema) -> Check:
    holds = _compiled(condition)
    then, otherwise = (_later(schema.get(branch, {})) for branch in ("then", "else"))

    def check(value: Any, path: Path, start: int) -> Found:
        return (otherwise if holds(value, path, start) else then)(value, path, start)

    return check


def _properties(schema: Schema, parts: Mapping[str, Schema]) -> Check:
    checks: dict[str, Check] = {}

    def check(value: Any, path: Path, start: int) -> Found:
        if not isinstance(value, dict):
            return NOTHING
        found: list[Finding] = []
        for key in value:
            if key in parts:
                if key not in checks:
                    checks[key] = _compiled(parts[key])
                if more := checks[key](value[key], (*path, key), start):
                    found += more
        return found

    return check


def _additional(schema: Schema, part: bool | Schema) -> Check:
    known, patterns = schema.get("properties", {}), [re.compile(p) for p in schema.get("patternProperties", ())]

    def extras(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key in value:
                if key not in known and not any(p.search(key) for p in patterns):
                    yield key

    if isinstance(part, bool):
        return (
            NEVER if part else _broken("additionalProperties", schema, lambda value: any(True for _ in extras(value)))
        )
    inner = _compiled(part)
    return lambda value, path, start: [f for key in extras(value) for f in inner(value[key], (*path, key), start)]


def _property_names(schema: Schema, part: Schema) -> Check:
    check = _compiled(part)

    def checked(value: Any, path: Path, start: int) -> Found:
        if not isinstance(value, dict):
            return NOTHING
        return [
            Finding(f.keyword, f.schema, f.value, f.path, f.depth, about_key=True)
            for key in value
            for f in check(key, path, start)
        ]

    return checked


def _required(schema: Schema, names: Sequence[str]) -> Check:
    return _broken("required", schema, lambda value: isinstance(value, dict) and not all(n in value for n in names))


def _dependent(schema: Schema, names: Mapping[str, Sequence[str]]) -> Check:
    def lacks(value: Any) -> bool:
        return isinstance(value, dict) and any(k in value and any(n not in value for n in names[k]) for k in names)

    return _broken("dependentRequired", schema, lacks)


def _items(schema: Schema, part: Schema) -> Check:
    inner = _compiled(part)

    def check(value: Any, path: Path, start: int) -> Found:
        if not isinstance(value, list):
            return NOTHING
        found: list[Finding] = []
        for i, item in enumerate(value):
            if more := inner(item, (*path, i), start):
                found += more
        return found

    return check


def _type(schema: Schema, types: str | Sequence[str]) -> Check:
    admits = [TYPES[name] for name in ([types] if isinstance(types, str) else types)]
    if len(admits) == 1:
        admitted = admits[0]
        return _broken("type", schema, lambda value: not admitted(value))
    return _broken("type", schema, lambda value: not any(admitted(value) for admitted in admits))


def _enum(schema: Schema, choices: Sequence[Any]) -> Check:
    words = {choice for choice in choices if isinstance(choice, str)}
    others = [choice for choice in choices if not isinstance(choice, str)]

    def differs(value: Any) -> bool:
        return value not in words if isinstance(value, str) else not any(_same(value, one) for one in others)

    return _broken("enum", schema, differs)


def _const(schema: Schema, only: Any) -> Check:
    return _broken("const", schema, lambda value: not _same(value, only))


def _pattern(schema: Schema, pattern: str) -> Check:
    search = re.compile(pattern).search
    return _broken("pattern", schema, lambda value: isinstance(value, str) and not search(value))


def _bound(keyword: str, within: Callable[[Any, Any], bool]) -> Callable[[Schema, float], Check]:
    def check(schema: Schema, bound: float) -> Check:
        return _broken(keyword, schema, lambda value: _is_number(value) and not within(value, bound))

    return check


def _length(keyword: str, kind: type[Sized], within: Callable[[Any, Any], bool]) -> Callable[[Schema, int], Check]:
    def check(schema: Schema, bound: int) -> Check:
        def wrong(value: Any) -> bool:
            return isinstance(value, kind) and not within(len(value), bound)

        return _broken(keyword, schema, wrong)

    return check


def _unique(schema: Schema, asked: bool) -> Check:
    def repeats(value: Any) -> bool:
        return asked and isinstance(value, list) and any(_same(a, b) for i, a in enumerate(value) for b in value[:i])

    return _broken("uniqueItems", schema, repeats)


def _broken(keyword: str, schema: Schema, wrong: Callable[[Any], bool]) -> Check:
    """The check of a keyword that looks at the value alone."""

    def check(value: Any, path: Path, start: int) -> Found:
        return [Finding(keyword, schema, value, path, len(path) - start)] if wrong(value) else NOTHING

    return check


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(value: Any, other: Any) -> bool:
    """JSON's equality: `true` is not 1."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def NEVER(value: Any, path: Path, start: int) -> Found:
    return NOTHING


TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
"""JSON Schema takes 2.0 for an integer; Keras does not."""

KEYWORDS: Mapping[str, Callable[[Schema, Any], Check]] = {
    "$ref": _ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "not": _not,
    "if": _if,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _property_names,
    "required": _required,
    "dependentRequired": _dependent,
    "items": _items,
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _bound("minimum", ge),
    "maximum": _bound("maximum", le),
    "exclusiveMinimum": _bound("exclusiveMinimum", gt),
    "exclusiveMaximum": _bound("exclusiveMaximum", lt),
    "minItems": _length("minItems", list, ge),
    "maxItems": _length("maxItems", list, le),
    "minProperties": _length("minProperties", dict, ge),
    "maxProperties": _length("maxProperties", dict, le),
    "minLength": _length("minLength", str, ge),
    "maxLength": _length("maxLength", str, le),
    "uniqueItems": _unique,
}
"""Every keyword of the schema that can refuse a value; `patternProperties` is heeded by `additionalProperties`."""
