"""The usual layout of a spec: two spaces a level, one after a colon, sections apart; what it means stays as it is.

The text is laid out token by token. What an author chose is kept: the order of keys, quotes, anchors, blocks or
brackets, the line breaks within brackets, and every comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.tokens import (
    AliasToken,
    AnchorToken,
    BlockEndToken,
    BlockEntryToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    DirectiveToken,
    DocumentEndToken,
    DocumentStartToken,
    FlowEntryToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    KeyToken,
    ScalarToken,
    StreamEndToken,
    StreamStartToken,
    TagToken,
    ValueToken,
)

from specc.diagnostics import Log, Rejected
from specc.text.parse import LOADER, parse
from specc.text.places import normalized, with_stand_ins
from specc.tree import Tree

STEP: Final = 2
OPENING = (FlowMappingStartToken, FlowSequenceStartToken)
CLOSING = (FlowMappingEndToken, FlowSequenceEndToken)
OWN_LINE = (DirectiveToken, DocumentStartToken, DocumentEndToken)
PROPERTY = (AnchorToken, TagToken)
HEADER = re.compile(r"([|>][-+0-9]*)[ \t]*(#[^\n]*)?")
Token = Any
"""PyYAML's stubs say that a token may have no marks."""


def layout(text: str, path: str = "spec") -> str:
    """A spec in the usual layout. What cannot be laid out without a change of meaning is given back as it is.

    Raises:
        Rejected: where the text cannot be read.
    """
    tree = _tree(text, path)
    text = normalized(text)
    if tree is None or not tree.is_mapping:
        return text
    try:
        laid = _laid(text)
        again = _tree(laid, path)
        # The types of values and the order of keys are compared too.
        same = again is not None and repr(again.plain()) == repr(tree.plain())
        return laid if same and _laid(laid) == laid else text
    except (Rejected, _UnusualError):
        return text


def _laid(text: str) -> str:
    text, restore = with_stand_ins(text)
    return _Layout(text).laid().translate(restore)


def _tree(text: str, path: str) -> Tree | None:
    log = Log()
    tree = parse(path, text, log)
    if log.errors:
        raise Rejected(log)
    return tree


class _UnusualError(Exception):
    """The text has something that no spec needs, like keys with `?`."""


@dataclass(slots=True)
class _Level:
    """A collection that is open: the column it stood in, the column it is to stand in, and whether it has brackets."""

    old: int
    new: int
    is_list: bool = False
    is_flow: bool = False
    is_indentless: bool = False


@dataclass(frozen=True, slots=True)
class _Gap:
    """What stands between two tokens: a comment behind the first, and then lines: None where blank, else a comment."""

    breaks: bool
    trailing: str
    lines: tuple[tuple[int, str] | None, ...]

    @property
    def has_comment(self) -> bool:
        return bool(self.trailing) or any(self.lines)


