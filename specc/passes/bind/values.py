"""What `${…}` may name: parameters, `i`, facts of features, the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Log, Refusal, Related, nearest
from specc.expressions import compute, has_expression
from specc.kinds.features.category import Category
from specc.plan import Field
from specc.tree import Tree

PROPERTIES = ("shape", "classes", "vocabulary")


@dataclass(slots=True)
class Facts:
    """What expressions may ask beyond parameters, and a record of what they asked."""

    fields: dict[str, Field] = field(default_factory=dict)
    """Features by `inputs.NAME` and `targets.NAME`."""
    learnt: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the data has told already: `{"targets.species": {"classes": 3}}`."""
    environment: dict[str, str] = field(default_factory=dict)
    open: dict[str, None] = field(default_factory=dict)
    """What was asked and only the data can tell, in order."""

    def look_up(self, path: tuple[str, ...]) -> Any:
        """The value of `inputs.NAME.PROPERTY`, `targets.NAME.PROPERTY` or `env.NAME`."""
        head, *rest = path
        if head == "env":
            if len(rest) != 1:
                raise Refusal(
                    codes.S006, f"`{'.'.join(path)}` is not a variable of the environment", "write `env.NAME`"
                )
            if rest[0] not in os.environ:
                raise Refusal(
                    codes.S006, f"the environment has no variable `{rest[0]}`", f"set it: `{rest[0]}=… specc …`"
                )
            self.environment[rest[0]] = os.environ[rest[0]]
            return os.environ[rest[0]]
        known = [key.partition(".")[2] for key in self.fields if key.startswith(f"{head}.")]
        if len(rest) != 2:
            raise Refusal(
                codes.S006,
                f"`{'.'.join(path)}` does not name a property of a feature",
                f"write `{head}.NAME.PROPERTY`, where PROPERTY is one of {', '.join(PROPERTIES)}",
            )
        name, wanted = rest
        if name not in known:
            raise Refusal(codes.S006, f"`dataset.{head}` has no `{name}`", _suggest(name, known))
        if wanted not in PROPERTIES:
            raise Refusal(codes.S006, f"a feature has no property `{wanted}`", _suggest(wanted, PROPERTIES))
        key = f"{head}.{name}"
        facts = {**self.fields[key].feature.facts(), **self.learnt.get(key, {})}
        if facts.get(wanted) is None:
            if key in self.learnt:
                raise Refusal(codes.S006, f"`{key}` has no `{wanted}`: it is not a category")
            self.open[f"{key}.{wanted}"] = None
            return UNKNOWN_VALUE
        return facts[wanted]

    def need_classes(self) -> None:
        """Ask for the classes of every target that has them only from the data."""
        for key, one in self.fields.items():
            is_class = key.startswith("targets.") and isinstance(one.feature, Category)
            if is_class and key not in self.learnt and one.feature.facts().get("classes") is None:
                self.open[f"{key}.classes"] = None


@dataclass(slots=True)
class Parameters:
    """The spec's `params`, computed when first asked for, so that one may be written in terms of another."""

    trees: Mapping[str, Tree]
    facts: Facts
    log: Log
    values: dict[str, Any] = field(default_factory=dict)
    computing: list[str] = field(default_factory=list)

    def look_up(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        if name in self.computing:
            chain = " → ".join([*self.computing[self.computing.index(name) :], name])
            raise Refusal(codes.S005, f"the parameter `{name}` is written in terms of itself: {chain}")
        self.computing.append(name)
        computed = compute(self.trees[name], lambda path: Values(self, {}).look_up(path), self.log)
        self.computing.pop()
        self.values[name] = computed.plain()
        return self.values[name]


@dataclass(frozen=True, slots=True)
class Values:
    """The names that expressions see at one place, innermost first: a block's parameters and `i`, then the spec's."""

    spec: Parameters
    local: Mapping[str, Any]

    def look_up(self, path: tuple[str, ...]) -> Any:
        head = path[0]
        if head in self.local and len(path) == 1:
            return self.local[head]
        if head in self.spec.trees and len(path) == 1:
            return self.spec.look_up(head)
        if head in ("inputs", "targets", "env") and len(path) > 1:
            return self.spec.facts.look_up(path)
        known = [*self.local, *self.spec.trees]
        if not known and len(path) == 1:
            raise Refusal(codes.S006, f"no parameter `{head}`", f"declare it: `params: {{{head}: …}}`")
        raise Refusal(codes.S006, f"no parameter `{'.'.join(path)}`", _suggest(head, known))

    def inside(self, local: Mapping[str, Any]) -> Values:
        """The same spec seen with these names on top."""
        return Values(self.spec, {**self.local, **local})

    def within_block(self, local: Mapping[str, Any]) -> Values:
        """The same spec seen from inside a block: only its own parameters on top."""
        return Values(self.spec, local)

    def compute(self, tree: Tree, related: tuple[Related, ...] = ()) -> Tree:
        """The tree with every `${…}` in it computed; what cannot be is reported and becomes unknown."""
        return compute(tree, self.look_up, self.spec.log, related)


def written(tree: Tree) -> bool:
    """Is this value as it was written, with nothing to compute?"""
    if tree.is_mapping:
        return all(written(t) for t in tree.entries.values())
    if tree.is_list:
        return all(written(t) for t in tree.elements)
    return not (isinstance(tree.value, str) and has_expression(tree.value))


def _suggest(name: str, known: list[str] | tuple[str, ...]) -> str:
    near = nearest(name, known)
    if near:
        return f"did you mean `{near}`?"
    return f"there are: {', '.join(known)}" if known else ""
