"""Steps of a network as statements: a layer made and called, an op, an application."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from specc import catalog
from specc.calls import Signature
from specc.emit.alike import Assign, Statement
from specc.emit.calls import Calls
from specc.emit.formulas import Names
from specc.emit.layout import Expression, Given, call, keyword, literal, sequence, text
from specc.emit.variables import Variables
from specc.plan import Edge, Step

TURNS = ("i", "j", "k", "m", "n")
"""What the number of a time is called, in a loop and in those within it."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where a body is written: what names of steps begin with in the spec, what says the same here, and what `${…}`
    may name. `turn` is the innermost loop."""

    prefix: str = ""
    said: str = ""
    names: Names = field(default_factory=Names)
    depth: int = 0

    def name(self, own: str) -> Expression:
        """The name of a step as a string, made of those of the loops and the function around it."""
        whole = self.said + own.removeprefix(self.prefix)
        if whole in ("{name}", *(f"{{{turn}}}" for turn in TURNS)):
            return (whole[1:-1],)
        return (f'f"{whole}"' if "{" in whole else literal(whole),)


@dataclass(frozen=True, slots=True)
class Steps:
    """Writes the steps of one network: `again` are those whose layers are used again, `single` have one output."""

    calls: Calls
    again: Collection[str | None]
    single: Collection[str]

    def made(self, step: Step, context: Context, variables: Variables, target: Callable[[], str]) -> list[Statement]:
        """The statement of a step; two or three where its layer is used again and so needs a variable of its own.

        `target` gives the variable of what comes out, once everything that goes in was read.
        """
        tensors = self._tensors(step, variables)
        if step.call.family == "ops":
            made = self._operation(step, context, variables)
            return [Assign(target(), made)]
        if step.shares is not None:
            layer = variables.layers[step.name] = variables.layers[step.shares]
            return [Assign(target(), call(layer, tensors))]
        named = self._named(step, context, variables)
        # EfficientNetV2 finds its blocks by the name that it is made with, and so is named afterwards.
        renamed = step.call.name.startswith("EfficientNetV2")
        builder = self.calls.builder(step.call)
        if not (step.name in self.again or renamed):
            return [Assign(target(), call(builder, named, tensors))]
        own = step.name.removeprefix(context.prefix).lstrip(".") or step.call.name.lower()
        layer = variables.layers[step.name] = variables.fresh(f"{own}_layer")
        done: list[Statement] = [Assign(layer, call(builder, named[:-1] if renamed else named))]
        if renamed:
            done.append(Assign(f"{layer}.name", context.name(step.name)))
        return [*done, Assign(target(), call(layer, tensors))]

    def _named(self, step: Step, context: Context, variables: Variables) -> list[Expression]:
        """What the layer of a step is made with."""
        items = self.calls.arguments(step.call, context.names)
        if step.call.family == "applications":
            given = next(iter(step.inputs.values()))
            items.append(keyword("input_shape", (f"{text(self._edge(given, variables))}.shape[1:]",)))
            if "weights" not in step.call.arguments:
                items.append(keyword("weights", ("None",)))
        return [*items, keyword("name", context.name(step.name))]

    def _tensors(self, step: Step, variables: Variables) -> list[Expression]:
        """What the layer of a step is called on: one tensor by its place, several by their names."""
        edges = {name: self._edge(edge, variables) for name, edge in step.inputs.items()}
        options = [keyword(name, (Given(value, "", name),)) for name, value in step.options.items()]
        if len(edges) == 1:
            return [*edges.values(), *options]
        return [*(keyword(name, edge) for name, edge in edges.items()), *options]

    def _operation(self, step: Step, context: Context, variables: Variables) -> Expression:
        """A function of `keras.ops`: its tensors first, by place while they are its first ones."""
        takes = catalog.signature("ops", step.call.name)
        names = dict(step.call.arguments)
        items: list[Expression] = []
        variadic = next((t.name for t in takes.tensors if t.variadic), None) if takes else None
        if takes and variadic:
            leading = [a.name for a in takes.arguments if a.required and a.name in names]
            items += [self.calls.value(names.pop(name), context.names, step.call, name) for name in leading]
            edge = step.inputs[variadic]
            items += [(variables.read(ref, self.single),) for ref in (edge if isinstance(edge, tuple) else (edge,))]
        else:
            places = _places(takes) if takes else ()
            for place, (name, edge) in enumerate(step.inputs.items()):
                by_place = places[place : place + 1] == (name,)
                written = self._edge(edge, variables)
                items.append(written if by_place else keyword(name, written))
        items += [keyword(n, self.calls.value(v, context.names, step.call, n)) for n, v in names.items()]
        items += [keyword(name, (Given(value, "", name),)) for name, value in step.options.items()]
        return call(self.calls.builder(step.call), items)

    def _edge(self, edge: Edge, variables: Variables) -> Expression:
        if isinstance(edge, tuple):
            return sequence((variables.read(ref, self.single),) for ref in edge)
        return (variables.read(edge, self.single),)


def _places(takes: Signature) -> tuple[str, ...]:
    """The tensors of an op that may be given by place: up to the first argument that is none, or may be left out."""
    required = tuple(t.name for t in takes.tensors if t.required)
    return required[:1] if any(a.required for a in takes.arguments) else required
