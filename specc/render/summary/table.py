"""A summary for people: a table of steps, blocks and chains indented, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from specc.memory import Memory, memory
from specc.memory.figures import UNKNOWN, large, size
from specc.plan import Plan, Step
from specc.render.summary.boxes import Box, Item, boxes, leaves, span
from specc.render.summary.costs import costs
from specc.tensors import Tensor, show

ROOMY = 100
"""From this many columns on the dtype has a column of its own; below, it is told where it is not what most have."""
COMMON = "float32"


def as_table(plan: Plan, width: int, *, expand: bool = False, depth: int | None = None) -> Group:
    """The network as rich shows it in so many columns.

    Alike repetitions in a row are one, unless `expand` asks for all. Boxes deeper than `depth` are one row each.
    """
    network = plan.network
    roomy = width >= ROOMY
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("step", "call", "output", *(["dtype"] if roomy else [])):
        table.add_column(heading, overflow="fold")
    for heading in ("parameters", "FLOPs", "kept"):
        table.add_column(heading, justify="right", no_wrap=True)
    for given in network.inputs:
        shown = _tensor(given.tensor, roomy)
        table.add_row(f"[cyan]{escape(given.name)}[/cyan]", "[dim]input[/dim]", *shown, "", "", "")
    whole, _ = boxes(network, fold=not expand)
    for item in whole.items:
        for row in _rows(item, 0, depth):
            for i, tensor in enumerate(row.outputs or (Tensor(),) if row.shown else ()):
                lead = (row.name, row.call) if i == 0 else ("", "")
                table.add_row(*lead, *_tensor(tensor, roomy), *(row.figures if i == 0 else ("", "", "")))
            if not row.shown:
                table.add_row(row.name, row.call)
    title = Text.assemble((plan.name, "bold"), f"  {plan.description}" if plan.description else "")
    return Group(title, "", table, "", _totals(plan))


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table; `shown` is False for the name of a box whose steps follow."""

    name: str
    call: str
    outputs: tuple[Tensor, ...] | None = None
    figures: tuple[str, str, str] = ("", "", "")
    shown: bool = True


def _rows(item: Item, deep: int, depth: int | None) -> Iterator[_Row]:
    margin = "  " * deep
    times = f"[yellow]{item.times} times[/yellow]" if item.times > 1 else ""
    if isinstance(item, Box):
        name = f"{margin}[bold]{escape(span(item))}[/bold]"
        if depth is None or deep < depth:
            yield _Row(name, times, shown=False)
            for inner in item.items:
                yield from _rows(inner, deep + 1, depth)
            return
        steps = [leaf.step for leaf in leaves(item)]
        called = f"[dim]{len(steps)} step{'s' * (len(steps) != 1)}[/dim]"
        yield _Row(name, f"{called} {times}".rstrip(), steps[-1].outputs, _figures(*steps))
        return
    step = item.step
    call = escape(step.label) + (f" [dim]again {escape(step.shares)}[/dim]" if step.shares else "")
    yield _Row(f"{margin}{escape(span(item))}", f"{call} {times}".rstrip(), step.outputs, _figures(step))


def _figures(*steps: Step) -> tuple[str, str, str]:
    """Parameters, operations and kept bytes of one repetition; what is not trained is marked."""
    found = costs(steps)
    weights, trained = found.weights.exactly, found.trainable.exactly
    if weights is None or trained is None:
        told = UNKNOWN
    else:
        told = f"{weights:,}" if weights else "[dim]0[/dim]"
        told = f"[dim]{weights - trained:,} fixed of[/dim] {told}" if weights > trained else told
    return told, _quiet(large(found.flops.exactly)), _quiet(size(found.kept.exactly))


def _quiet(figure: str) -> str:
    return f"[dim]{figure}[/dim]" if figure in ("0", "0 B") else figure


def _totals(plan: Plan) -> Table:
    network, found = plan.network, memory(plan)
    every = costs(network.steps)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for i, output in enumerate(network.outputs):
        shape = show(t.shape) if (t := network.tensor(output.ref)) else UNKNOWN
        table.add_row("" if i else "outputs", f"{escape(output.name)} {shape}")
    fixed = every.weights.known - every.trainable.known
    table.add_row(
        "parameters",
        f"{every.weights.at_least}{every.weights.known:,}"
        + (f", of which {every.trainable.known:,} are trained" if fixed else ", all trained")
        + f": {size(found.weights)}",
    )
    table.add_row("FLOPs", f"{every.flops.at_least}{large(every.flops.known)} for one example, forward")
    for heading, told in _memory(found, trains=plan.training is not None):
        table.add_row(heading, told)
    for heading, told in _phases(plan):
        table.add_row(heading, told)
    if every.weights.missing or every.flops.missing or not found.exact:
        table.add_row("", f"[dim]what a `{UNKNOWN}` stands for is not counted[/dim]")
    return table


def _memory(found: Memory, *, trains: bool) -> Iterator[tuple[str, str]]:
    bound = "" if found.exact else "at least "
    if trains:
        parts = (
            ("weights", found.weights),
            ("optimizer", found.slots),
            ("gradients", found.gradients),
            ("activations", found.step),
        )
        told = " + ".join(f"{name} {size(number)}" for name, number in parts if number)
        yield "memory", f"{bound}{size(found.training)} to train {found.batch:,} examples at a time"
        yield "", f"[dim]{told}[/dim]"
    yield "" if trains else "memory", f"{bound}{size(found.inference)} to answer {found.batch:,}"


def _phases(plan: Plan) -> Iterator[tuple[str, str]]:
    """What each phase of training trains, where there are several."""
    phases = plan.training.phases if plan.training else ()
    for number, phase in enumerate(phases if len(phases) > 1 else (), 1):
        trained = costs(plan.network.during(phase).steps).trainable
        length, unit = (phase.epochs, "epoch") if phase.steps is None else (phase.steps, "step")
        yield (
            "" if number > 1 else "phases",
            f"{number}: {length:,} {unit}{'s' * (length != 1)}, {trained.at_least}{trained.known:,} parameters trained "
            f"by {escape(phase.optimizer.name)}",
        )


def _tensor(tensor: Tensor, roomy: bool) -> tuple[str, ...]:
    dtype = tensor.dtype or UNKNOWN
    if roomy:
        return show(tensor.shape), dtype
    return (show(tensor.shape) + ("" if dtype == COMMON else f" [dim]{dtype}[/dim]"),)
