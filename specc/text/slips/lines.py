"""Slips of lines: a colon or a space left out, keys and items at the wrong indentation, text left over."""

from __future__ import annotations

import re

from yaml.tokens import BlockEntryToken, DocumentEndToken, ScalarToken

from specc.text.slips.scene import Scene, Slip, quoted, shown, spaces

NO_SPACE = re.compile(r"""(["']?[A-Za-z_][\w.-]*["']?):(?=[^\s:/])""")
NO_SPACE_ITEM = re.compile(r"-(?=[^\s-])")
NAME = re.compile(r"[A-Za-z_][\w.]*")
LEFT = re.compile(r"\s*(?:-\s+)*")


def list_on_key_line(scene: Scene) -> Slip | None:
    """`layers: - ReLU`."""
    if "sequence entries are not allowed" not in scene.why:
        return None
    items = scene.rest(scene.at + 1).strip() or "…"
    return scene.blame(
        scene.at, 1, "a list with dashes begins on a line of its own", f"write `[{items}]`, or go to the next line"
    )


def item_without_space(scene: Scene) -> Slip | None:
    """`-Dense: 10`."""
    for start in (_runaway(scene), scene.at):
        if start is not None and NO_SPACE_ITEM.match(scene.rest(start)) and not _before(scene, start):
            item = scene.rest(start)
            # `-1` may be a number that lacks its dash.
            fix = (start + 1, start + 1, " ") if item[1].isalpha() else None
            message, help = "a space is missing behind the dash", f"write {shown(f'- {item[1:]}')}"
            return scene.blame(start, 1, message, help, fix)
    return None


def key_without_space(scene: Scene) -> Slip | None:
    """`units:10`, which is a text and no key."""
    start = _runaway(scene)
    if start is None or _before(scene, start):
        return None
    written = scene.rest(start)
    if (key := NO_SPACE.match(written)) is None:
        return None
    correct = f"{key[0]} {written[key.end() :]}"
    fix = (start + key.end(), start + key.end(), " ")
    return scene.blame(start, len(written), "a space is missing behind the colon", f"write {shown(correct)}", fix)


def too_deep(scene: Scene) -> Slip | None:
    """A key or an item below a line that has its value already."""
    start = _runaway(scene)
    if start is None or "simple key" in scene.why:
        return None
    line, number = scene.line(start), scene.number(start)
    below = scene.begin(scene.at) + scene.indent(scene.at)
    if scene.text.startswith("- ", below):
        is_item = line.lstrip().startswith("- ")
        how = f"indent it by {spaces(scene.indent(start))}, as line {number}" if is_item else "give the list a key"
        return scene.blame(below, 1, f"this item stands inside line {number}, which has its value already", how)
    if not _before(scene, start):
        return None
    left = _left(line)
    word, above = scene.word(below), scene.word(scene.begin(start) + left)
    return scene.blame(
        below,
        len(word),
        f"{shown(word)} is indented deeper than {shown(above)}, which has its value already",
        f"indent it by {spaces(left)}, as {shown(above)} on line {number}",
    )


def bare_name(scene: Scene) -> Slip | None:
    """`- Add` with `inputs: …` below it, `model` with `layers:` below it, or a word alone among keys."""
    start = _runaway(scene)
    if start is None:
        return None
    name = scene.rest(start)
    lower = scene.indent(scene.at) > scene.indent(start)
    fix = None
    if lower or "simple key" not in scene.why:
        message, help = f"{shown(name)} has keys below it, and no colon", f"write {shown(f'{name}:')}"
        if lower and NAME.fullmatch(name):
            fix = (start + len(name), start + len(name), ":")
    else:
        message = f"{shown(name)} stands among keys, and has no colon"
        help = f"write {shown(f'{name}: …')}, or take it away"
    return scene.blame(start, len(name), message, help, fix)


def second_colon(scene: Scene) -> Slip | None:
    """`description: a net: small`."""
    if scene.here != ":" or not isinstance(token := scene.last, ScalarToken):
        return None
    start = token.start_mark.index
    if "\n" in scene.text[token.end_mark.index : scene.at]:
        return None
    if scene.at - start > 1024:
        return scene.blame(start, scene.at - start, "a key has at most 1,024 characters", "shorten it")
    if not _before(scene, start) and not scene.open:
        return None
    message = "a second colon: a text with `: ` in it stands in quotes"
    return scene.blame(scene.at, 1, message, f"if this is a text, write {quoted(scene.value(start))}")


def left_over(scene: Scene) -> Slip | None:
    """Something behind a value that had ended on the same line."""
    token = scene.last
    if token is None or not scene.here or "\n" in scene.text[token.end_mark.index : scene.at]:
        return None
    rest = scene.rest(scene.at)
    before = scene.text[token.start_mark.index : token.end_mark.index]
    message = f"{shown(rest)} is left over behind {shown(before)}"
    return scene.blame(scene.at, len(rest), message, "take it away, or quote the whole value")


