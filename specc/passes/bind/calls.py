"""From the one notation of calls to `Call`: shorthand undone, nested calls bound, computed values checked."""

from __future__ import annotations

from typing import Any

from specc import catalog, kinds, schema
from specc.calls import UNKNOWN_VALUE, Argument, Call, Signature
from specc.diagnostics import Log, Related, Span
from specc.schema import Complaint
from specc.tree import Tree

BY_NAME = ("activations", "initializers", "regularizers", "constraints")
"""Families whose names Keras resolves itself wherever one is an argument."""


LOST = "?"
"""The name of a call that is known to be wrong, or that only data can tell."""


def signature(family: str, name: str) -> Signature | None:
    """What a name takes, whether it is Keras's word or ours."""
    if family in kinds.FAMILIES:
        return kinds.signature(family, name) if name in kinds.words(family) else None
    return catalog.signature(family, name)


def bind_call(family: str, tree: Tree, computed: Tree, log: Log, related: tuple[Related, ...] = ()) -> Call:
    """A call as it stands in a spec: a name, or one name with its arguments.

    `computed` is `tree` with its expressions computed; where something was, the result is checked like what is written.
    """
    if computed is not tree and _complained(schema.complaints(computed, family), log, related):
        return Call(family, LOST, {}, computed.span)
    if computed.is_mapping:
        name, arguments = next(iter(computed.entries.items()))
        return bind_arguments(family, name, arguments, False, log, related)
    name = LOST if computed.value is UNKNOWN_VALUE else str(computed.value)
    return Call(family, name, {}, computed.span)


def bind_arguments(
    family: str,
    name: str,
    arguments: Tree,
    changed: bool,
    log: Log,
    related: tuple[Related, ...] = (),
    named: Span | None = None,
) -> Call:
    """A name and the tree of its arguments. `changed`: expressions in it were computed, so it is checked again.

    `named` is where the name stands, when that is not the key of the arguments.
    """
    span = named or arguments.key
    if changed and _complained(schema.call_complaints(family, name, arguments), log, related):
        return Call(family, name, {}, span)
    takes = signature(family, name)
    known = {a.name: a for a in takes.arguments} if takes else {}
    given: dict[str, Tree] = {}
    if arguments.is_mapping:
        given = dict(arguments.entries)
    elif arguments.value is not None and takes and takes.arguments:
        given = {takes.arguments[0].name: arguments}
    values = {key: _value(known.get(key), tree, log) for key, tree in given.items()}
    return Call(family, name, values, span, {key: tree.span for key, tree in given.items()})


def _value(argument: Argument | None, tree: Tree, log: Log) -> Any:
    """An argument's value: plain, or the call that it is."""
    family = argument.family if argument else None
    if family is None or tree.value is UNKNOWN_VALUE or tree.value is None:
        return tree.plain()
    if tree.is_list:
        return tuple(_value(argument, item, log) for item in tree.elements)
    if tree.is_mapping:
        name, arguments = next(iter(tree.entries.items()))
        return bind_arguments(family, name, arguments, False, log)
    if isinstance(tree.value, str) and family not in BY_NAME:
        return Call(family, tree.value, {}, tree.span)
    return tree.plain()


def _complained(found: list[Complaint], log: Log, related: tuple[Related, ...]) -> bool:
    for complaint in found:
        log.report(complaint.code, complaint.span, complaint.message, help=complaint.help, related=related)
    return bool(found)
