"""Which operations of a TensorFlow graph XLA has no kernel for: what cannot be compiled, found without compiling.

XLA's kernels for a CPU stand for those of a TPU: both are made by the same code, and a TPU's are registered only where
there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import kernels

DEVICE = "XLA_CPU_JIT"
ARGUMENTS = frozenset({"Placeholder", "_Arg", "_Retval"})
"""What goes into a graph and comes out of it, which no kernel makes."""

HANDED_OVER = frozenset({"OptionalNone", "OptionalFromValue", "OptionalGetValue"})
"""How a branch leaves its gradients what they need, in a graph that was not traced for XLA."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a graph: its kind, and its name with the scopes around it.

    `callers` are the operations whose loop or branch it is in, outermost first.
    """

    kind: str
    name: str
    callers: tuple[str, ...] = ()


def lacking(function: Any) -> list[Operation]:
    """The operations of a concrete function, also inside its loops and branches, that XLA cannot compile."""
    found: dict[tuple[str, str], Operation] = {}
    for node, callers in _all(function):
        if node.op not in ARGUMENTS | HANDED_OVER and not _compiles(node):
            found.setdefault((node.op, node.name), Operation(node.op, node.name, callers))
    return list(found.values())


def kinds(function: Any) -> set[str]:
    """The kinds of operation of a concrete function, also inside its loops and branches."""
    return {node.op for node, _ in _all(function)}


def _all(function: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The operations of a concrete function, each with those whose loop or branch it is in; no calls of functions."""
    graph = function.graph.as_graph_def()
    library = {f.signature.name: f.node_def for f in graph.library.function}
    return ((node, callers) for node, callers in _nodes(graph.node, library, ()) if node.op not in library)


def _nodes(nodes: Any, library: Mapping[str, Any], callers: tuple[str, ...]) -> Iterator[tuple[Any, tuple[str, ...]]]:
    for node in nodes:
        yield node, callers
        inside = [node.op] if node.op in library else [a.func.name for a in node.attr.values() if a.HasField("func")]
        inside += [f.name for a in node.attr.values() if a.HasField("list") for f in a.list.func]
        for name in inside:
            if name in library:
                yield from _nodes(library[name], library, (*callers, node.name))


def _compiles(node: Any) -> bool:
    return any(
        all(allowed.issuperset(_types(node.attr[name])) for name, allowed in constraints if name in node.attr)
        for constraints in _kernels(node.op)
    )


def _types(attribute: Any) -> list[int]:
    """The dtype of an attribute, or all of them."""
    return list(attribute.list.type) if attribute.HasField("list") else [attribute.type]


@cache
def _kernels(kind: str) -> list[list[tuple[str, frozenset[int]]]]:
    """The kernels of a kind of operation, each by the dtypes that it takes."""
    _register()
    every = kernels.get_registered_kernels_for_op(kind).kernel
    return [
        [(c.name, frozenset(c.allowed_values.list.type)) for c in kernel.constraint]
        for kernel in every
        if kernel.device_type == DEVICE
    ]


@cache
def _register() -> None:
    """XLA registers its kernels when it first compiles something."""
    tf.function(lambda: tf.constant(0.0) + 1.0, jit_compile=True)()
