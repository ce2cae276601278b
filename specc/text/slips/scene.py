"""Where a parser stopped in a text, and what it had read until then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml
from yaml.tokens import (
    BlockEndToken,
    BlockMappingStartToken,
    BlockSequenceStartToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    ScalarToken,
    Token,
)

OPENING = (FlowMappingStartToken, FlowSequenceStartToken)
CLOSING = (FlowMappingEndToken, FlowSequenceEndToken)
WITHOUT_TEXT = (BlockMappingStartToken, BlockSequenceStartToken, BlockEndToken)
EXCERPT: Final = 40


@dataclass(frozen=True, slots=True)
class Slip:
    """What to blame, as two indices into the text, and what to say about it.

    `fix` is the remedy where it is certain: two indices, and what is to stand between them.
    """

    start: int
    end: int
    message: str
    help: str
    fix: tuple[int, int, str] | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A text, where and why the parser stopped, and the tokens before that.

    `why` is the parser's own account, for telling errors apart only; `since` is where what it was reading began.
    """

    text: str
    at: int
    since: int
    why: str
    tokens: list[Token]

    @property
    def here(self) -> str:
        """The character at the stop, empty at the end of the text."""
        return self.text[self.at : self.at + 1]

    @property
    def last(self) -> Token | None:
        """The last token before the stop that has a text."""
        return self.tokens[-1] if self.tokens else None

    @property
    def open(self) -> list[int]:
        """Where the brackets stand that are open at the stop, outermost first."""
        brackets: list[int] = []
        for token in self.tokens:
            if isinstance(token, OPENING):
                brackets.append(token.start_mark.index)
            elif isinstance(token, CLOSING) and brackets:
                brackets.pop()
        return brackets

    def begin(self, index: int) -> int:
        """Where the line of an index begins."""
        return self.text.rfind("\n", 0, index) + 1

    def line(self, index: int) -> str:
        """The line of an index."""
        stop = self.text.find("\n", index)
        return self.text[self.begin(index) : stop if stop >= 0 else None]

    def number(self, index: int) -> int:
        """The number of the line of an index, from 1."""
        return self.text.count("\n", 0, index) + 1

    def column(self, index: int) -> int:
        """How many characters stand before an index on its line."""
        return index - self.begin(index)

    def indent(self, index: int) -> int:
        """By how much the line of an index is indented."""
        line = self.line(index)
        return len(line) - len(line.lstrip(" "))

    def rest(self, index: int) -> str:
        """What stands from an index to the end of its line, without a comment."""
        line = self.line(index)[self.column(index) :]
        return re.split(r"\s#", line, maxsplit=1)[0].rstrip()

    def value(self, index: int) -> str:
        """The rest of the line; within brackets, up to the next comma or bracket."""
        rest = self.rest(index)
        return (re.split(r"[,\]}]", rest, maxsplit=1)[0].rstrip() or rest[:1]) if self.open else rest

    def word(self, index: int) -> str:
        """The word at an index, or the one character that stands there."""
        found = re.compile(r"[^\s,\[\]{}:#]+").match(self.text, index)
        return found[0] if found else self.text[index : index + 1]

    def blame(self, start: int, length: int, message: str, help: str, fix: tuple[int, int, str] | None = None) -> Slip:
        return Slip(start, start + length, message, help, fix)


def tokens_before(text: str, stop: int, loader: Any) -> list[Token]:
    """The tokens with a text that end before an index; fewer, where the text cannot be told into tokens."""
    tokens: list[Token] = []
    try:
        for token in yaml.scan(text, loader):
            if token.end_mark.index > stop or token.start_mark.index >= stop:
                break
            if token.end_mark.index > token.start_mark.index and not isinstance(token, WITHOUT_TEXT):
                tokens.append(token)
    except yaml.YAMLError:
        pass  # the error that is being explained
    return tokens


def quoted(text: str) -> str:
    """A text as it is to be written in quotes."""
    if len(text) > EXCERPT:
        text = f"{text[:EXCERPT]}…"
    return f'"{text}"' if '"' not in text and "\\" not in text else "'" + text.replace("'", "''") + "'"


def shown(text: str) -> str:
    """A piece of a spec as a message quotes it."""
    return f"`{text}`" if len(text) <= EXCERPT else f"`{text[:EXCERPT]}…`"


def is_quoted(token: Token) -> bool:
    """Is this a text in quotes?"""
    return isinstance(token, ScalarToken) and token.style in ("'", '"')


def spaces(number: int) -> str:
    return f"{number} space{'s' * (number != 1)}"
