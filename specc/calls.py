"""The one notation of the language: a name and its arguments, and the signature that says what they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from specc.diagnostics import Span


class Unknown:
    """A value that is known only once data was read, like the classes of `vocabulary: auto`. There is one."""

    def __repr__(self) -> str:
        return "?"


UNKNOWN_VALUE: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a signature.

    `schema` is a JSON Schema fragment for its value; it may refer to `#/$defs/FAMILY`. `family` names the family of
    calls (`initializers`, `layers`, …) when the value is itself a call, or a list of calls.
    """

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    doc: str = ""
    required: bool = False
    default: Any = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class TensorArgument:
    """An argument of a layer's call, or of an op, that is a tensor: an input of the step.

    `many`: it takes one list of tensors (`Add`, `ops.concatenate`). `variadic`: it stands for `*args` (`ops.einsum`).
    """

    name: str
    required: bool = True
    many: bool = False
    variadic: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a name of the language takes: `Dense`, `ops.matmul`, `AdamW`, `npz`, `image`.

    `arguments` are those of the constructor (of an op: what is not a tensor), in order; the first takes the
    shorthand `Dense: 10`. `tensors` and `options` are the call-time arguments of layers and ops: inputs of the step,
    and what may stand under `call:`.
    """

    family: str
    name: str
    doc: str = ""
    arguments: tuple[Argument, ...] = ()
    tensors: tuple[TensorArgument, ...] = ()
    options: tuple[Argument, ...] = ()

    def argument(self, name: str) -> Argument | None:
        return next((a for a in self.arguments if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Call:
    """A name with its arguments, bound: shorthand undone, expressions computed, aliases left as written.

    `arguments` holds only what the spec gives, as plain values; an argument that is itself a call is a `Call`, a list
    of them a tuple. `UNKNOWN_VALUE` stands for what only data can tell. `span` is the place of the name in the spec,
    and `spans` the place of each argument's value.
    """

    family: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    span: Span | None = None
    spans: Mapping[str, Span] = field(default_factory=dict)
