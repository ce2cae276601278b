"""Statements as lines of Python."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from specc.emit.alike import Assign, Note, Statement
from specc.emit.layout import INDENT, WIDTH, call, lines
from specc.emit.network import Function


def written(statements: Iterable[Statement], depth: int = 0) -> list[str]:
    done: list[str] = []
    for one in statements:
        if isinstance(one, Note):
            done += [""] if done else []
            done += [f"{INDENT * depth}# {one.text}"] if one.text else []
        elif not isinstance(one, Assign):
            done += lines(one.over, f"for {one.target} in ", ":", depth)
            done += written(one.body, depth + 1)
        elif one.target == "return":
            done += lines(one.value, "return ", "", depth)
        else:
            done += lines(one.value, f"{one.target} = " if one.target else "", "", depth)
    return done


def docstring(words: str, depth: int = 0) -> list[str]:
    """Words as a docstring, in lines that fit."""
    margin = INDENT * depth
    words = " ".join(words.split()).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if words.endswith('"'):
        words = words[:-1] + '\\"'
    if len(margin) + len(words) + 6 <= WIDTH:
        return [f'{margin}"""{words}"""']
    folded = textwrap.wrap(words, WIDTH - len(margin) - 6, break_long_words=False, break_on_hyphens=False)
    return [f'{margin}"""{folded[0]}', *(margin + line for line in folded[1:]), f'{margin}"""']


def function(one: Function, description: str) -> list[str]:
    """The definition of a block's function."""
    last = ["name"] if one.named else []
    taken = [*one.tensors, *one.required, *last, *(f"{name}={value}" for name, value in one.defaults.items())]
    head = lines(call(f"def {one.name}", [(name,) for name in taken]), after=":")
    words = description[:1].upper() + description[1:]
    told = docstring(words + ("" if words.endswith((".", "?", "!")) else "."), 1) if words else []
    return [*head, *told, *written(one.body, 1)]
