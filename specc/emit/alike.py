"""Code that several instances of a part come to, as one: what differs becomes a name."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from specc.emit.layout import VARIES, Expression, Given, Group


@dataclass(frozen=True, slots=True)
class Assign:
    """`target = value`, or the value alone where there is no target; or `return value`, with `return` as the target."""

    target: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Loop:
    """`for target in over: body`; the target is an expression too, because its names may need brackets."""

    target: str
    over: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A comment above what follows, on a part of the spec; without text, what follows is of that part no more."""

    text: str


Statement = Assign | Loop | Note

Differing = Callable[[Sequence[Given]], str | Given]
"""What stands for values that differ, or that a formula says."""


def key(statements: Sequence[Statement]) -> Hashable:
    """What is equal for statements that `merged` can make one of."""
    return tuple(
        (one.target, _key(one.value))
        if isinstance(one, Assign)
        else (one.target, _key(one.over), key(one.body), "loop")
        if isinstance(one, Loop)
        else one
        for one in statements
    )


def _key(expression: Expression) -> Hashable:
    return tuple(
        part
        if isinstance(part, str)
        else (part.brackets, tuple(_key(item) for item in part.items))
        if isinstance(part, Group)
        else ("given", part.formula if part.value is VARIES else "")
        for part in expression
    )


def merged(several: Sequence[Sequence[Statement]], differing: Differing) -> tuple[Statement, ...]:
    """Statements of equal keys as one sequence of them."""
    done: list[Statement] = []
    for row in zip(*several, strict=True):
        first = row[0]
        if isinstance(first, Note):
            done.append(first)
        elif isinstance(first, Assign):
            done.append(Assign(first.target, _merged([one.value for one in row if isinstance(one, Assign)], differing)))
        else:
            loops = [one for one in row if isinstance(one, Loop)]
            over = _merged([one.over for one in loops], differing)
            done.append(Loop(first.target, over, merged([one.body for one in loops], differing)))
    return tuple(done)


def _merged(several: Sequence[Expression], differing: Differing) -> Expression:
    done: list[str | Group | Given] = []
    for row in zip(*several, strict=True):
        first = row[0]
        if isinstance(first, Group):
            groups = [one.items for one in row if isinstance(one, Group)]
            done.append(Group(first.brackets, tuple(_merged(items, differing) for items in zip(*groups, strict=True))))
        elif isinstance(first, Given):
            done.append(differing([one for one in row if isinstance(one, Given)]))
        else:
            done.append(first)
    return tuple(done)


def equal(values: Sequence[Given]) -> bool:
    """Are they one value? 1, 1.0 and True are three."""
    return len({repr(one.value) for one in values}) == 1


@dataclass(slots=True)
class Holes:
    """What differs, by the name that stands for it, with its value in each instance."""

    fresh: Callable[[str], str]
    found: dict[str, list[Given]] = field(default_factory=dict)

    def name(self, values: Sequence[Given]) -> str:
        """The name of these values: one that they have already, else a new one after what they are given for."""
        told = [repr(one.value) for one in values]
        for name, before in self.found.items():
            if [repr(one.value) for one in before] == told and before[0].argument == values[0].argument:
                return name
        name = self.fresh(values[0].argument or "value")
        self.found[name] = [Given(one.value, "", one.argument) for one in values]
        return name


def over_turns(holes: Holes) -> Differing:
    """For the times of one loop: a formula says what differs if it is the same one in all."""

    def differing(values: Sequence[Given]) -> str | Given:
        formulas = {one.formula for one in values}
        if equal(values):
            return values[0] if len(formulas) == 1 else Given(values[0].value, "", values[0].argument)
        if len(formulas) == 1 and values[0].formula:
            return Given(VARIES, values[0].formula, values[0].argument)
        return holes.name(values)

    return differing


def over_calls(holes: Holes) -> Differing:
    """For the calls of one function: a formula over its parameters is kept, and what differs becomes a parameter."""

    def differing(values: Sequence[Given]) -> str | Given:
        formulas = {one.formula for one in values}
        if len(formulas) == 1 and values[0].formula:
            return values[0]
        if equal(values):
            return Given(values[0].value, "", values[0].argument)
        return holes.name(values)

    return differing
