"""Schemas and values in the words of their users: `a whole number of at least 1`, `the text "ten"`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from specc.diagnostics import nearest

NOUNS = {
    "steps": "layer, op or block",
    "layers": "layer",
    "ops": "op",
    "applications": "application",
    "activations": "activation",
    "initializers": "initializer",
    "regularizers": "regularizer",
    "constraints": "constraint",
    "losses": "loss",
    "metrics": "metric",
    "optimizers": "optimizer",
    "schedules": "learning-rate schedule",
    "callbacks": "callback",
    "readers": "reader",
    "features": "type of feature",
    "strategies": "strategy",
    "exporters": "exporter",
    "trackers": "tracker",
}
"""What one name of a family is called."""

REFERENCES = {"array": "a number or lists of numbers", "dtype": "a dtype like `float32`", "step": "a step"}
TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "`true` or `false`",
    "null": "`null`",
    "array": "a list",
    "object": "a mapping",
}
YES_AND_NO = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
"""What is text in YAML 1.2, and what it was meant to be where a boolean is needed."""
PYTHON_CALL = re.compile(r"(?P<name>[A-Za-z_][\w.]*)\((?P<given>.*)\)")
PLAIN = re.compile(r"[\w.,= '\"+-]*")
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
EXPRESSION = re.compile(r"\$[A-Za-z_]\w*")
SQUARE = "a list stands in square brackets: `[28, 28]`"
NOTHING = "write `null`, which is what YAML calls it"
MANY = {"integer": "whole numbers", "number": "numbers", "string": "texts", "object": "mappings", "array": "lists"}


def needed(schema: Mapping[str, Any]) -> str:
    """What a schema asks for: `a whole number of at least 1 or a list of 2 whole numbers of at least 1`."""
    if "x-needs" in schema:
        return str(schema["x-needs"])
    if "anyOf" in schema:
        return joined([needed(branch) for branch in schema["anyOf"] if not is_computed(branch)], "or")
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return REFERENCES.get(name) or article(NOUNS.get(name, name))
    if "enum" in schema:
        return joined([shown(value) for value in schema["enum"]], "or")
    if "const" in schema:
        return shown(schema["const"])
    types = schema.get("type")
    if isinstance(types, list):
        return joined([needed({**schema, "type": each}) for each in types], "or")
    if types == "array":
        return _list(schema)
    if types == "string" and schema.get("maxLength") == 1:
        return "one character"
    return TYPES.get(str(types), "another value") + (_bounds(schema) if types in ("integer", "number", None) else "")


def _list(schema: Mapping[str, Any]) -> str:
    length = f" of {schema['minItems']}" if schema.get("minItems", 0) == schema.get("maxItems") else ""
    item = without_computed(schema.get("items", {}))
    reference = str(item.get("$ref", "")).rpartition("/")[2]
    if reference in NOUNS or reference == "step":
        return f"a list of {NOUNS.get(reference, reference)}s"
    if of := MANY.get(str(item.get("type"))):
        return f"a list{length or ' of'} {of}{_bounds(item)}"
    return f"a list{length}, each {needed(item)}" if item else f"a list{length}"


def _bounds(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    bounds = {
        "minimum": "of at least",
        "exclusiveMinimum": "above",
        "maximum": "of at most",
        "exclusiveMaximum": "below",
    }
    told = [f"{words} {schema[bound]}" for bound, words in bounds.items() if bound in schema]
    return f" {joined(told, 'and')}" if told else ""


def met(value: Any) -> str:
    """A value as a message names it."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        flat = json.dumps(value, ensure_ascii=False)
        return f"the list {flat}" if len(flat) <= 30 else "a list"
    if isinstance(value, str):
        return f"the text {json.dumps(value if len(value) <= 40 else value[:39] + '…', ensure_ascii=False)}"
    return shown(value)


