"""`-p NAME=VALUE` and `--set PATH=VALUE`: what the command line lays over a spec."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from specc.codes import S006, S101
from specc.diagnostics import Code, Log, Refusal, Span, nearest
from specc.tree import Tree, planted


def with_param(tree: Tree, name: str, value: Any, log: Log) -> Tree:
    """The tree with one of its `params` set; the tree as it is, and S006, where it has no such parameter."""
    params = tree.get("params")
    known = params.entries if params else {}
    if params is None or name not in known:
        where = _written("-p", name, value, log)
        log.refuse(_unknown_param(name, known), replace(where, column=1, end_column=1 + len(name)))
        return tree
    there = known[name]
    where = _written("-p", name, value, log, pointer=there.span.pointer)
    return _with(tree, "params", _with(params, name, replace(planted(value, where), key=there.key)))


def _unknown_param(name: str, known: Mapping[str, Tree]) -> Refusal:
    near = nearest(name, known)
    if near:
        help = f"did you mean `{near}`?"
    elif known:
        help = f"it has: {', '.join(f'`{n}`' for n in known)}"
    else:
        help = f"declare it in the spec: `params: {{{name}: …}}`"
    return Refusal(S006, f"the spec has no parameter `{name}`", help)


def with_set(tree: Tree, path: str, value: Any, log: Log) -> Tree:
    """The tree with the value at a path set; the tree as it is, and a complaint, where there is no such path."""
    setting = _Setting(path, value, log)
    try:
        if path == "extends" or path.startswith("extends."):
            setting.refuse(S101, 0, 1, "`extends` cannot be set: it has been followed already", "write it in the spec")
        return setting.within(tree, path.split("."), 0)
    except Refusal as refusal:
        where = setting.span("")
        log.refuse(refusal, replace(where, column=1 + setting.start, end_column=1 + setting.start + setting.width))
        return tree


@dataclass(slots=True)
class _Setting:
    """One `--set PATH=VALUE`; `start` and `width` say which part of PATH is at fault when it is refused."""

    path: str
    value: Any
    log: Log
    start: int = 0
    width: int = 0

    def within(self, node: Tree, parts: list[str], done: int) -> Tree:
        """A node with the value planted below it; `done` parts of the path led here."""
        if not parts:
            return self.planted(node)
        if node.is_list:
            return self.in_list(node, parts, done)
        # A key may have dots in it, like `ops.matmul`: the shortest that exists is meant.
        for length in range(1, len(parts) + 1):
            key = ".".join(parts[:length])
            if key in node:
                return _with(node, key, self.within(node[key], parts[length:], done + length))
        here = ".".join(self.path.split(".")[:done])
        if here == "params":
            refusal = _unknown_param(parts[0], node.entries)
            self.refuse(refusal.code, done, 1, refusal.message, refusal.help)
        if node.is_scalar and node.value is not None:
            rest = ".".join(parts)
            message = f"`{here}` is `{_text(node.value)}`, and has no keys"
            self.refuse(S101, done, len(parts), message, f"set it as a whole: --set '{here}={{{rest}: …}}'")
        if len(parts) > 1 and here:
            near = nearest(parts[0], node.entries)
            there = ", ".join(f"`{key}`" for key in node.entries)
            help = f"did you mean `{near}`?" if near else f"it has: {there}" if there else f"set `{here}` as a whole"
            self.refuse(S101, done, 1, f"`{here}` has no key `{parts[0]}`", help)
        # A section that the spec leaves out, like `runtime`, may be begun; a misspelt one is found with all other keys.
        value = self.value
        for part in reversed(parts[1:]):
            value = {part: value}
        return _with(node, parts[0], planted(value, self.span(node.span.pointer)))

    def in_list(self, node: Tree, parts: list[str], done: int) -> Tree:
        size = len(node.elements)
        if not parts[0].isdecimal() or int(parts[0]) >= size:
            here = ".".join(self.path.split(".")[:done])
            message = f"`{here}` is a list of {size}, and has no `{parts[0]}`"
            self.refuse(S101, done, 1, message, f"items count from 0 to {size - 1}" if size else "the list is empty")
        at = int(parts[0])
        below = self.within(node.elements[at], parts[1:], done + 1)
        return node.with_value((*node.elements[:at], below, *node.elements[at + 1 :]))

    def planted(self, node: Tree) -> Tree:
        tree = planted(self.value, self.span(node.span.pointer))
        return tree if node.key is node.span else replace(tree, key=node.key)

    def span(self, pointer: str) -> Span:
        return _written("--set", self.path, self.value, self.log, pointer=pointer)

    def refuse(self, code: Code, done: int, parts: int, message: str, help: str) -> NoReturn:
        words = self.path.split(".")
        self.start = len(".".join([*words[:done], ""]))
        self.width = len(".".join(words[done : done + parts]))
        raise Refusal(code, message, help)


def _with(node: Tree, key: str, value: Tree) -> Tree:
    return node.with_value({**node.entries, key: value})


def _written(option: str, name: str, value: Any, log: Log, *, pointer: str = "") -> Span:
    """The place of a value of the command line, in a source made of what was typed."""
    path, text = f"{option} {name}", _text(value)
    log.sources[path] = f"{name}={text}"
    return Span(path, 1, len(name) + 2, 1, len(name) + 2 + len(text), pointer)


def _text(value: Any) -> str:
    """A plain value on one line, as YAML writes it."""
    return (
        value if isinstance(value, str) and value.isprintable() else json.dumps(value, ensure_ascii=False, default=str)
    )
