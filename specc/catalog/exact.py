"""Plain arguments as Keras takes them, where it is strict about their type."""

from __future__ import annotations

from typing import Any

from specc import catalog


def exact(family: str, name: str, argument: str, value: Any) -> Any:
    """A whole number as a float where Keras means a float and checks it: `momentum: 0`, `learning_rate: 1`.

    Of layers and ops lists of numbers become tuples: some take nothing else, and none minds.
    """
    if family in ("layers", "ops"):
        return sizes(value)
    if family == "applications" or isinstance(value, bool) or not isinstance(value, int):
        return value
    signature = catalog.signature(family, name)
    takes = signature.argument(argument) if signature else None
    if takes is None:
        return value
    branches = [takes.schema, *takes.schema.get("anyOf", ())]
    means_float = isinstance(takes.default, float) or any("number" in branch.get("type", ()) for branch in branches)
    return float(value) if means_float else value


def sizes(value: Any) -> Any:
    """Lists of numbers as tuples, those within lists too."""
    if isinstance(value, list) and value:
        items = [sizes(item) for item in value]
        if all(isinstance(item, (int, float, tuple)) for item in items):
            return tuple(items)
    return value