def shown(value: Any) -> str:
    """A scalar as a spec writes it, in backticks."""
    if isinstance(value, float) and not math.isfinite(value):
        return "`.nan`" if math.isnan(value) else "`.inf`" if value > 0 else "`-.inf`"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value, ensure_ascii=False)}`"


def article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def joined(parts: Iterable[str], word: str) -> str:
    """`a, b or c`, each once."""
    each = list(dict.fromkeys(parts))
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} {word} {each[-1]}" if each else ""


def quoted(names: Iterable[str]) -> str:
    """Names in backticks: `a` and `b`."""
    return joined([f"`{name}`" for name in names], "and")


def invitation(names: Iterable[str]) -> str:
    """Arguments with their values left open: `units: …, activation: …`."""
    return ", ".join(f"{name}: …" for name in names)


def suggestion(name: str, known: Iterable[str], most: int = 12) -> str:
    """The help for a name that is not known: the few that it is the end of and the nearest one, or all when few are."""
    names = list(known)
    near = nearest(name, names) or next((known for known in names if _initials(known) == name), None)
    longer = [known for known in names if known.endswith(f"_{name}")]
    if meant := [*(longer if len(longer) < 5 else ()), *([near] if near else [])]:
        return f"did you mean {joined((f'`{word}`' for word in meant), 'or')}?"
    return f"there are: {', '.join(names)}" if 0 < len(names) <= most else ""


def _initials(name: str) -> str:
    """`lr` of `learning_rate`."""
    return "".join(part[:1] for part in name.split("_")) if "_" in name else ""


def missing_space(text: str, known: Iterable[str]) -> str:
    """The help for `units:10`, where a key and its value have grown together; empty where they have not."""
    name, colon, value = text.partition(":")
    return f"put a space after the colon: `{name}: {value}`" if colon and value and name in known else ""


def called(text: str, known: Iterable[str]) -> str:
    """The help for `Dense(3)` and `Dense(units=3)`, which are Python; empty for anything else."""
    found = PYTHON_CALL.fullmatch(text)
    if found is None or found["name"] not in known:
        return ""
    given = [part.strip() for part in found["given"].split(",")] if found["given"].strip() else []
    inside = ", ".join(part.replace("=", ": ", 1) for part in given)
    plain = PLAIN.fullmatch(found["given"])
    if plain and all("=" in part for part in given):
        return f"write `{found['name']}: {{{inside}}}`" if given else f"write `{found['name']}`"
    if plain and len(given) == 1:
        return f"write `{found['name']}: {inside}`"
    return f"write `{found['name']}: {{…}}`, with each argument as `name: value`"


def remedy(value: Any, schema: Mapping[str, Any], choices: Iterable[str]) -> str:
    """An edit that makes a value right, where one is plain; `choices` are words that would be."""
    kinds = kinds_of(schema)
    if isinstance(value, str):
        if (meant := number(value)) is not None and ("number" in kinds or ("integer" in kinds and is_whole(meant))):
            return f"write it without quotes: `{value}`" if NUMBER.fullmatch(value) else f"write {shown(meant)}"
        if value == "None" and ("null" in kinds or any(word in ("linear", "zeros") for word in choices)):
            return NOTHING
        if "const" in schema:
            return f"write {shown(schema['const'])}"
        if "array" in kinds and value.startswith("("):
            return SQUARE
        if {"number", "integer"} & kinds and (hint := _number_meant(value)):
            return hint
        if EXPRESSION.fullmatch(value):
            return f"an expression stands in braces: `${{{value[1:]}}}`"
        if "boolean" in kinds and value in ("true", "false"):
            return f"write it without quotes: `{value}`"
        if "boolean" in kinds and value.casefold() in YES_AND_NO:
            return f"write `{YES_AND_NO[value.casefold()]}`"
        if "object" in kinds and (hint := missing_space(value, [value.partition(":")[0]])):
            return hint
        if hint := suggestion(value, choices, most=0):
            return hint
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return f"write `{int(value)}`; in an expression, `//` divides to a whole number"
    if isinstance(value, list) and len(value) == 1 and "array" not in kinds and isinstance(value[0], (str, int, float)):
        return f"take it out of the list: `{value[0]}`"
    if isinstance(value, list) and {"number", "integer"} & kinds and "array" not in kinds:
        return "`len` counts the items of a list; of a field's vocabulary, write `classes`: `${inputs.NAME.classes}`"
    if isinstance(value, Mapping) and "array" in kinds and value:
        return _dashed(next(iter(value)))
    if "array" in kinds and not isinstance(value, (list, Mapping)) and value is not None:
        return f"write a list: `[{value}]`"
    return ""


def _number_meant(text: str) -> str:
    """The help for `3#comment`, `0,5` and `50%`."""
    before, mark, _ = text.partition("#")
    if mark and number(before) is not None:
        return "a comment needs a space before its `#`"
    if re.fullmatch(r"-?\d+,\d+", text):
        return f"write `{text.replace(',', '.')}`"
    share = number(text.removesuffix("%").strip()) if text.endswith("%") else None
    return f"write `{share / 100:g}`" if share is not None else ""


def _dashed(key: str) -> str:
    """The help where a list was meant and a mapping is met, by the first key of it."""
    word = key.lstrip("-\u2013\u2014\u2022\u00a0 ")
    if word != key:
        return f"begin each item with a dash and a space: `- {word}: …`"
    return f"begin each item with a dash: `- {word}: …`"


def number(text: object) -> int | float | None:
    """The number that a text spells, if it spells one."""
    if not isinstance(text, str):
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def kinds_of(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types that a schema admits."""
    types = schema.get("type", ())
    own = {types} if isinstance(types, str) else set(types)
    return own.union(*(kinds_of(branch) for branch in schema.get("anyOf", ())))


def is_computed(schema: Mapping[str, Any]) -> bool:
    return schema.get("$ref") == "#/$defs/computed"


def without_computed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without the branch that lets an expression stand for it."""
    branches = [branch for branch in schema.get("anyOf", ()) if not is_computed(branch)]
    return branches[0] if len(branches) == 1 else {**schema, "anyOf": branches} if branches else schema
