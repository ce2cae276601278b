"""Dropout where it harms: on answers, and so much of it that little is left."""

from __future__ import annotations

from collections.abc import Iterator

from specc import codes
from specc.diagnostics import Diagnostic, Related
from specc.passes.advise.graph import ACTIVATIONS, DROPOUTS, Graph, layer, named, number
from specc.plan import Step

MOST = 0.9
"""The rate from which at most a tenth is left."""
FORMS = ("Identity", "Activation", "Reshape", *ACTIVATIONS)


def dropped_outputs(graph: Graph) -> Iterator[Diagnostic]:
    """W304: dropout with no weights between it and an output that a loss judges."""
    if graph.plan.training is None:
        return
    judged = {term.output for term in graph.plan.training.terms}
    for output in graph.network.outputs:
        step = graph.steps.get(output.ref.name)
        while step is not None and layer(step) in FORMS:
            step = graph.before(step)
        if output.name not in judged or step is None or not _drops(step):
            continue
        yield Diagnostic(
            codes.W304,
            step.span,
            f"{named(step)} stands right before the output `{output.name}`: while training, answers themselves are "
            "taken away, and the loss judges what is left",
            help="put it before the last layer that has weights, or leave it out",
            related=(Related("the output", output.span), *step.callers) if output.span != step.span else step.callers,
        )


def excessive_rates(graph: Graph) -> Iterator[Diagnostic]:
    """W308: a rate of dropout near 1."""
    for step in graph.of(*DROPOUTS):
        rate = number(step, "rate")
        if rate is None or rate < MOST or not _drops(step):
            continue
        yield Diagnostic(
            codes.W308,
            step.call.spans.get("rate", step.span),
            f"{named(step)} takes away {100 * rate:.4g} % of all values while training",
            help="the rate is the share that is dropped, not kept: usual is 0.1 to 0.5"
            + (f"; to keep {rate:.4g}, write {1 - rate:.4g}" if rate < 1 else ""),
            related=step.callers,
        )


def _drops(step: Step) -> bool:
    return layer(step) in DROPOUTS and number(step, "rate") != 0 and step.options.get("training") is not False
