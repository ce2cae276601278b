"""A step of training gone through in thought: forward, holding what the way back needs, and back again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from specc.memory import working
from specc.memory.gradients import VIEWS, in_place, needs_input, needs_output
from specc.plan import Network, Ref, Step
from specc.tensors import Tensor

Value = tuple[str, int]
"""A tensor of the network: the step or input that it comes from, and its number there."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Bytes at the worst moment of training and of inference, weights not counted; `kept` from forward to backward.

    `exact` is False where a tensor is of unknown size, and was counted as none.
    """

    training: int
    inference: int
    kept: int
    exact: bool


def walk(network: Network, batch: int) -> Peak:
    """What a step of training, and one of inference, on so many examples holds at its worst moment."""
    graph = _Graph(batch)
    for given in network.inputs:
        graph.add_input(given.name, given.tensor)
    for step in network.steps:
        graph.add(step)
    fed = sum(graph.sizes[value] for value in graph.inputs)
    return Peak(
        training=fed + max(graph.forward(), graph.backward()),
        inference=graph.inference(),
        kept=graph.kept,
        exact=graph.exact,
    )


@dataclass(frozen=True, slots=True)
class _Node:
    """A step: the tensors it takes and gives, the bytes it holds beside them, and whether anything before it learns.

    `kept` are the bytes that training holds of it were it trained, `undone` those that its gradient is computed with.
    """

    step: Step
    takes: tuple[Value, ...]
    gives: tuple[Value, ...]
    inner: int
    kept: int
    undone: int
    learns: bool


@dataclass(slots=True)
class _Graph:
    """The steps in order, and of each tensor its bytes, the last step that takes it, the first whose gradient does.

    A view has no tensor of its own: what it gives is what it takes.
    """

    batch: int
    nodes: list[_Node] = field(default_factory=list)
    sizes: dict[Value, int] = field(default_factory=dict)
    tensors: dict[Value, Tensor] = field(default_factory=dict)
    inputs: set[Value] = field(default_factory=set)
    learning: set[Value] = field(default_factory=set)
    outputs: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    last: dict[Value, int] = field(default_factory=dict)
    read_first: dict[Value, int] = field(default_factory=dict)
    exact: bool = True

    def add_input(self, name: str, tensor: Tensor) -> None:
        self.sizes[name, 0] = self._size(tensor)
        self.tensors[name, 0] = tensor
        self.inputs.add((name, 0))
        self.outputs[name] = ((name, 0),)

    def add(self, step: Step) -> None:
        """One step more, after all that it takes from."""
        number = len(self.nodes)
        takes = tuple(dict.fromkeys(value for ref in _refs(step) for value in self._values(ref)))
        learns = bool(step.trained) or any(value in self.learning for value in takes)
        tensors = step.outputs if step.outputs is not None else (Tensor(),)
        sizes = {(step.name, i): self._size(tensor) for i, tensor in enumerate(tensors)}
        gives = tuple(sizes)
        if step.label in VIEWS and len(takes) == len(gives) == 1:
            gives = takes
        else:
            self.sizes |= sizes
            self.tensors |= {(step.name, i): tensor for i, tensor in enumerate(tensors)}
            if learns:
                self.learning.update(sizes)
        self.outputs[step.name] = gives
        made, kept = sum(sizes.values()), (step.kept_bytes or 0) * self.batch
        inner = max(0, kept - made) if learns else 0
        given = [self.tensors[value] for value in takes]
        undone = working.backward(step, given, made, kept, self.batch)
        self.nodes.append(_Node(step, takes, gives, inner, kept, undone, learns))
        self.last |= dict.fromkeys((*takes, *gives), number)
        if learns:
            for value in (*(takes if needs_input(step) else ()), *(gives if needs_output(step) else ())):
                self.read_first.setdefault(value, number)

    def _size(self, tensor: Tensor) -> int:
        size = tensor.bytes
        if size is None:
            self.exact = False
            return 0
        return size * self.batch if tensor.shape and tensor.shape[0] is None else size

    def _values(self, ref: Ref) -> tuple[Value, ...]:
        values = self.outputs.get(ref.name, ())
        return values if ref.output is None else values[ref.output : ref.output + 1]

    @property
    def kept(self) -> int:
        """The bytes held when the way back begins: what a gradient reads, inputs of the network not counted."""
        read = sum(self.sizes[value] for value in self.read_first if value not in self.inputs)
        return read + sum(node.inner for node in self.nodes)

    def forward(self) -> int:
        """The bytes at the worst moment of the way forth in training, where nothing goes that a gradient reads."""
        live = peak = 0
        held = self.inputs | self.read_first.keys()
        for number, node in enumerate(self.nodes):
            gone = self._gone(node, number, held)
            if node.gives != node.takes:
                new = self._made(node)
                peak = max(peak, live + new - self._over(node, gone, new))
                live += new - gone
            live += node.inner
            peak = max(peak, live)
        return peak

    def inference(self) -> int:
        """The bytes at the worst moment of a forward pass alone, where all goes that no step takes any more."""
        live = peak = sum(self.sizes[value] for value in self.inputs)
        for number, node in enumerate(self.nodes):
            if node.gives == node.takes:
                continue
            gone, new = self._gone(node, number, set()), self._made(node)
            given = sum(self.sizes[value] for value in node.takes)
            beside, after = working.forward(node.step, given, new, node.kept)
            peak = max(peak, live + new - self._over(node, gone, new) + beside, live - gone + new + after)
            live += new - gone
        return peak

    def _gone(self, node: _Node, number: int, held: AbstractSet[Value]) -> int:
        """The bytes of what this step is the last to take, but for what is held."""
        return sum(self.sizes[v] for v in node.takes if self.last[v] == number and v not in held)

    def _made(self, node: _Node) -> int:
        return sum(self.sizes[v] for v in node.gives if v not in node.takes)

    def _over(self, node: _Node, gone: int, new: int) -> int:
        """The bytes of what it makes that lie where something lay that is gone."""
        return min(gone, new) if working.over_its_input(node.step) else 0

    def backward(self) -> int:
        """The bytes at the worst moment of the way back.

        A gradient is as large as its tensor. It comes into being at the last step that takes the tensor, and goes
        once the step that gave the tensor has used it; several are added up there.
        """
        live = peak = self.kept
        release: dict[int, int] = Counter()
        for value, number in self.read_first.items():
            release[number] += 0 if value in self.inputs else self.sizes[value]
        gradients: dict[Value, int] = Counter()
        for value in self._ends():
            gradients[value] = self.sizes[value]
            live += self.sizes[value]
        for number in range(len(self.nodes) - 1, -1, -1):
            node = self.nodes[number]
            if not node.learns or node.gives == node.takes:
                continue
            used = sum(gradients.pop(value, 0) for value in node.gives)
            wanted = [value for value in node.takes if value in self.learning]
            made = sum(self.sizes[value] for value in wanted)
            fresh = max(0, made - used) if in_place(node.step) else made
            if node.step.label in SAME and wanted:
                fresh = 0
            peak = max(peak, live + fresh + node.undone)
            live += made - used - release[number] - node.inner
            for value in wanted:
                gradients[value] += self.sizes[value]
        return peak

    def _ends(self) -> set[Value]:
        """The tensors that no step takes and that a loss may be computed from."""
        taken = {value for node in self.nodes for value in node.takes if node.gives != node.takes}
        return {value for value in self.learning if value not in taken}


SAME = {"Add", "ops.add"}
"""Their gradient is the gradient that they are given, once for each input."""


def _refs(step: Step) -> tuple[Ref, ...]:
    return tuple(r for edge in step.inputs.values() for r in (edge if isinstance(edge, tuple) else (edge,)))
