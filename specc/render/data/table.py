"""What data is like, for people: rows of each split, and a table of the fields."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from specc.data.portrait import Likeness, Portrait
from specc.tensors import show

LISTED = 4
"""How many columns of one field are listed."""

SHOWN = 4
"""How many values are named with their shares."""


def as_table(portrait: Portrait) -> Group:
    """The portrait of a dataset as rich shows it."""
    rows = sum(portrait.rows.values())
    splits = ", ".join(f"{count:,} {name}" for name, count in portrait.rows.items())
    head = Text.assemble((f"{rows:,} rows", "bold"), f": {splits}")
    if not portrait.whole:
        head.append("; these are the first ones, --full looks at all", "dim")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("field", "column", "is", "becomes", "missing", "values"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "missing" else "left")
    for one in portrait.fields:
        feature = one.field.feature
        tensor = feature.tensor(one.state)
        name = f"[green]{escape(one.field.name)}[/green] [dim]target[/dim]" if one.target else escape(one.field.name)
        table.add_row(
            name,
            escape(_columns(one.field.columns)),
            type(feature).__name__.lower(),
            f"{tensor.dtype or '?'} {show(tensor.shape)}",
            f"{one.missing:,}" if one.missing else "",
            escape(values(one)),
        )
    return Group(head, "", table, *([""] if _notes(portrait) else []), *_notes(portrait))


def _columns(names: Sequence[str]) -> str:
    """The columns of a field, of many the first and the last."""
    if len(names) <= LISTED:
        return ", ".join(names)
    return f"{names[0]}, {names[1]}, … {names[-1]} ({len(names):,})"


def values(one: Likeness) -> str:
    """What a field holds, in a few words."""
    if one.state.get("files"):
        return "files"
    if one.counts:
        total, common = one.counts.total(), one.counts.most_common(SHOWN)
        shares = ", ".join(f"{value or '(empty)'} {count / total:.0%}" for value, count in common)
        more = len(one.counts) - len(common)
        if common[0][1] == 1 and more:
            return f"{len(one.counts):,} different values"
        return f"{len(one.counts):,}: {shares}" + (f", {more:,} more" if more else "")
    if one.moments is not None and one.moments.count:
        m = one.moments
        return f"{m.least:.4g} to {m.greatest:.4g}, mean {m.mean:.4g}, deviation {m.deviation:.4g}"
    return "more different values than are counted" if one.counts is None else ""


def _notes(portrait: Portrait) -> list[Text]:
    # On one line, as messages are: a path that is broken is no path any more.
    return [Text(line, "yellow", no_wrap=True, overflow="ignore") for line in portrait.skipped] + [
        Text(f"{count:,} {split} rows have the same inputs as a training row", "yellow")
        for split, count in (portrait.repeated or {}).items()
        if count
    ]
