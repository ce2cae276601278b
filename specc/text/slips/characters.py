"""Slips at one character: tabs, characters that no value begins with, escapes, quotes."""

from __future__ import annotations

import re

from specc.text.slips.scene import Scene, Slip, is_quoted, quoted, shown


def tab(scene: Scene) -> Slip | None:
    """A tab among the spaces that a line begins with, or behind a dash with keys on its line."""
    indentation = re.match(r"[ \t]*", scene.line(scene.at))
    before = indentation[0] if indentation else ""
    if scene.here == "\t" and scene.text[: scene.at].rstrip(" ").endswith("-"):
        width = len(scene.rest(scene.at)) - len(scene.rest(scene.at).lstrip("\t "))
        return scene.blame(scene.at, width, "a tab stands behind the dash", "put a space there")
    if "\t" not in before or scene.open or "quoted" in scene.why:
        return None
    start = scene.begin(scene.at) + before.index("\t")
    width = len(before) - before.index("\t")
    return scene.blame(start, width, "a tab stands in the indentation", "indent with spaces; YAML allows no tabs there")


def forbidden_start(scene: Scene) -> Slip | None:
    """`@home`, `%5`, `*.csv`, `& co`, `!important`, `>0.5`: signs that mean something where a value begins."""
    if "directive" in scene.why or "incompatible" in scene.why:
        start = scene.begin(scene.since)
        message = "a line that begins with `%` is for YAML itself"
        return scene.blame(start, len(scene.rest(start)), message, "take the line away")
    if "cannot start any token" in scene.why and scene.here:
        start, message = scene.at, f"a value cannot begin with `{scene.here}`"
    elif "scanning an alias" in scene.why:
        start, message = scene.since, "`*` refers to an anchor, and what follows is not the name of one"
    elif "scanning an anchor" in scene.why:
        start, message = scene.since, "`&` names an anchor, and what follows is not a name"
    elif "a tag" in scene.why or "tag handle" in scene.why:
        start, message = scene.since, "`!` begins a tag, and a spec has no tags of that kind"
    elif "scanning a block scalar" in scene.why:
        start = scene.since
        message = f"`{scene.text[start]}` begins a text that stands on the lines below it"
    else:
        return None
    value = scene.value(start)
    return scene.blame(start, len(value), message, f"put a text in quotes: {quoted(value)}")


def escape(scene: Scene) -> Slip | None:
    """`"C:\\data"`, in which `\\d` is read as an escape."""
    if "quoted" not in scene.why or not ("escape" in scene.why or "hex" in scene.why):
        return None
    start = scene.text.rfind("\\", scene.since, scene.at + 1)
    written = scene.text[start : start + 2]
    return scene.blame(
        start,
        2,
        f"`{written}` means nothing in double quotes, where a backslash begins an escape",
        f"write `\\{written}`, or use single quotes, in which a backslash is a backslash",
    )


def unclosed_quote(scene: Scene) -> Slip | None:
    """`name: "digits`, up to the end of the text or to the next quote in it."""
    if "quoted scalar" in scene.why:
        start = scene.since
    elif (token := scene.last) and is_quoted(token) and token.start_mark.line < token.end_mark.line:
        # It was closed by the opening quote of another text, and what follows made no sense.
        start = token.start_mark.index
        if scene.number(scene.at) != token.end_mark.line + 1 and "simple key" not in scene.why:
            return None
    else:
        return None
    whole = re.match(r"(?:\$\{[^}]*\}|[^,\]}])*" if scene.open else r".*", scene.rest(start + 1))
    value = whole[0].rstrip() if whole else ""
    quote = scene.text[start]
    return scene.blame(start, 1, "this quote is not closed", f"close it: {shown(f'{quote}{value}{quote}')}")


def after_quote(scene: Scene) -> Slip | None:
    """`'it's'`, `"a" b`: something behind a closing quote."""
    token = scene.last
    if token is None or not is_quoted(token) or "\n" in scene.text[token.end_mark.index : scene.at] or not scene.here:
        return None
    start, end = token.start_mark.index, token.end_mark.index
    word = scene.word(scene.at)
    if scene.at > end:
        if scene.open or scene.here in ",]}:":
            return None
        whole = scene.text[start + 1 : end - 1] + scene.text[end : scene.at] + scene.rest(scene.at)
        message = f"{shown(word)} stands behind the closing quote"
        return scene.blame(scene.at, len(word), message, f"put all of the value in quotes: {quoted(whole)}")
    if scene.here in ",]}:":
        return None
    if scene.text[start] == "'":
        message = f"this quote ends the text, and {shown(word)} is left over"
        return scene.blame(end - 1, 1, message, "inside single quotes an apostrophe is written twice: `''`")
    message = f"the text in these quotes ends before {shown(word)}"
    help = 'one quote is missing or too many; a quote inside the text is written `\\"`'
    return scene.blame(start, end - start, message, help)
