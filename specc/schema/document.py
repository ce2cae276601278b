"""The language as a JSON Schema, draft 2020-12: for editors as it stands, and for `complaints`.

A family of calls stands once under `$defs`, and under it the arguments of each of its names: `#/$defs/layers` is any
layer, `#/$defs/layers/$defs/Dense` what `Dense` takes. Four keywords are ours, and other tools pass over them:

- `x-names`: the family whose names these are
- `x-call`: whose arguments these are
- `x-by`: keys may be names of targets
- `x-needs`: what a value must be, in words
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from specc import catalog, kinds
from specc.calls import Argument, Signature
from specc.schema.sections import COLUMN, COMPUTED, WORD, Schema, keys, ref, sections, step_keys

STEP_FAMILIES = {"layers": "", "ops": "ops.", "applications": "applications."}
"""What a step can call, and what stands before the name."""
NAMED = tuple(f for f in (*catalog.FAMILIES, *kinds.FAMILIES) if f not in ("ops", "applications"))
"""Families whose calls stand by themselves somewhere in a spec."""

DTYPES = (
    *("float16", "float32", "float64", "bfloat16"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("bool", "string", "complex64", "complex128", "mixed_float16", "mixed_bfloat16"),
)


VALUES: Schema = {
    "computed": {"type": "string", "pattern": r"\$\{", "description": "An expression, like `${2 * width}`."},
    "array": {
        "anyOf": [{"type": ["number", "boolean"]}, {"type": "array", "items": ref("array")}, COMPUTED],
        "x-needs": "a number or lists of numbers",
        "description": "A number, or lists of numbers.",
    },
    "dtype": {
        "anyOf": [{"enum": list(DTYPES)}, {"type": "string", "pattern": "_from_"}, COMPUTED],
        "x-needs": "a dtype like `float32`",
        "description": "A dtype or a dtype policy.",
    },
}
"""What is of no family: values that several arguments take."""


@cache
def document() -> Schema:
    """The schema of a whole spec. It is made once: do not change what you are given."""
    shared = Shared()
    families = {}
    for family in (*catalog.FAMILIES, *kinds.FAMILIES):
        arguments = {name: _arguments(takes, shared.ref) for name, takes in signatures(family).items()}
        families[family] = {**_family(family), "$defs": arguments}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "specc, version 1",
        "description": "A deep-learning model: its data, its network, its training.",
        **sections(),
        "$defs": {
            **VALUES,
            "step": _step(),
            **families,
            "names": {"$defs": {family: _name(family) for family in (*NAMED, "step")}},
            "arguments": {"$defs": dict(sorted(shared.schemas.items()))},
        },
    }


@cache
def definition(name: str) -> Schema:
    """A part of the schema by its name under `$defs`, or the whole by the name ``: `losses`, `layers/$defs/Dense`.

    It says the same as in `document`, and is made without the rest of it.
    """
    family, _, inner = name.partition("/$defs/")
    if not name:
        return sections()
    if name in VALUES:
        return dict(VALUES[name])
    if family == "names":
        return _name(inner)
    if inner:
        return _arguments(signature(family, inner), _argument)
    return _step() if name == "step" else _family(name)


def text() -> str:
    """The schema as it is committed and printed: what fits on a line stands on one."""
    return f"{_laid_out(document(), 0)}\n"


def _laid_out(value: Any, depth: int, before: int = 0) -> str:
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or len(flat) + before + 2 * depth < 120:
        return flat
    indent = "  " * (depth + 1)
    if isinstance(value, list):
        lines = [indent + _laid_out(item, depth + 1) for item in value]
        return "[\n" + ",\n".join(lines) + "\n" + "  " * depth + "]"
    lines = [f"{indent}{json.dumps(k)}: {_laid_out(v, depth + 1, len(k) + 4)}" for k, v in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"


class Shared:
    """Schemas of arguments, each different one once: `strides`, `strides.2`, …"""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}
        self._names: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def ref(self, argument: Argument) -> Schema:
        """A reference to the schema of this argument."""
        schema = _argument(argument)
        text = json.dumps(schema)
        if text not in self._names:
            self._count[argument.name] += 1
            number = self._count[argument.name]
            self._names[text] = argument.name if number == 1 else f"{argument.name}.{number}"
            self.schemas[self._names[text]] = schema
        return {"$ref": f"#/$defs/arguments/$defs/{self._names[text]}"}


def _argument(argument: Argument) -> Schema:
    schema = _allow_computed(argument.schema)
    if not argument.required:
        schema = _allow_null(schema, argument) | {"default": argument.default}
    return {"title": argument.name, **schema} | ({"description": argument.doc} if argument.doc else {})


def signature(family: str, name: str) -> Signature:
    """What a name takes, ours or Keras's. Raises KeyError where the family has no such name."""
    if family in kinds.FAMILIES:
        return kinds.signature(family, name)
    found = catalog.signature(family, name)
    if found is None:
        raise KeyError(name)
    return found


def signatures(family: str) -> Mapping[str, Signature]:
    """The names of a family with what they take."""
    return {name: signature(family, name) for name in names(family)}


