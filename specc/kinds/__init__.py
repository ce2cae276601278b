"""specc's own words, a file a word. The file's name is the word's name; folders are read, not registered.

A word is a frozen dataclass named like its file in CamelCase (`readers/image_folder.py` holds `ImageFolder`). Its
fields are the word's arguments, made by `argument`, in the order of the shorthand. From them come the signature, hence
the schema, the checks, the suggestions and the reference. An argument that is a word of Python's has a field with an
underscore behind it: `as` is `as_`.
"""

from __future__ import annotations

import dataclasses
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from keyword import iskeyword
from typing import Any

from specc.calls import Argument, Signature

FAMILIES = ("readers", "features", "strategies", "exporters", "trackers")

PATH: dict[str, Any] = {"type": "string", "format": "path", "minLength": 1}
"""The schema of an argument that names files: whoever binds a spec makes it absolute."""


def argument(doc: str, schema: dict[str, Any], *, default: Any = dataclasses.MISSING) -> Any:
    """A field of a word: one argument, with its one-line description and its JSON Schema. No default: required."""
    return dataclasses.field(default=default, metadata={"doc": doc, "schema": schema})


@cache
def words(family: str) -> tuple[str, ...]:
    """The words of a family, in alphabetical order, without importing them."""
    package = import_module(f"specc.kinds.{family}")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


@cache
def word(family: str, name: str) -> type[Any]:
    """The dataclass of a word. Raises KeyError where the family has no such word."""
    if name not in words(family):
        raise KeyError(name)
    module = import_module(f"specc.kinds.{family}.{name}")
    found: type[Any] = getattr(module, "".join(part.capitalize() for part in name.split("_")))
    return found


def made(family: str, name: str, arguments: Mapping[str, Any]) -> Any:
    """A word with its arguments, by the names that they have in a spec."""
    return word(family, name)(**{f"{key}_" if iskeyword(key) else key: value for key, value in arguments.items()})


@cache
def signature(family: str, name: str) -> Signature:
    """What a word takes. Raises KeyError where the family has no such word."""
    cls = word(family, name)
    arguments = tuple(
        Argument(
            name=f.name.removesuffix("_"),
            schema=f.metadata["schema"],
            doc=f.metadata["doc"],
            required=f.default is dataclasses.MISSING,
            default=None if f.default is dataclasses.MISSING else f.default,
        )
        for f in dataclasses.fields(cls)
    )
    return Signature(family, name, doc=(cls.__doc__ or "").strip().splitlines()[0], arguments=arguments)


def names_file(schema: Mapping[str, Any], value: str) -> bool:
    """Is a text a path, where a value of this schema may be one? A word that the schema has by name is none."""
    branches = schema.get("anyOf", [schema])
    by_name = {entry for branch in branches for entry in (*branch.get("enum", ()), branch.get("const"))}
    return value not in by_name and any(branch.get("format") == "path" for branch in branches)
