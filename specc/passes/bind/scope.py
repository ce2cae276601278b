"""The names that references see, and what a reference stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from specc import codes
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Log, Related, Span, nearest
from specc.passes.bind.values import Values
from specc.plan import Edge, Part, Ref
from specc.text.spelling import established, respelt
from specc.tree import Tree

REF = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?:\[(\d+)\])?")
LOST = Ref("?")
"""What an undefined reference stands for, so that nothing follows from it."""


@dataclass(frozen=True, slots=True)
class Made:
    """A named step as it was made: what its name stands for, and how to make it again with the same weights."""

    edge: Edge
    tree: Tree
    prefix: str
    values: Values


@dataclass(slots=True)
class Scope:
    """The names that references see at one place.

    `path` leads to here in the names of steps. A block is closed: it has no `outer`. `sharing` is set while a named
    step is made again: the path whose weights are used, and the path where it is made now. `parts` are those of the
    steps made here.
    """

    values: Values
    path: tuple[str, ...] = ()
    outer: Scope | None = None
    names: dict[str, Made] = field(default_factory=dict)
    ahead: dict[str, Span] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    taken: dict[str, int] = field(default_factory=dict)
    callers: tuple[Related, ...] = ()
    frozen: bool = False
    sharing: tuple[str, str] | None = None
    parts: tuple[Part, ...] = ()

    def inner(self, name: str, values: Values | None = None) -> Scope:
        """A scope inside this one, that sees its names."""
        return Scope(
            values=values or self.values,
            path=(*self.path, name),
            outer=self,
            callers=self.callers,
            frozen=self.frozen,
            sharing=self.sharing,
            parts=self.parts,
        )

    def find(self, name: str) -> Made | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None

    def visible(self) -> Iterable[str]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.outer

    def automatic(self, stem: str) -> str:
        """A name for a step that has none, as Keras counts: `dense`, `dense_1`; never one that the spec gives."""
        while True:
            count = self.taken.get(stem, 0)
            self.taken[stem] = count + 1
            name = f"{stem}_{count}" if count else stem
            if name not in self.ahead and name not in self.names:
                return name


def refs_of(edge: Edge | None) -> tuple[Ref, ...]:
    """The references of an edge, one or several."""
    if edge is None:
        return ()
    return edge if isinstance(edge, tuple) else (edge,)


def resolve(item: Tree, scope: Scope, given: Edge | None, log: Log) -> Edge:
    """What a REF stands for. An undefined one is reported, and stands for nothing from which more would follow."""
    computed = scope.values.compute(item, scope.callers)
    text = computed.value
    match = REF.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        if text is not UNKNOWN_VALUE:
            log.report(
                codes.S201,
                item.span,
                f"`{computed.plain()}` is not a reference",
                help="a reference is the name of a step or an input, `prev`, or `name[0]` for one of several outputs",
                related=scope.callers,
            )
        return LOST
    word, index = match[1], match[2]
    if word == "prev":
        if given is None:
            log.report(
                codes.S201,
                item.span,
                "there is no step before this one",
                help="name the input that is meant: " + ", ".join(f"`{n}`" for n in scope.visible()),
                related=scope.callers,
            )
            return LOST
        edge = given
    else:
        made = scope.find(word)
        if made is None:
            undefined(item, word, scope, log)
            return LOST
        edge = made.edge
    return edge if index is None else _pick(item, word, edge, int(index), scope, log)


def _pick(item: Tree, word: str, edge: Edge, index: int, scope: Scope, log: Log) -> Edge:
    if isinstance(edge, Ref) and edge.output is None:
        return edge if edge is LOST else Ref(edge.name, index)
    refs = refs_of(edge)
    if index < len(refs):
        return refs[index]
    log.report(
        codes.S201,
        item.span,
        f"`{word}` has {len(refs)} output{'s' * (len(refs) != 1)}, and `{word}[{index}]` asks for one more",
        help=f"outputs count from 0: the last is `{word}[{len(refs) - 1}]`",
        related=scope.callers,
    )
    return LOST


def undefined(item: Tree, word: str, scope: Scope, log: Log) -> None:
    outer: Scope | None = scope
    while outer is not None:
        if word in outer.ahead:
            log.report(
                codes.S203,
                item.span,
                f"`{word}` comes later: a reference reaches back only",
                help="move that step before this one",
                related=(Related(f"`{word}` is named here", outer.ahead[word]), *scope.callers),
            )
            return
        if word in outer.absent:
            log.report(
                codes.S201,
                item.span,
                f"the step `{word}` is not there: its `when` is false or its `repeat` is 0",
                help="give this reference's step the same `when`",
                related=scope.callers,
            )
            return
        outer = outer.outer
    known = list(dict.fromkeys(scope.visible()))
    near = nearest(word, known)
    written = str(item.value)  # the name, perhaps with the number of an output behind it
    certain = established(word, known, log.sources.get(item.span.path, ""))
    fix = respelt(item.span, written, certain + written[len(word) :]) if certain and written.startswith(word) else None
    log.report(
        codes.S201,
        item.span,
        f"no step or input is named `{word}` here",
        help=f"did you mean `{near}`?"
        if near
        else f"there are: {', '.join(known)}"
        if known
        else "give the step that is meant a `name`",
        related=scope.callers,
        fix=fix,
    )
