"""Text and what was read from it: `Source`, `Tree` (plain values that know where they stood) and `Document`, both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from specc.diagnostics import Span

if TYPE_CHECKING:
    from specc.calls import Unknown

Scalar: TypeAlias = "str | int | float | bool | Unknown | None"
"""`UNKNOWN_VALUE` stands where an expression asks for what only data can tell, or has failed."""


@dataclass(frozen=True, slots=True)
class Source:
    """A spec as a user names it: its path, its text, and what the command line lays over it.

    `params` are the `-p NAME=VALUE` and `sets` the `--set PATH=VALUE` of the command line, values as plain data.
    `facts` are what is known of a feature only once data was read: `{"targets.species": {"classes": 3}}`.
    `drafts` are texts that stand for what other files hold, by their real paths: of files that are being edited.
    """

    path: str
    text: str
    params: Mapping[str, Any] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    drafts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A node of a document: a scalar, a list of trees or a mapping from strings to trees.

    `span` is where the value stands and `key` where its key does (for an item of a list or the root: the value's
    own span). A value that came from another file through `extends` keeps that file's spans.
    """

    value: Scalar | tuple[Tree, ...] | dict[str, Tree]
    span: Span
    key: Span

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    @property
    def is_scalar(self) -> bool:
        return not isinstance(self.value, (tuple, dict))

    @property
    def entries(self) -> Mapping[str, Tree]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def elements(self) -> tuple[Tree, ...]:
        """The elements of a list; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    def __getitem__(self, key: str | int) -> Tree:
        return self.elements[key] if isinstance(key, int) else self.entries[key]

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def get(self, key: str) -> Tree | None:
        return self.entries.get(key)

    def at(self, path: Iterable[str | int]) -> Tree:
        """The node at a path of keys and indices, or the last one on the way that exists."""
        node = self
        for part in path:
            below = node.elements if isinstance(part, int) else node.entries
            if (isinstance(part, int) and part >= len(below)) or (isinstance(part, str) and part not in below):
                break
            node = node[part]
        return node

    def with_value(self, value: Scalar | tuple[Tree, ...] | dict[str, Tree]) -> Tree:
        """The same place with another value."""
        return Tree(value, self.span, self.key)

    def plain(self) -> Any:
        """The value as plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {k: v.plain() for k, v in self.value.items()}
        if isinstance(self.value, tuple):
            return [v.plain() for v in self.value]
        return self.value


@dataclass(frozen=True, slots=True)
class Document:
    """A source and the tree that was made of it so far: what flows from `read` through `compose` and `conform`."""

    source: Source
    tree: Tree


def planted(value: Any, span: Span) -> Tree:
    """A plain value as a tree that stands, whole, at one place: an override, a computed list."""
    if isinstance(value, Mapping):
        return Tree({str(k): planted(v, span) for k, v in value.items()}, span, span)
    if isinstance(value, (list, tuple)):
        return Tree(tuple(planted(v, span) for v in value), span, span)
    return Tree(value, span, span)
