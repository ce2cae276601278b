"""How a step's `inputs` reach the arguments of what it calls, as Keras takes them."""

from __future__ import annotations

from specc import codes
from specc.calls import Signature, TensorArgument
from specc.diagnostics import Log, Span, nearest
from specc.passes.bind.scope import Scope, refs_of, resolve
from specc.plan import Edge
from specc.tree import Tree

ATTENDS = ("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")
"""Layers that attend to themselves when they are given one input."""


def wire(
    takes: Signature | None,
    word: str,
    here: Span,
    inputs: Tree | None,
    scope: Scope,
    given: Edge | None,
    again: bool,
    log: Log,
) -> dict[str, Edge]:
    """The edges of a step by the names of its call arguments.

    `given` is the step before; `again` is true from a step's second repetition on, which starts from the one before.
    A list goes whole to an argument that takes many tensors, else one to each argument in order.
    """
    if takes is not None and takes.family == "ops" and not takes.tensors:
        if inputs is not None:
            log.report(
                codes.S204,
                here,
                f"`{word}` takes no inputs: it makes a tensor of its arguments",
                help="take `inputs:` out",
                related=scope.callers,
            )
        return {}
    tensors = takes.tensors if takes and takes.tensors else (TensorArgument("inputs"),)
    if inputs is not None and inputs.is_mapping:
        edges = _by_name(tensors, word, inputs, scope, given, log)
        if again and given is not None and edges and not any("prev" in str(t.plain()) for t in inputs.entries.values()):
            edges[next(iter(edges))] = given
    else:
        found = _in_order(tensors, word, here, inputs, scope, given, again, log)
        if found is None:
            return {}
        edges = found
    name = word.rpartition(".")[2]
    if name in ATTENDS and len(edges) == 1 and not tensors[0].many:
        only = next(iter(edges.values()))
        edges = {t.name: only for t in tensors if t.required}
    missing = [t.name for t in tensors if t.required and t.name not in edges]
    if missing:
        log.report(
            codes.S204,
            here,
            f"`{word}` needs {_several(len([t for t in tensors if t.required]), 'input')}: "
            f"{', '.join(t.name for t in tensors if t.required)}; `{'`, `'.join(missing)}` is missing",
            help="give them beside the call: `inputs: [" + ", ".join("…" for t in tensors if t.required) + "]`",
            related=scope.callers,
        )
        return {}
    return edges


def _by_name(
    tensors: tuple[TensorArgument, ...], word: str, inputs: Tree, scope: Scope, given: Edge | None, log: Log
) -> dict[str, Edge]:
    known = {t.name: t for t in tensors}
    edges: dict[str, Edge] = {}
    for key, item in inputs.entries.items():
        if key not in known:
            near = nearest(key, known)
            log.report(
                codes.S103,
                item.key,
                f"a call of `{word}` takes no tensor `{key}`",
                help=f"did you mean `{near}`?" if near else f"there are: {', '.join(known)}",
                related=scope.callers,
            )
            continue
        if item.is_list:
            edges[key] = tuple(r for part in item.elements for r in refs_of(resolve(part, scope, given, log)))
        else:
            edge = resolve(item, scope, given, log)
            edges[key] = refs_of(edge) if known[key].many or known[key].variadic else edge
    return edges


def _proposed(tensors: tuple[TensorArgument, ...], scope: Scope) -> str:
    """What there is to start from: all of it for a call that puts several together, else the first."""
    names = list(scope.visible()) or ["x"]
    return "[" + ", ".join(names) + "]" if len(tensors) == 1 and (tensors[0].many or tensors[0].variadic) else names[0]


def _in_order(
    tensors: tuple[TensorArgument, ...],
    word: str,
    here: Span,
    inputs: Tree | None,
    scope: Scope,
    given: Edge | None,
    again: bool,
    log: Log,
) -> dict[str, Edge] | None:
    if inputs is None:
        if given is None:
            log.report(
                codes.S204,
                here,
                f"`{word}` is the first step, and there is more than one input to start from",
                help=f"say which: `inputs: {_proposed(tensors, scope)}` beside the call",
                related=scope.callers,
            )
            return None
        refs = refs_of(given)
    else:
        items = inputs.elements if inputs.is_list else (inputs,)
        refs = tuple(r for item in items for r in refs_of(resolve(item, scope, given, log)))
        if again and given is not None and not any(item.value == "prev" for item in items):
            refs = (*refs_of(given), *refs[1:])
    first = tensors[0]
    if first.variadic:
        return {first.name: refs}
    if first.many:
        if len(refs) == 1 and word.rpartition(".")[2] in ATTENDS:
            return {first.name: (*refs, *refs)}
        # One reference that is not written as a list stands for all outputs of its step, and `infer` counts them.
        listed = inputs is not None and inputs.is_list
        return {first.name: refs if len(refs) > 1 or listed else refs[0]}
    if len(refs) > len(tensors):
        takes = _several(len(tensors), "input")
        log.report(
            codes.S204,
            here,
            f"`{word}` takes {takes}, and is given {len(refs)}",
            help="merge them first (`Add`, `Concatenate`), or name one with `inputs:`",
            related=scope.callers,
        )
        return None
    return {t.name: (r,) if t.many or t.variadic else r for t, r in zip(tensors, refs, strict=False)}


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
