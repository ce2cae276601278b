"""`extends`: the files that a spec starts from, laid under it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from specc.codes import S003, S004, S105, S501
from specc.diagnostics import Log, Refusal, Rejected
from specc.text.files import decode, fetch
from specc.text.parse import parse
from specc.tree import Source, Tree

LONGEST_CHAIN: Final = 50
MOST_MERGES: Final = 1000


def extended(tree: Tree, source: Source, log: Log) -> Tree:
    """The tree of a file with everything under it that its `extends` leads to, and without `extends` itself."""
    return _Chain(log, source.drafts).extended(tree, (source.path,))


@dataclass(slots=True)
class _Chain:
    """The files that a spec starts from. Each is read once, however often it is extended."""

    log: Log
    drafts: Mapping[str, str]
    trees: dict[str, Tree | None] = field(default_factory=dict)
    merges: int = 0

    def extended(self, tree: Tree, chain: tuple[str, ...]) -> Tree:
        """A tree laid over what its `extends` names; `chain` are the files that led here, this one last."""
        if "extends" not in tree:
            return tree
        named = tree["extends"]
        own = tree.with_value({key: value for key, value in tree.entries.items() if key != "extends"})
        below: Tree | None = None
        for item in named.elements if named.is_list else (named,):
            try:
                base = self._base(item, chain)
            except Refusal as refusal:
                self.log.refuse(refusal, item.span)
                continue
            if base is not None:
                below = base if below is None else merged(below, base)
        return own if below is None else merged(below, own)

    def _base(self, item: Tree, chain: tuple[str, ...]) -> Tree | None:
        """What one entry of `extends` stands for, extended itself; None where its own errors are reported already."""
        if not isinstance(item.value, str) or not item.value:
            raise Refusal(S105, "`extends` takes the path of a spec, or a list of paths", "write `extends: base.yaml`")
        self.merges += 1
        if self.merges > MOST_MERGES + 1:
            return None
        if self.merges > MOST_MERGES:
            raise Refusal(S003, f"`extends` is followed more than {MOST_MERGES:,} times", "extend fewer files")
        path = os.path.normpath(os.path.join(os.path.dirname(chain[-1]), item.value))
        real = [os.path.realpath(file) for file in chain]
        identity = _identity(path)
        if identity in real:
            first = real.index(identity)
            circle = [*chain[first:], chain[first]]
            raise Refusal(S004, f"`extends` goes in a circle: {' → '.join(circle)}", "take one of these `extends` away")
        if identity not in self.trees:
            if len(chain) > LONGEST_CHAIN:
                raise Refusal(S003, f"`extends` goes more than {LONGEST_CHAIN} files deep", "extend fewer files")
            self.trees[identity] = self._read(path, item.value, chain)
        return self.trees[identity]

    def _read(self, path: str, written: str, chain: tuple[str, ...]) -> Tree | None:
        try:
            draft = self.drafts.get(_identity(path))
            text = draft if draft is not None else decode(path, fetch(path), self.log)
        except Refusal as refusal:
            if refusal.code is not S501:
                raise
            raise _not_there(refusal, written, chain) from None
        if text is None:
            return None
        errors = self.log.errors
        try:
            tree = parse(path, text, self.log)
        except Rejected:
            return None
        if tree is None or not tree.is_mapping:
            raise Refusal(S004, f"`{written}` holds no mapping that could be extended", "a spec is a mapping of keys")
        return self.extended(tree, (*chain, path)) if self.log.errors == errors else None


def merged(below: Tree, above: Tree) -> Tree:
    """Two trees laid over each other: mappings key by key, anything else replaced; `null` removes what was there."""
    if not (below.is_mapping and above.is_mapping):
        return above
    entries = dict(below.entries)
    for key, value in above.entries.items():
        if key not in entries:
            entries[key] = value
        elif value.value is None:
            del entries[key]
        else:
            entries[key] = merged(entries[key], value)
    return above.with_value(entries)


def _not_there(refusal: Refusal, written: str, chain: tuple[str, ...]) -> Refusal:
    help = refusal.help or "a path in `extends` is relative to the file in which it is written"
    if "${" in written:
        help = "write the path out: `extends` is read before `${…}` is computed"
    through = f" (extended through {' → '.join(chain)})" if len(chain) > 1 else ""
    return Refusal(S004, refusal.message + through, help)


def _identity(path: str) -> str:
    """The one name of a file, however it is reached."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # no path at all: `fetch` says so
        return path
