"""What `jsonschema` finds in a tree, in types of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from specc.calls import UNKNOWN_VALUE
from specc.schema.document import document
from specc.schema.wording import is_whole
from specc.tree import Tree

URI = "urn:specc"


@dataclass(frozen=True, slots=True)
class Finding:
    """One value that breaks one keyword of one schema.

    `path` leads to the value from the root; `depth` is how many of its parts lie below the value that an `anyOf` around
    it is about. `branches` are the findings of each branch, for an `anyOf`; `about_key`: the value is a key.
    """

    keyword: str
    schema: Mapping[str, Any]
    value: Any
    path: tuple[str | int, ...]
    depth: int = 0
    about_key: bool = False
    branches: tuple[tuple[Finding, ...], ...] = ()


def findings(tree: Tree, fragment: str | None) -> Iterator[Finding]:
    """All that breaks the schema of a whole spec, or of a part of it."""
    for error in _validator(fragment).iter_errors(plain(tree)):
        yield _finding(error)


def plain(tree: Tree) -> Any:
    """The value of a tree, where what is not known yet looks like the expression it came from."""
    if tree.is_mapping:
        return {key: plain(value) for key, value in tree.entries.items()}
    if tree.is_list:
        return [plain(item) for item in tree.elements]
    return "${?}" if tree.value is UNKNOWN_VALUE else tree.value


Strict: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: is_whole(value)),
)
"""JSON Schema takes 2.0 for an integer; Keras does not."""


@cache
def _validator(fragment: str | None) -> Any:
    registry: Registry[Any] = Registry().with_resource(URI, Resource.from_contents(document(), DRAFT202012))
    pointer = f"#/$defs/{fragment.replace('/', '/$defs/')}" if fragment else "#"
    return Strict({"$ref": f"{URI}{pointer}"}, registry=registry)


def _finding(error: ValidationError) -> Finding:
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    branches: dict[Any, list[Finding]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(_finding(inner))
    return Finding(
        keyword=str(error.validator),
        schema=schema,
        value=error.instance,
        path=tuple(error.absolute_path),
        depth=len(error.relative_path),
        about_key="propertyNames" in error.relative_schema_path,
        branches=tuple(tuple(branches.get(i, ())) for i in range(len(schema.get("anyOf", ())))) if branches else (),
    )
