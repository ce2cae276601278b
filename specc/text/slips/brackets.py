"""Slips inside `{…}` and `[…]`, and of their brackets."""

from __future__ import annotations

import re

from specc.text.slips.scene import Scene, Slip, quoted, shown

ENTRY = re.compile(r"\s*(?:- |-$|[^\s#:{}\[\],]+:(?:\s|$))")
"""A line of a block: an item of a list, or a key."""
KEY = re.compile(r"[A-Za-z_][\w.]*")


def expression(scene: Scene) -> Slip | None:
    """`{units: ${filters}}`: the brace after the `$` is read as a mapping's."""
    if scene.here != "{" or scene.text[scene.at - 1 : scene.at] != "$":
        return None
    token = scene.last
    start = token.start_mark.index if token and token.end_mark.index == scene.at else scene.at - 1
    closing = scene.text.find("}", scene.at, scene.at + len(scene.line(scene.at)))
    end = closing + 1 if closing >= 0 else scene.at + 1
    written = scene.text[start:end]
    message = "inside `{…}` and `[…]`, `${…}` stands in quotes"
    plain = closing >= 0 and not re.search(r"""["'{\\]""", written[2:])
    fix = (start, end, f'"{written}"') if plain and written.startswith("${") else None
    return scene.blame(start, end - start, message, f"write {quoted(written)}", fix)


def unclosed_bracket(scene: Scene) -> Slip | None:
    """A bracket that is open at the end, before another kind of bracket, or before a line of the block around it."""
    if not scene.open:
        return None
    start = scene.open[-1]
    bracket = scene.text[start]
    partner = {"[": "]", "{": "}"}[bracket]
    message = f"this `{bracket}` is not closed"
    if scene.here and scene.here in "]}" and scene.here != partner:
        message = f"this `{bracket}` is not closed before the `{scene.here}`"
        return scene.blame(start, 1, message, f"close it with `{partner}`")
    line = scene.line(start)
    content = re.match(r"[\s-]*", line)
    left = len(content[0]) if content else 0
    if not scene.here or any(
        ENTRY.match(below) and len(below) - len(below.lstrip()) <= left
        for below in scene.text[start : scene.begin(scene.at) + len(scene.line(scene.at))].split("\n")[1:]
    ):
        return scene.blame(start, 1, message, f"close it on its line: {shown(scene.rest(start) + partner)}")
    return None


def stray_bracket(scene: Scene) -> Slip | None:
    """A closing bracket, or a comma, outside brackets."""
    if scene.open or not scene.here or scene.here not in "]},":
        return None
    if scene.here == ",":
        value = scene.rest(scene.at)
        return scene.blame(scene.at, 1, "a comma cannot stand here", f"a text goes in quotes: {quoted(value)}")
    return scene.blame(scene.at, 1, f"this `{scene.here}` closes nothing", "take it away, or open it before")


def missing_comma(scene: Scene) -> Slip | None:
    """`{units: 10 activation: relu}`, and what else cannot stand between brackets."""
    token = scene.last
    if not scene.open or token is None:
        return None
    if scene.here == ",":
        return scene.blame(scene.at, 1, "there is nothing before this comma", "take the comma away")
    if scene.here == "-":
        return scene.blame(scene.at, 1, "inside brackets a list has no dashes", "write `[a, b]`")
    start, fix = scene.at, None
    if scene.here == ":":
        words = re.search(r"\S+$", scene.text[token.start_mark.index : token.end_mark.index])
        if words is None or words.start() == 0:
            return None
        start = token.start_mark.index + words.start()
        value = scene.text[token.start_mark.index : start].rstrip()
        if not re.search(r"\s", value) and KEY.fullmatch(words[0]):
            fix = (token.start_mark.index + len(value),) * 2
    word = scene.word(start)
    message = f"a comma is missing before {shown(word)}"
    return scene.blame(start, len(word), message, f"write `, {word}`", (*fix, ",") if fix else None)
