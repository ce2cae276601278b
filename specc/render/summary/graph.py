"""The edges of a network as a picture shows them: between the steps that are shown, each with its tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from specc.plan import Network, Ref
from specc.render.summary.boxes import Box, leaves, sources
from specc.tensors import Tensor

OUTPUT = "\0"
"""Begins the name of the node of an output, which may be called like a step."""


@dataclass(frozen=True, slots=True)
class Edge:
    """From an input or step to a step or output; `output` tells which of several tensors it carries."""

    source: str
    output: int
    target: str
    tensor: Tensor | None


@dataclass(frozen=True, slots=True)
class End:
    """The node of an output, and what it is called."""

    node: str
    name: str


@dataclass(frozen=True, slots=True)
class Graph:
    """What is drawn beside the boxes."""

    inputs: tuple[str, ...]
    edges: tuple[Edge, ...]
    outputs: tuple[End, ...]

    def nodes(self, whole: Box) -> Iterator[str]:
        """Every node, top to bottom."""
        yield from self.inputs
        yield from (leaf.step.name for leaf in leaves(whole))
        yield from (end.node for end in self.outputs)


def graph(network: Network, instead: Mapping[str, str]) -> Graph:
    """The edges of a network, those of folded steps moved to the steps that are shown.

    Within a fold one repetition takes from the one before: there is no edge for that.
    """
    tensors = {given.name: (given.tensor,) for given in network.inputs} | {s.name: s.outputs for s in network.steps}
    order = {name: i for i, name in enumerate(tensors)}
    edges: dict[Edge, None] = {}

    def join(ref: Ref, target: str) -> None:
        source, shown = instead.get(ref.name, ref.name), instead.get(target, target)
        if target in order and order[source] >= order[shown]:
            return
        outputs = tensors[ref.name]
        for number in range(len(outputs or ("?",))) if ref.output is None else (ref.output,):
            edges[Edge(source, number, shown, outputs[number] if outputs and number < len(outputs) else None)] = None

    for step in network.steps:
        for ref in sources(step):
            if ref.name in tensors:
                join(ref, step.name)
    ends = []
    for i, output in enumerate(network.outputs):
        ends.append(End(f"{OUTPUT}{i}", output.name))
        if output.ref.name in tensors:
            join(output.ref, ends[-1].node)
    return Graph(tuple(given.name for given in network.inputs), tuple(edges), tuple(ends))