class _Layout:
    """The layout of one text: what is written already, the line in the making, and the levels that are open."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.levels: list[_Level] = []
        self.lines: list[str] = []
        self.line = ""
        self.last: Token = None
        self.awaits_value = False
        self.begins = False
        """The next token with a text begins a key."""
        self.heads: list[tuple[int, int]] = []
        """For each key of the root the line its comments begin on, and its own."""

    def laid(self) -> str:
        """The whole text, laid out."""
        end = 0
        before: list[_Level] = []
        for token in yaml.scan(self.text, LOADER):
            if self._structure(token):
                continue
            gap = self._gap(end, token)
            self._place(token, gap, before)
            end = token.end_mark.index
            before = list(self.levels)
        self._flush()
        laid = "\n".join(self._sections()).strip("\n")
        return laid + "\n" if laid else ""

    def _structure(self, token: Token) -> bool:
        """Open and close levels; true where that is all a token is for."""
        top = self.levels[-1] if self.levels else None
        if isinstance(token, (BlockMappingStartToken, BlockSequenceStartToken)):
            self._open(token.start_mark.column, is_list=isinstance(token, BlockSequenceStartToken))
            return True
        if isinstance(token, BlockEndToken):
            if self.levels.pop().is_indentless:
                self.levels.pop()
            return True
        if isinstance(token, KeyToken):
            if token.end_mark.index > token.start_mark.index:
                raise _UnusualError  # `? key`
            if top and top.is_indentless:
                self.levels.pop()
            self.awaits_value = self.begins = True
            return True
        if isinstance(token, BlockEntryToken) and top and not top.is_list:
            self._open(token.start_mark.column, is_list=True)
            self.levels[-1].is_indentless = True
        return isinstance(token, StreamStartToken)

    def _open(self, old: int, *, is_list: bool = False, is_flow: bool = False) -> None:
        self.levels.append(_Level(old, self.levels[-1].new + STEP if self.levels else 0, is_list, is_flow))

    def _gap(self, end: int, token: Token) -> _Gap:
        start = token.start_mark.index
        text = self.text[end:start]
        lines = text.split("\n")
        trailing = ""
        fresh = end == 0 or self.text[end - 1] == "\n"  # behind a block of text, which takes its line end
        if not fresh:
            trailing = _comment(lines.pop(0).strip())
        if not isinstance(token, StreamEndToken):
            lines = lines[:-1]  # what stands before the token on its own line
        blank = fresh and end > 0 and self.text[:end].endswith("\n\n")
        found = [(len(line) - len(line.lstrip()), _comment(line.strip())) if line.strip() else None for line in lines]
        return _Gap("\n" in text or fresh, trailing, (*([None] if blank else []), *found))

    def _place(self, token: Token, gap: _Gap, before: list[_Level]) -> None:
        """Write one token, what stands before it, and so much space as is due."""
        if gap.trailing:
            self.line += f"  {gap.trailing}" if self.line else gap.trailing
        begins, self.begins = self.begins, False
        column = self._column(token, gap, begins)
        if column is None:
            self.line += self._space(token)
        else:
            self._break(token, gap, before, column)
            if begins and len(self.levels) == 1 and not self.levels[0].is_flow:
                self._head()
            self.line = " " * column
        if isinstance(token, ValueToken):
            if not self.awaits_value:
                raise _UnusualError  # `: value`
            self.awaits_value = False
        if isinstance(token, CLOSING):
            self.levels.pop()
        if not isinstance(token, StreamEndToken):
            self._write(token)
        if isinstance(token, OPENING):
            self._open(token.start_mark.column, is_flow=True)
            if not self.levels[:-1]:
                self.levels[-1].new = STEP
            elif not self.levels[-2].is_flow:
                self.levels[-1].new += STEP
        self.last = token

    def _column(self, token: Token, gap: _Gap, begins: bool) -> int | None:
        """The column of a token that begins a line, None where it goes on with the line."""
        level = self.levels[-1] if self.levels else None
        if self.last is None or level is None or isinstance(token, (*OWN_LINE, StreamEndToken)):
            return 0
        if level.is_flow:
            inner = level.new - STEP if isinstance(token, CLOSING) else level.new
            return inner if gap.breaks else None
        if begins or isinstance(token, BlockEntryToken):
            beside = isinstance(self.last, BlockEntryToken) and not gap.has_comment and not self._follows_item(token)
            return None if beside else level.new
        if gap.has_comment:
            return level.new + STEP
        keeps = isinstance(self.last, ValueToken) and not isinstance(token, (*PROPERTY, AliasToken))
        return level.new + STEP if gap.breaks and keeps else None

    def _follows_item(self, token: Token) -> bool:
        """Is this the `-` of the next item, behind an item that is empty?"""
        return isinstance(token, BlockEntryToken) and token.start_mark.column <= self.last.start_mark.column

    def _space(self, token: Token) -> str:
        last = self.last
        if isinstance(last, (*PROPERTY, AliasToken)):
            return "" if isinstance(last, AliasToken) and isinstance(token, (FlowEntryToken, *CLOSING)) else " "
        if isinstance(last, OPENING) or isinstance(token, ValueToken):
            return ""
        # `a: ,` keeps its space: `a:,` would be another key.
        return "" if isinstance(token, (FlowEntryToken, *CLOSING)) and not isinstance(last, ValueToken) else " "

    def _break(self, token: Token, gap: _Gap, before: list[_Level], column: int) -> None:
        """End the line, and write the blank lines and comments that stand before the next."""
        self._flush()
        in_flow = bool(self.levels) and self.levels[-1].is_flow
        opens = len(self.levels) > len(before)
        for found in gap.lines:
            if found is None:
                if self.lines and self.lines[-1] and not opens:
                    self.lines.append("")
                continue
            opens = False
            old, comment = found
            # A comment belongs to the innermost collection it is indented with, where that has just ended.
            ended = [v.new for v in before if token.start_mark.column < v.old <= old and not v.is_flow]
            inner = self.levels[-1].new if in_flow else column
            self.lines.append(" " * (ended[-1] if ended and not in_flow else inner) + comment)

    def _head(self) -> None:
        head = len(self.lines)
        while head and self.lines[head - 1].startswith("#"):
            head -= 1
        self.heads.append((head, len(self.lines)))

    def _flush(self) -> None:
        if self.line:
            self.lines += [line.rstrip(" ") if "\n" not in self.line else line for line in self.line.split("\n")]
        self.line = ""

    def _write(self, token: Token) -> None:
        written = self.text[token.start_mark.index : token.end_mark.index]
        if isinstance(token, ScalarToken) and token.style in ("|", ">"):
            self._write_block(written)
        elif "\n" in written:
            level = self.levels[-1]
            first, *rest = written.split("\n")
            margin = " " * (level.new if level.is_flow else level.new + STEP)
            self.line += "\n".join([_end(first), *(_end(margin + line.lstrip(" \t")) for line in rest)])
        else:
            self.line += written.strip()

    def _write_block(self, written: str) -> None:
        """A block of text: its lines moved as one, nothing else about them changed."""
        header = HEADER.match(written)
        if header is None:
            raise _UnusualError
        level = self.levels[-1]
        body = written.split("\n")[1:]
        if digits := re.search(r"[1-9]", header[1]):
            old, new = level.old + int(digits[0]), level.new + int(digits[0])
        else:
            old = next((len(line) - len(line.lstrip(" ")) for line in body if line.strip(" ")), 0)
            new = level.new + STEP
        moved = [" " * new + line[old:] if line[old:] else "" for line in body]
        while moved and not moved[-1] and "+" not in header[1]:
            moved.pop()
        if "+" in header[1] and moved and not moved[-1]:
            moved.pop()  # what follows the last line end
        self.lines.append(self.line + header[1] + (f"  {_comment(header[2])}" if header[2] else ""))
        self.lines += moved
        self.line = ""

    def _sections(self) -> list[str]:
        """The lines, with a blank one between two keys of the root where either has more lines than one."""
        lines = list(self.lines)
        long_below = False
        stop = len(lines)
        for head, own in reversed(self.heads):
            is_long = any(line.startswith(" ") for line in lines[own:stop])
            if stop < len(lines) and (is_long or long_below) and lines[stop - 1]:
                lines.insert(stop, "")
            long_below, stop = is_long, head
        return lines


def _comment(text: str) -> str:
    """A comment with a space behind its `#`."""
    return f"# {text[1:]}" if re.match(r"#\w", text) else text


def _end(line: str) -> str:
    """A line within a quoted text without the blanks at its end, which mean nothing unless a backslash says so."""
    bare = line.rstrip(" \t")
    escaped = (len(bare) - len(bare.rstrip("\\"))) % 2 and len(bare) < len(line)
    return f"{bare} " if escaped else bare
