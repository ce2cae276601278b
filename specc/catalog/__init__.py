"""Keras's vocabulary as data, read without Keras. `python -m specc.backend.introspect` writes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from specc.calls import Argument, Call, Signature, TensorArgument

FOLDER = Path(__file__).parent
FAMILIES = (
    "layers",
    "ops",
    "applications",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
    "schedules",
    "callbacks",
)


@cache
def names(family: str) -> tuple[str, ...]:
    """The canonical names of a family, sorted. Raises KeyError where there is no such family."""
    return tuple(_read(family)["names"])


@cache
def aliases(family: str) -> Mapping[str, str]:
    """Keras's other names for the same things, to the canonical ones: `mse` is `MeanSquaredError`."""
    return MappingProxyType(_read(family)["aliases"])


@cache
def withheld(family: str) -> Mapping[str, str]:
    """Public names of Keras's that a spec cannot use, each with the reason: `Lambda` takes a function of Python."""
    return MappingProxyType(_read(family)["withheld"])


@cache
def signature(family: str, name: str) -> Signature | None:
    """What a name, or an alias of it, takes; None where the family has no such name."""
    read = _read(family)
    name = read["aliases"].get(name, name)
    if name not in read["names"]:
        return None
    entry = read["names"][name]
    return Signature(
        family=family,
        name=name,
        doc=entry["doc"],
        arguments=_arguments(read, entry["arguments"]),
        tensors=tuple(TensorArgument(**tensor) for tensor in entry.get("tensors", ())),
        options=_arguments(read, entry.get("options", ())),
    )


def free(family: str) -> set[str]:
    """The canonical names of a family that need no argument."""
    read = _read(family)
    required = {key for key, argument in read["arguments"].items() if argument.get("required")}
    return {name for name, entry in read["names"].items() if required.isdisjoint(entry["arguments"])}


@cache
def architecture(name: str) -> Mapping[str, Any]:
    """What an application is made of. Raises FileNotFoundError for one that is not a single graph.

    `minimum` is the least height and width, `calls` the layers that occur, each with the arguments that are not its
    defaults; `{"argument": name}` stands for the application's own, `{"fit": kernel}` for a padding by parity.
    `before`, `body` and `after` list the nodes as keys into `calls`, each applied to the node before; or as a list of
    the key and how many nodes back each input was made.
    """
    read: dict[str, Any] = json.loads((FOLDER / "architectures" / f"{name}.json").read_text("utf-8"))
    return MappingProxyType(read)


def version() -> str:
    """The version of Keras that the catalog was written from."""
    return str(_read("layers")["keras"])


def _arguments(read: Mapping[str, Any], keys: list[str]) -> tuple[Argument, ...]:
    return tuple(Argument(**read["arguments"][key]) for key in keys)


@cache
def _read(family: str) -> dict[str, Any]:
    if family not in FAMILIES:
        raise KeyError(family)
    read: dict[str, Any] = json.loads((FOLDER / f"{family}.json").read_text("utf-8"))
    return read


def completed(call: Call) -> Call:
    """A call under its canonical name, with the defaults of what it leaves out; nested calls likewise."""
    takes = signature(call.family, call.name)
    given = {name: _completed(argument) for name, argument in call.arguments.items()}
    if takes is None:
        return replace(call, arguments=given)
    defaults = {argument.name: argument.default for argument in takes.arguments}
    return replace(call, name=takes.name, arguments=defaults | given)


def _completed(argument: Any) -> Any:
    if isinstance(argument, tuple):
        return tuple(_completed(one) for one in argument)
    return completed(argument) if isinstance(argument, Call) else argument
