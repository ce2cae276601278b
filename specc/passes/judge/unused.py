"""Steps and inputs that no output comes from: S206, and a network without them."""

from __future__ import annotations

from dataclasses import replace

from specc import codes
from specc.diagnostics import Log
from specc.plan import Edge, Network, Ref


def without_unused(network: Network, log: Log) -> Network:
    """The network without the steps that no output comes from; each is reported where nothing else uses it."""
    by_name = {step.name: step for step in network.steps}
    used: set[str] = set()
    waiting = [o.ref.name for o in network.outputs]
    while waiting:
        name = waiting.pop()
        if name in used:
            continue
        used.add(name)
        if name in by_name:
            waiting += [ref.name for edge in by_name[name].inputs.values() for ref in _refs(edge)]
            if (shared := by_name[name].shares) is not None:
                # The step that owns the weights may itself be off the path: it is built, not used.
                waiting.append(shared)
    fed = {ref.name for step in network.steps for edge in step.inputs.values() for ref in _refs(edge)}
    for step in network.steps:
        if step.name not in used and step.name not in fed:
            log.report(
                codes.S206,
                step.span,
                f"nothing uses what `{step.label}` gives",
                help="refer to it in `inputs` or `outputs`, or take it out",
                related=step.callers,
            )
    for given in network.inputs:
        if network.outputs and given.name not in used and given.name not in fed:
            log.report(
                codes.S206,
                given.span,
                f"nothing uses the input `{given.name}`",
                help="refer to it in the `inputs` of a step, or take it out",
            )
    return replace(network, steps=tuple(s for s in network.steps if s.name in used))


def _refs(edge: Edge) -> tuple[Ref, ...]:
    return edge if isinstance(edge, tuple) else (edge,)
