"""The network of a plan, for people and for programs: what each step puts out, and how many parameters it has."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from specc.plan import Edge, Network, Plan, Step
from specc.tensors import Tensor, show

VERSION = 1
UNKNOWN = "?"


def as_json(plan: Plan) -> str:
    """`{"version": 1, "steps": […], "params": {…}}`.

    A shape is a list with the batch dimension first, and null for a dimension, shape, dtype or number that is unknown.
    """
    network = plan.network
    document = {
        "version": VERSION,
        "steps": [
            {
                "name": step.name,
                "call": step.label,
                "inputs": {name: _references(edge) for name, edge in step.inputs.items()},
                "outputs": None if step.outputs is None else [_tensor(t) for t in step.outputs],
                "params": _parameters(step),
            }
            for step in network.steps
        ],
        "params": {"total": network.weights, "trainable": network.trainable},
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def as_table(plan: Plan) -> Group:
    """The network as rich shows it: a table of steps, blocks and chains indented, and the totals under it."""
    network = plan.network
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("step", "call", "output", "dtype"):
        table.add_column(heading, overflow="fold")
    table.add_column("parameters", justify="right")
    for given in network.inputs:
        table.add_row(f"[cyan]{escape(given.name)}[/cyan]", "[dim]input[/dim]", *_shape(given.tensor), "")
    above: tuple[str, ...] = ()
    for step in network.steps:
        for depth, scope in enumerate(step.scope):
            if step.scope[: depth + 1] != above[: depth + 1]:
                table.add_row(f"{'  ' * depth}[bold]{escape(scope)}[/bold]", "", "", "", "")
        above = step.scope
        first, *others = step.outputs or (Tensor(),)
        parameters = _parameters(step)
        table.add_row(
            "  " * len(step.scope) + escape(_short(step)),
            escape(step.label) + (f" [dim]again {escape(step.shares)}[/dim]" if step.shares else ""),
            *_shape(first),
            UNKNOWN if parameters is None else f"{parameters:,}" if parameters else "[dim]0[/dim]",
        )
        for other in others:
            table.add_row("", "", *_shape(other), "")
    title = Text.assemble((plan.name, "bold"), f"  {plan.description}" if plan.description else "")
    return Group(title, "", table, "", _totals(network))


def _totals(network: Network) -> str:
    answers = ", ".join(
        f"{escape(o.name)} {show(t.shape) if (t := network.tensor(o.ref)) else UNKNOWN}" for o in network.outputs
    )
    if network.weights is None or network.trainable is None:
        known = sum(_parameters(step) or 0 for step in network.steps)
        count = f"at least {known:,} (a step marked `{UNKNOWN}` has no rule)"
    else:
        count = f"{network.weights:,}, of which {network.trainable:,} are trained"
    return f"outputs     {answers}\nparameters  {count}"


def _short(step: Step) -> str:
    """A step's name without the scopes around it, which stand above it."""
    return step.name.removeprefix("".join(f"{scope}." for scope in step.scope))


def _parameters(step: Step) -> int | None:
    """The weights a step brings to the network; none where it uses another's again."""
    if step.shares is not None:
        return 0
    return None if step.weights is None else sum(w.size for w in step.weights)


def _references(edge: Edge) -> str | list[str]:
    return [str(ref) for ref in edge] if isinstance(edge, tuple) else str(edge)


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"shape": None if tensor.shape is None else list(tensor.shape), "dtype": tensor.dtype}


def _shape(tensor: Tensor) -> tuple[str, str]:
    return show(tensor.shape), tensor.dtype or UNKNOWN
