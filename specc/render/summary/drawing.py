"""A network as a drawing: boxes laid out from the inmost to the outmost, each a thing to place in the one around it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from specc.memory.figures import large
from specc.render.summary.boxes import Box, Item, Leaf, leaves, stem
from specc.render.summary.costs import parameters
from specc.render.summary.graph import Edge, Graph
from specc.render.summary.layers import Drawn, Link, Thing, draw
from specc.render.text import cells
from specc.tensors import show

LARGE, SMALL = 7.9, 6.7
"""The width of a character of 13 and of 11 pixels, in the widest of the fonts that may be met."""
LINE = 17
"""The height of a line of text."""
ACROSS, DOWN, TIGHT = 26, 38, 20
"""Room between neighbours; between rows, where shapes are written; and between a port and the row next to it."""
WRITTEN = 16
"""How far below a step the shapes that it gives are written."""
MARGIN, TITLE = 14, 22
"""Room within a box around what it holds, and above it for its name."""

Carried = tuple[str, int]
"""What an edge carries: a tensor of a step or an input."""


@dataclass(frozen=True, slots=True)
class Port:
    """Where a tensor comes into a box, or leaves it."""

    carried: Carried
    leaves: bool


@dataclass(frozen=True, slots=True)
class Pill:
    """An input or an output of the network: its node, and what it is called."""

    node: str
    name: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A box laid out: its items by name, where each is, and the scenes of the boxes among them.

    `lead` is room at the left of what it holds, and at the right, for a name that is wider.
    """

    drawn: Drawn
    items: Mapping[Hashable, Item]
    inner: Mapping[Hashable, Scene]
    lead: float

    @property
    def width(self) -> float:
        return self.drawn.width + 2 * (MARGIN + self.lead)

    @property
    def height(self) -> float:
        return self.drawn.height + TITLE + MARGIN


def title(item: Item) -> str:
    return stem(item) + (f" × {item.times}" if item.times > 1 else "")


def lines(leaf: Leaf) -> tuple[str, str]:
    """What is written in a step: its call, and its name with the number of its parameters."""
    weights = parameters(leaf.step)
    return leaf.step.label, title(leaf) + (f" · {large(weights)}" if weights != 0 else "")


def label(edge: Edge) -> str:
    return show(edge.tensor.shape if edge.tensor else None)


@dataclass(slots=True)
class Layout:
    """Lays out the boxes of one graph."""

    graph: Graph
    into: dict[str, list[Edge]] = field(default_factory=dict)
    out: dict[str, list[Edge]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for edge in self.graph.edges:
            self.out.setdefault(edge.source, []).append(edge)
            self.into.setdefault(edge.target, []).append(edge)

    def whole(self, box: Box) -> Scene:
        """The network, its inputs above and its outputs below."""
        inputs = [Pill(name, name) for name in self.graph.inputs]
        return self._scene(box, inputs, [Pill(end.node, end.name) for end in self.graph.outputs])

    def _scene(self, box: Box, inputs: Sequence[Pill] = (), outputs: Sequence[Pill] = ()) -> Scene:
        inner: dict[Hashable, Scene] = {item.name: self._scene(item) for item in box.items if isinstance(item, Box)}
        holds: dict[str, Hashable] = {leaf.step.name: item.name for item in box.items for leaf in leaves(item)}
        holds |= {pill.node: pill for pill in (*inputs, *outputs)}
        edges = dict.fromkeys(e for node in holds for e in (*self.into.get(node, ()), *self.out.get(node, ())))
        come = dict.fromkeys(Port((e.source, e.output), False) for e in edges if e.source not in holds)
        go = dict.fromkeys(Port((e.source, e.output), True) for e in edges if e.target not in holds)
        links: dict[Link, None] = {}
        for edge in edges:
            carried = edge.source, edge.output
            source = holds.get(edge.source, Port(carried, False))
            target = holds.get(edge.target, Port(carried, True))
            if source != target:
                links[Link(source, target, carried, carried)] = None
        things = [
            *(Thing(port, 0.0, 0.0) for port in come),
            *(self._thing(pill, pill.node, pill_width(pill), LINE + 9) for pill in inputs),
            *(
                self._thing(item.name, item.step.name, step_width(item), 2 * LINE + 8)
                if isinstance(item, Leaf)
                else _framed(item.name, inner[item.name])
                for item in box.items
            ),
            *(Thing(port, 0.0, 0.0) for port in go),
            *(self._thing(pill, pill.node, pill_width(pill), LINE + 9) for pill in outputs),
        ]
        drawn = draw(things, list(links), across=ACROSS, down=DOWN, tight=TIGHT, first=come, last=[*go, *outputs])
        lead = 0.0 if not box.name else max(0.0, (cells(title(box)) * SMALL + 8 - drawn.width) / 2)
        return Scene(drawn, {item.name: item for item in box.items}, inner, lead)

    def _thing(self, key: Hashable, node: str, width: float, height: float) -> Thing:
        """A node with room for the shapes that are written at the right of the edges that leave it."""
        labels = {e.output: cells(label(e)) * SMALL + 12 for e in self.out.get(node, ())}
        if len(labels) < 2:
            return Thing(key, max(width, *(2 * room for room in labels.values()), 0.0), height, below=WRITTEN)
        room = sum(labels.values())
        start = -room / 2
        slots: dict[Hashable, float] = {}
        for output, wide in sorted(labels.items()):
            slots[node, output] = start + 8
            start += wide
        return Thing(key, max(width, room), height, bottom=slots, below=WRITTEN)


def step_width(leaf: Leaf) -> float:
    call, told = lines(leaf)
    return max(cells(call) * LARGE, cells(told) * SMALL) + 22


def pill_width(pill: Pill) -> float:
    return cells(pill.name) * LARGE + 28


def _framed(key: Hashable, scene: Scene) -> Thing:
    """A box as a thing in the one around it, entered and left where its ports are."""
    ends: dict[bool, dict[Hashable, float]] = {False: {}, True: {}}
    for port, thing in scene.drawn.things.items():
        if isinstance(port, Port):
            ends[port.leaves][port.carried] = thing.x + MARGIN + scene.lead - scene.width / 2
    return Thing(key, scene.width, scene.height, top=ends[False], bottom=ends[True])
