"""A network as boxes in boxes: blocks, chains and branches with the steps in them, what repeats folded into one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from specc.plan import Network, Ref, Step

COUNTED = re.compile(r"(.+)\.(\d+)")
"""The name of one repetition: `stage.1`."""
PART = re.compile(r"(.+)\.([^.]*[^.\d][^.]*)")
"""The name of a part of a step: `residual.shortcut`, `branches.left`, `stage.1.shortcut`."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One step, its name without those of the boxes around it. `times` counts the alike ones that it stands for."""

    step: Step
    name: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Box:
    """A block, a chain or a branch: its steps and boxes in order. `times` counts the alike ones that it stands for."""

    name: str
    items: tuple[Box | Leaf, ...]
    times: int = 1


Item = Box | Leaf


def boxes(network: Network, *, fold: bool) -> tuple[Box, Mapping[str, str]]:
    """The whole network as one box without a name, and the name of the step that is shown in the place of each.

    With `fold`, repetitions in a row that are alike become one item.
    """
    root = _Open("")
    path = [root]
    for step in network.steps:
        scope = [part for name in step.scope for part in _parts(name)]
        depth = 0
        while depth < min(len(path) - 1, len(scope)) and path[depth + 1].name == scope[depth]:
            depth += 1
        del path[depth + 1 :]
        for name in scope[depth:]:
            inner = _Open(name)
            path[-1].items.append(inner)
            path.append(inner)
        path[-1].items.append(Leaf(step, step.name.removeprefix("".join(f"{name}." for name in step.scope))))
    instead = {step.name: step.name for step in network.steps}
    whole = _closed(root, instead if fold else None)
    return whole, {name: _shown(name, instead) for name in instead}


def leaves(item: Item) -> Iterator[Leaf]:
    """The steps of an item that are shown, in order."""
    if isinstance(item, Leaf):
        yield item
    else:
        for inner in item.items:
            yield from leaves(inner)


def span(item: Item) -> str:
    """An item's name; of a folded one, the first and the last: `unit.0 … 2`."""
    counted = COUNTED.fullmatch(item.name)
    return item.name if item.times == 1 or not counted else f"{item.name} … {int(counted[2]) + item.times - 1}"


def stem(item: Item) -> str:
    """An item's name; of a folded one, what its repetitions have in common: `unit`."""
    counted = COUNTED.fullmatch(item.name)
    return item.name if item.times == 1 or not counted else counted[1]


def sources(step: Step) -> tuple[Ref, ...]:
    """What a step takes, in the order of its arguments, each once."""
    edges = (edge if isinstance(edge, tuple) else (edge,) for edge in step.inputs.values())
    return tuple(dict.fromkeys(ref for edge in edges for ref in edge))


@dataclass(slots=True)
class _Open:
    """A box that is still being filled."""

    name: str
    items: list[_Open | Leaf] = field(default_factory=list)


def _closed(box: _Open, instead: dict[str, str] | None) -> Box:
    items: list[Item] = []
    before: tuple[str, int, object] | None = None
    previous: Item | None = None
    for item in (_closed(inner, instead) if isinstance(inner, _Open) else inner for inner in box.items):
        counted = COUNTED.fullmatch(item.name)
        alike = None if instead is None or counted is None else (counted[1], int(counted[2]), _likeness(item))
        next_one = before and alike == (before[0], before[1] + items[-1].times, before[2])
        if instead is not None and next_one and _takes_from(item, previous, instead):
            instead |= {
                one.step.name: other.step.name for one, other in zip(leaves(item), leaves(items[-1]), strict=True)
            }
            items[-1] = replace(items[-1], times=items[-1].times + 1)
        else:
            items.append(item)
            before = alike
        previous = item
    return Box(box.name, tuple(items))


def _parts(name: str) -> tuple[str, ...]:
    """The boxes that a scope is: `residual` and in it `shortcut`."""
    part = PART.fullmatch(name)
    return (part[1], part[2]) if part else (name,)


def _takes_from(item: Item, other: Item | None, instead: Mapping[str, str]) -> bool:
    """Whether an item goes on from another: branches side by side may be alike as well, and are several."""
    made = set() if other is None else {_shown(leaf.step.name, instead) for leaf in leaves(other)}
    return any(_shown(ref.name, instead) in made for leaf in leaves(item) for ref in sources(leaf.step))


def _shown(name: str, instead: Mapping[str, str]) -> str:
    while instead.get(name, name) != name:
        name = instead[name]
    return name


def _likeness(item: Item) -> object:
    """What two repetitions must share to be shown as one: everything but their names and where they take from."""
    if isinstance(item, Box):
        return item.times, tuple((inner.name, _likeness(inner)) for inner in item.items)
    step = item.step
    weights = None if step.weights is None else tuple((w.shape, w.trainable) for w in step.weights)
    told = (
        step.frozen,
        step.label,
        step.call.arguments,
        step.options,
        weights,
        step.outputs,
        step.flops,
        step.kept_bytes,
    )
    return item.times, told, step.shares is None
