"""The flat steps of a network as the tree that they were written as: calls of blocks, and repetitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from specc.plan import Edge, Network, Opened, Part, Ref, Step, Turn

END = 1 << 60
"""The place of what reads the outputs of the network: behind every step."""


@dataclass(slots=True, eq=False)
class Node:
    """A part of the spec, and what is in it: steps and smaller parts, in order."""

    part: Part
    items: list[Item] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Run:
    """Times of one repetition that a loop can say: each does the same with what it takes.

    `takes` are the tensors of each time. What the next one takes in their place is the same again, None, or what a step
    of the time before gives: by the name of that step within it, and the number of its output.
    """

    turns: list[Node]
    takes: list[list[Ref]]
    hands: tuple[tuple[str, int | None] | None, ...]

    @property
    def first(self) -> int:
        """The number of the first time."""
        part = self.turns[0].part
        assert isinstance(part, Turn)
        return part.number


Item = Step | Node | Run


def steps(item: Item) -> Iterator[Step]:
    """All steps of an item, in order."""
    if isinstance(item, Step):
        yield item
        return
    for inner in item.items if isinstance(item, Node) else item.turns:
        yield from steps(inner)


def refs(edge: Edge) -> tuple[Ref, ...]:
    return edge if isinstance(edge, tuple) else (edge,)


def stem(turn: Turn) -> str:
    """The name of a repetition, without the number of the time."""
    return turn.name.rpartition(".")[0]


class Graph:
    """A network, and who in it reads what."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.place = {step.name: place for place, step in enumerate(network.steps)}
        self.last: dict[str, int] = {}
        """The place of the last step that reads what a step or an input gives."""
        for place, step in enumerate(network.steps):
            self.last.update({ref.name: place for edge in step.inputs.values() for ref in refs(edge)})
        self.last.update({output.ref.name: END for output in network.outputs})
        self.again = {step.shares for step in network.steps if step.shares is not None}

    def tree(self) -> list[Item]:
        """The steps in the parts that they were made in; a layer that is used inside a part and outside opens it."""
        outside = self._crossed()
        done: list[Item] = []
        stack: list[Node] = []
        for step in self.network.steps:
            path = [part for part in step.parts if id(part) not in outside]
            kept = 0
            while kept < min(len(stack), len(path)) and stack[kept].part is path[kept]:
                kept += 1
            del stack[kept:]
            for part in path[kept:]:
                node = Node(part)
                (stack[-1].items if stack else done).append(node)
                stack.append(node)
            (stack[-1].items if stack else done).append(step)
        return done

    def _crossed(self) -> set[int]:
        """The parts that a layer is made in and used outside of, or the other way round."""
        by_name = {step.name: step for step in self.network.steps}
        crossed: set[int] = set()
        for step in self.network.steps:
            if step.shares is not None:
                here, there = ({id(part) for part in one.parts} for one in (step, by_name[step.shares]))
                crossed |= here ^ there
        return crossed

    def taken(self, item: Item) -> list[Ref]:
        """The tensors from outside that an item reads, each once, in the order in which it does."""
        own: set[str] = set()
        found: dict[Ref, None] = {}
        for step in steps(item):
            for edge in step.inputs.values():
                found.update({ref: None for ref in refs(edge) if ref.name not in own})
            own.add(step.name)
        return list(found)

    def given(self, item: Item) -> list[str]:
        """The steps of an item that something behind it reads."""
        own = [step.name for step in steps(item)]
        end = self.place[own[-1]]
        return [name for name in own if self.last.get(name, -1) > end]

    def hands(self, before: Node, after: Node) -> tuple[tuple[str, int | None] | None, ...] | None:
        """How what one time takes becomes what the next one takes, as in `Run`; None where no loop can say it."""
        first, then = self.taken(before), self.taken(after)
        if len(first) != len(then):
            return None
        inner = {step.name for step in steps(before)}
        found: list[tuple[str, int | None] | None] = []
        for one, other in zip(first, then, strict=True):
            if other.name in inner:
                found.append((other.name.removeprefix(before.part.name), other.output))
            elif one == other:
                found.append(None)
            else:
                return None
        end = max(self.place[step.name] for step in steps(after))
        handed = {one[0] for one in found if one is not None}
        for name in self.given(before):
            if name.removeprefix(before.part.name) not in handed or self.last[name] > end:
                return None
        return tuple(found)


def opened(items: Sequence[Item]) -> Iterator[Node]:
    """The calls of blocks among items, each after those within it."""
    for item in items:
        if isinstance(item, Node):
            yield from opened(item.items)
            if isinstance(item.part, Opened):
                yield item
