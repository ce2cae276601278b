"""Events of a YAML parser, composed into a tree that knows its places.

PyYAML's own composer drops duplicate keys in silence, recurses without a bound and follows aliases without end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from specc.codes import S001, S002, S003
from specc.diagnostics import Code, Log, Refusal, Rejected, Related, Span, nearest
from specc.text.places import span
from specc.text.scalars import STANDARD, foreign, resolve, tagged
from specc.tree import Tree

DEEPEST: Final = 100
LARGEST_TREE: Final = 200_000
"""Values that a document may have."""
COPIES: Final = 100_000
"""How many of them aliases may make."""

PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:\s+(?:#[^\n]*\n\s*)*)?)+")
TAG = re.compile(r"(?<![^\s\[{,:])![^\s,\[\]{}]*")
Event = Any
"""PyYAML's stubs leave out the fields of its events, and say that an event may have no marks."""


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A value that aliases refer to: its tree, how many values it is and how many levels, and the text of a scalar."""

    tree: Tree
    size: int
    height: int
    text: str = ""


class Composer:
    """Events of one document, composed into a tree. `end` is where the content read last ends: line, column from 1."""

    def __init__(self, path: str, text: str, log: Log, loader: Any, restore: dict[int, str]) -> None:
        self.path = path
        self.text = text
        self.log = log
        self.restore = restore
        self.next: Any = yaml.parse(text, loader).__next__
        self.anchors: dict[str, _Anchored | None] = {}
        """None while the value is being read."""
        self.nodes = 0
        self.copies = 0
        self.depth = 0
        self.deepest = 0
        self.end = (1, 1)

    def document(self) -> Tree | None:
        self.next()  # the start of the stream
        if not isinstance(self.next(), DocumentStartEvent):
            return None
        tree = self._node(self.next(), "", None)
        self.next()  # the end of the document
        after = self.next()
        if not isinstance(after, StreamEndEvent):
            self._stop(
                S001,
                self._span(after, ""),
                "a second document begins here, and a spec is one document",
                "put it into a file of its own, or take the `---` away",
            )
        return tree

    def _node(self, event: Event, pointer: str, key: Span | None) -> Tree:
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event, pointer, key)
        self.nodes += 1
        if self.nodes > LARGEST_TREE:
            self._too_much(event, f"this text has more than {LARGEST_TREE:,} values")
        if kind is ScalarEvent:
            return self._scalar(event, pointer, key)
        if event.anchor:
            self.anchors[event.anchor] = None
        nodes, deepest = self.nodes, self.deepest
        self.depth += 1
        self._reach(self.depth, event)
        self.deepest = self.depth
        tree = self._collection(event, pointer, key)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(tree, self.nodes - nodes + 1, self.deepest - self.depth + 1)
        self.depth -= 1
        self.deepest = max(self.deepest, deepest)
        return tree

    def _reach(self, depth: int, event: Event) -> None:
        if depth > DEEPEST:
            self._too_much(event, f"values stand within one another more than {DEEPEST} levels deep")
        self.deepest = max(self.deepest, depth)

    def _scalar(self, event: Event, pointer: str, key: Span | None) -> Tree:
        where = self._content(event, pointer)
        self.end = where.end_line, where.end_column
        text = event.value.translate(self.restore) if self.restore else event.value
        value = text
        try:
            if event.tag is not None:
                value = tagged(event.tag, text)
            elif event.implicit[0]:
                value = resolve(text)
        except Refusal as refusal:
            self.log.refuse(refusal, self._tag(event) if refusal.code is S001 else where)
        tree = Tree(value, where, key or where)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(tree, 1, 0, text)
        return tree

    def _collection(self, event: Event, pointer: str, key: Span | None) -> Tree:
        mapping = isinstance(event, MappingStartEvent)
        if event.tag not in (None, "!", STANDARD + ("map" if mapping else "seq")):
            self.log.refuse(foreign(event.tag), self._tag(event))
        start = event.end_mark if event.anchor or event.tag or event.flow_style else event.start_mark
        # After an anchor the mark of a list is behind its first `-`, and the mark of brackets is always behind them.
        behind = event.flow_style or (not mapping and self.text[start.index] != "-")
        column = start.column + (0 if behind else 1)
        value, last = self._mapping(pointer) if mapping else self._sequence(pointer)
        if event.flow_style:
            self.end = last.end_mark.line + 1, last.end_mark.column + 1
        where = Span(self.path, start.line + 1, column, *self.end, pointer)
        return Tree(value, where, key or where)

    def _sequence(self, pointer: str) -> tuple[tuple[Tree, ...], Event]:
        items: list[Tree] = []
        while type(event := self.next()) is not SequenceEndEvent:
            items.append(self._node(event, f"{pointer}/{len(items)}", None))
        return tuple(items), event

    def _mapping(self, pointer: str) -> tuple[dict[str, Tree], Event]:
        entries: dict[str, Tree] = {}
        merged: dict[str, Tree] = {}
        merge: Span | None = None
        while type(event := self.next()) is not MappingEndEvent:
            text = self._key(event)
            if text is None:
                self._node(self.next(), pointer, None)
                continue
            below = f"{pointer}/{_escaped(text)}"
            value = self._node(self.next(), below, self._content(event, below))
            if text == "<<" and type(event) is ScalarEvent and event.implicit[0] and event.tag is None:
                if merge:
                    self._twice(text, value.key, merge)
                else:
                    merge, merged = value.key, self._merged(value, pointer)
            elif text in entries:
                self._twice(text, value.key, entries[text].key)
            else:
                entries[text] = value
        return merged | entries, event

    def _key(self, event: Event) -> str | None:
        """The text of a key; None, and a complaint, where it is a list or a mapping."""
        if type(event) is ScalarEvent:
            if event.anchor or event.tag:
                self._scalar(event, "", None)
            return event.value.translate(self.restore) if self.restore else event.value
        where = self._span(event, "")
        if isinstance(event, AliasEvent):
            key = self._alias(event, "", None)
            anchored = self.anchors[str(event.anchor)]
            text = anchored.text if anchored else ""
        else:
            key = self._node(event, "", None)
            where = key.span
            text = ""
        if key.is_scalar:
            return text
        shape = "mapping" if key.is_mapping else "list"
        self.log.report(
            S001,
            where,
            f"a {shape} stands where a key is needed",
            help="a key is a word; put `${…}` and text that begins with a bracket in quotes",
        )
        return None

    def _merged(self, value: Tree, pointer: str) -> dict[str, Tree]:
        """What `<<` brings: of several mappings the first that has a key gives its value."""
        sources = value.elements if value.is_list else (value,)
        merged: dict[str, Tree] = {}
        for source in reversed(sources):
            if not source.is_mapping:
                self.log.report(
                    S001,
                    source.span,
                    "`<<` takes a mapping, or a list of mappings",
                    help="give it an alias of a mapping: `<<: *defaults`",
                )
                continue
            for key, tree in source.entries.items():
                merged[key] = _moved(tree, source.span.pointer, pointer)
        return merged

    def _alias(self, event: Event, pointer: str, key: Span | None) -> Tree:
        where = self._span(event, pointer)
        self.end = where.end_line, where.end_column
        name = event.anchor
        if name not in self.anchors:
            near = nearest(name, self.anchors)
            self._stop(
                S001,
                where,
                f"`*{name}` refers to an anchor that is not there before it",
                f"did you mean `*{near}`?" if near else f'write `&{name}` at the first value; a text is `"*{name}"`',
            )
        anchored = self.anchors[name]
        if anchored is None:
            self._stop(S001, where, f"`*{name}` stands inside the very value it refers to", "write that value out")
        self.copies += anchored.size
        self.nodes += anchored.size
        if self.copies > COPIES:
            self._too_much(event, f"aliases would make more than {COPIES:,} values of this text")
        self._reach(self.depth + anchored.height, event)
        tree = anchored.tree
        return replace(_moved(tree, tree.span.pointer, pointer), key=key or replace(tree.span, pointer=pointer))

    def _too_much(self, event: Event, message: str) -> NoReturn:
        help = "write what comes again and again as a block of `blocks`, or by `repeat`; keep data in files of its own"
        self._stop(S003, self._span(event, ""), message, help)

    def _twice(self, key: str, second: Span, first: Span) -> None:
        self.log.report(
            S002,
            second,
            f"the key `{key}` stands twice in this mapping",
            help="keep one of the two" if key != "<<" else "give `<<` a list: `<<: [*one, *other]`",
            related=(Related("first written here", first),),
        )

    def _content(self, event: Event, pointer: str) -> Span:
        """Where a node's text stands, without its anchor and tag and, of a block of text, the lines left empty."""
        has_text = type(event) is ScalarEvent
        if not has_text or not (event.anchor or event.tag or event.style in ("|", ">")):
            return self._span(event, pointer)
        start, end = event.start_mark.index, event.end_mark.index
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        properties = PROPERTIES.match(self.text, start, end) if event.anchor or event.tag else None
        if properties:
            line, column = _after(properties[0], line, column)
            start = properties.end()
        return Span(self.path, line, column, *_after(self.text[start:end].rstrip(), line, column), pointer)

    def _tag(self, event: Event) -> Span:
        """Where the tag of a node stands: before its text, and before or after its anchor."""
        found = TAG.search(self.text, event.start_mark.index)
        return span(self.path, self.text, *found.span()) if found else self._span(event, "")

    def _span(self, event: Event, pointer: str) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.path, start.line + 1, start.column + 1, end.line + 1, end.column + 1, pointer)

    def _stop(self, code: Code, where: Span, message: str, help: str) -> NoReturn:
        self.log.report(code, where, message, help=help)
        raise Rejected(self.log)


def _after(passed: str, line: int, column: int) -> tuple[int, int]:
    """The place after a stretch of text that begins at a place."""
    breaks = passed.count("\n")
    return (line + breaks, len(passed) - passed.rfind("\n")) if breaks else (line, column + len(passed))


def _escaped(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1") if "~" in key or "/" in key else key


def _moved(tree: Tree, old: str, new: str) -> Tree:
    """A copy of a tree in another place of the document: the text is the same, the pointers are not."""
    cut = len(old)

    def at(span: Span) -> Span:
        return Span(span.path, span.line, span.column, span.end_line, span.end_column, new + span.pointer[cut:])

    def moved(node: Tree) -> Tree:
        value, where = node.value, at(node.span)
        if isinstance(value, tuple):
            value = tuple([moved(item) for item in value])
        elif isinstance(value, dict):
            value = {key: moved(item) for key, item in value.items()}
        return Tree(value, where, where if node.key is node.span else at(node.key))

    return moved(tree)