def among_items(scene: Scene) -> Slip | None:
    """A key where an item of a list is due."""
    if "block collection" not in scene.why or not scene.here:
        return None
    rest, first = scene.rest(scene.at), scene.number(scene.since)
    if scene.column(scene.at) <= scene.column(scene.since):
        message = f"{shown(scene.word(scene.at))} stands among the items of the list that begins on line {first}"
        help = f"write {shown(f'- {rest}')}, or indent it as part of the item above"
        return scene.blame(scene.at, len(scene.word(scene.at)), message, help)
    return _misplaced(scene)


def among_keys(scene: Scene) -> Slip | None:
    """An item, a colon, or a key at a wrong indentation, where a key is due."""
    if "block mapping" not in scene.why or not scene.here:
        return None
    if scene.here == ":":
        return scene.blame(scene.at, 1, "there is no key before this colon", "write one, or take the colon away")
    if not scene.text.startswith("- ", scene.at):
        return _misplaced(scene)
    message = f"a list item stands among the keys of the mapping that begins on line {scene.number(scene.since)}"
    item = next((t.start_mark.index for t in reversed(scene.tokens) if isinstance(t, BlockEntryToken)), None)
    if item is None or scene.column(item) == scene.column(scene.at):
        return scene.blame(scene.at, 1, message, "a list has a key of its own, as `layers:` has, and stands below it")
    how = f"indent it by {spaces(scene.column(item))}, as the item on line {scene.number(item)}"
    return scene.blame(scene.at, 1, message, how)


def first_line(scene: Scene) -> Slip | None:
    """The first key is indented and the next is not, or text follows `...`."""
    if "document start" not in scene.why or not scene.tokens:
        return None
    if isinstance(scene.last, DocumentEndToken):
        word = scene.word(scene.at)
        return scene.blame(scene.at, len(word), "`...` ends the document, and text follows it", "take the `...` away")
    start = scene.tokens[0].start_mark.index
    word = scene.word(start)
    if not scene.column(start):
        return None
    fix = (
        (scene.begin(start), start, "")
        if word == "specc" and not scene.line(start)[: scene.column(start)].strip()
        else None
    )
    message = f"{shown(word)} is indented, and the keys after it are not"
    return scene.blame(start, len(word), message, "begin it in the first column", fix)


def anything(scene: Scene) -> Slip:
    """What no other function knows."""
    if not scene.here:
        end = len(scene.text.rstrip())
        return scene.blame(max(end - 1, 0), 1, "the text ends where more is needed", "finish the last line")
    word = scene.word(scene.at)
    return scene.blame(scene.at, len(word), f"{shown(word)} cannot stand here", "put a text in quotes, or take it away")


def _runaway(scene: Scene) -> int | None:
    """Where a text began that should have ended on its line: it is no key, or has its value already.

    Without quotes it ran on, until a colon showed that something was wrong; or a comment ended it before that.
    """
    if "simple key" in scene.why:
        return scene.since
    token = scene.last
    if not isinstance(token, ScalarToken) or scene.number(scene.at) == scene.number(token.start_mark.index):
        return None
    start = int(token.start_mark.index)
    if "mapping values are not allowed" in scene.why:
        return start if token.plain else None
    if not any(due in scene.why for due in ("block mapping", "block collection", "document start")):
        return None
    column, left = scene.column(scene.at), _left(scene.line(start))
    if _before(scene, start):
        return start if column > left else None
    beside_dash = left > scene.indent(start) and column > scene.indent(start)
    return start if token.plain and (column >= left or beside_dash) else None


def _left(line: str) -> int:
    """How many characters stand before the first word of a line, dashes among them."""
    found = LEFT.match(line)
    return found.end() if found else 0


def _before(scene: Scene, index: int) -> str:
    """What stands before an index on its line, indentation and dashes aside."""
    line = scene.line(index)
    return line[_left(line) : scene.column(index)]


def _misplaced(scene: Scene) -> Slip:
    """A line whose indentation is that of nothing above it, and what it could have been."""
    at = scene.column(scene.at)
    levels: dict[int, str] = {}
    number = scene.number(scene.at)
    for line in reversed(scene.text[: scene.begin(scene.at)].split("\n")[:-1]):
        number -= 1
        left = _left(line)
        if line[left : left + 1] not in ("", "#") and left < min(levels, default=left + 1):
            word = re.split(r"[:\s]", line[left:], maxsplit=1)[0]
            levels[left] = f"as {shown(word)} on line {number}"
        if left <= at and levels:
            break
    near = sorted(levels, reverse=True)[-2:]
    word = scene.word(scene.at)
    return scene.blame(
        scene.at,
        len(word),
        f"{shown(word)} is indented by {spaces(at)}, and nothing above it begins there",
        "indent it " + ", or ".join(f"by {spaces(left)}, {levels[left]}" for left in near),
    )
