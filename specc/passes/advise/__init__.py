"""advise: Plan → Plan. What is legal and unwise: warnings, each with why and what instead.

Advice is few and certain. Where what is unusual may be meant (a linear bottleneck, a shared layer, an array that may be
scaled already), nothing is said. A rule is a generator over a `Graph`; what it says of one line is told once, however
often a block is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from specc import codes
from specc.diagnostics import Code, Diagnostic, Log, Span
from specc.passes.advise.activations import linear_pairs, probabilities_twice, sigmoid_stacks, softmax_of_one
from specc.passes.advise.allowances import idle_allowances
from specc.passes.advise.data import uncountable_batches, uneven_batches, unscaled_pictures
from specc.passes.advise.dropouts import dropped_outputs, excessive_rates
from specc.passes.advise.graph import Graph
from specc.passes.advise.precision import rounded_indices, short_averages
from specc.passes.advise.training import learning_rates, stopping_by_training, unreachable_targets
from specc.passes.advise.weights import cancelled_biases, heavy_heads
from specc.plan import Plan

__all__ = ["advise"]

Rule = Callable[[Graph], Iterator[Diagnostic]]

RULES: Mapping[Code, Rule] = MappingProxyType(
    {
        codes.W301: linear_pairs,
        codes.W302: sigmoid_stacks,
        codes.W303: cancelled_biases,
        codes.W304: dropped_outputs,
        codes.W305: probabilities_twice,
        codes.W306: softmax_of_one,
        codes.W307: heavy_heads,
        codes.W308: excessive_rates,
        codes.W309: short_averages,
        codes.W310: rounded_indices,
        codes.W401: learning_rates,
        codes.W402: stopping_by_training,
        codes.W403: unreachable_targets,
        codes.W501: unscaled_pictures,
        codes.W601: uneven_batches,
        codes.W604: uncountable_batches,
    }
)
"""What gives each warning, apart from S206 and W404. W101 comes last, when it is known which were silenced."""


def advise(plan: Plan, log: Log) -> Plan:
    """Report what would run, and is not what anyone wants. The plan stays as it is."""
    graph = Graph(plan, log.sources)
    told: set[tuple[Code, Span]] = set()
    for rule in RULES.values():
        for found in rule(graph):
            if (found.code, found.span) not in told:
                told.add((found.code, found.span))
                _report(found, log)
    for found in idle_allowances(plan, log, [codes.S206, codes.W404, *RULES]):
        _report(found, log)
    return plan


def _report(found: Diagnostic, log: Log) -> None:
    log.report(found.code, found.span, found.message, help=found.help, related=found.related, fix=found.fix)