def names(family: str) -> tuple[str, ...]:
    return kinds.words(family) if family in kinds.FAMILIES else catalog.names(family)


def aliases(family: str) -> Mapping[str, str]:
    return {} if family in kinds.FAMILIES else catalog.aliases(family)


def bare(family: str) -> list[str]:
    """The names and aliases of a family that are calls by themselves: nothing must be given to them."""
    if family in kinds.FAMILIES:
        free = {name for name, takes in signatures(family).items() if not any(a.required for a in takes.arguments)}
    else:
        free = catalog.free(family)
    return sorted([*free, *(alias for alias, name in aliases(family).items() if name in free)])


def _family(family: str) -> Schema:
    """A call of a family: a name alone, or one name with its arguments."""
    if family not in NAMED:
        return {}  # Steps alone call these, under `ops.NAME` and `applications.NAME`.
    properties: Schema = {name: ref(f"{family}/$defs/{name}") for name in names(family)}
    properties |= {alias: ref(f"{family}/$defs/{name}") for alias, name in aliases(family).items()}
    return {
        "if": {"type": "object"},
        "then": {
            "properties": properties,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
            "x-names": family,
        },
        "else": ref(f"names/$defs/{family}"),
    }


def _name(family: str) -> Schema:
    """A call that is a name alone. It has a place of its own, as all signatures of the family are looked at for it."""
    if family == "step":
        alone = [f"{prefix}{name}" for called, prefix in STEP_FAMILIES.items() for name in bare(called)]
        return {"anyOf": [{"enum": alone}, {"type": "string", "pattern": WORD}], "x-names": "steps"}
    return {"anyOf": [{"enum": bare(family)}, COMPUTED], "x-names": family}


def _arguments(takes: Signature, refer: Callable[[Argument], Schema]) -> Schema:
    """What may stand after `Name:`: arguments by name, the first alone, or nothing."""
    family = takes.family
    properties = {argument.name: refer(argument) for argument in takes.arguments}
    required = [argument.name for argument in takes.arguments if argument.required]
    if family == "features":
        own: Schema = {"type": {"const": takes.name}, "column": {**COLUMN, "description": "The field's name."}}
        schema = keys(own | properties, *required)
        return {**schema, "description": takes.doc, "x-call": f"{family}/{takes.name}"}
    call = {"x-call": f"{family}/{takes.name}"}
    first = next(iter(properties.values()), None)
    nothing: Schema = {"type": "object", **call} if required else {"type": "null", **call}
    if first is None or len(required) > 1 or (required and required[0] != next(iter(properties))):
        alone = nothing
    else:
        alone = {"if": {"type": "null"}, "then": nothing, "else": first}
    schema = {"properties": properties, "additionalProperties": False, **call}
    return {"description": takes.doc, **schema, "required": required, "if": {"type": "object"}, "else": alone}


def _step() -> Schema:
    """One call, and keys beside it. A name that only the spec knows, of a block, is any in snake_case."""
    calls: Schema = {}
    for family, prefix in STEP_FAMILIES.items():
        known = {name: name for name in names(family)} | dict(aliases(family))
        calls |= {f"{prefix}{name}": ref(f"{family}/$defs/{stands_for}") for name, stands_for in known.items()}
    return {
        "description": "One call, and beside it what it needs.",
        "if": {"type": "object"},
        "then": {
            "properties": step_keys() | calls,
            "patternProperties": {WORD: {}},
            "additionalProperties": False,
            "dependentRequired": {"shortcut": ["residual"]},
            "x-names": "steps",
        },
        "else": ref("names/$defs/step"),
    }


def _allow_computed(schema: Mapping[str, Any]) -> Schema:
    """The same, where any value may also be an expression."""
    if not schema or "$ref" in schema or (schema.get("type") == "string" and "pattern" not in schema):
        return dict(schema)
    if "anyOf" in schema:
        branches = [_allow_computed(branch) for branch in schema["anyOf"]]
        flat = [inner for branch in branches for inner in branch.get("anyOf", [branch])]
        return {**schema, "anyOf": _once([*flat, COMPUTED])}
    inner = dict(schema)
    for below in ("items", "additionalProperties"):
        if isinstance(inner.get(below), Mapping):
            inner[below] = _allow_computed(inner[below])
    return {"anyOf": [inner, COMPUTED]}


def _allow_null(schema: Schema, argument: Argument) -> Schema:
    if argument.default is not None or not schema or _admits_null(schema):
        return schema
    branches = schema["anyOf"] if set(schema) == {"anyOf"} else [schema]
    return {"anyOf": [*branches, {"type": "null"}]}


def _admits_null(schema: Mapping[str, Any]) -> bool:
    if "anyOf" in schema:
        return any(_admits_null(branch) for branch in schema["anyOf"])
    if "enum" in schema:
        return None in schema["enum"]
    return "null" in schema.get("type", ()) if isinstance(schema.get("type"), list) else schema.get("type") == "null"


def _once(schemas: Iterable[Schema]) -> list[Schema]:
    return list({json.dumps(schema): schema for schema in schemas}.values())
