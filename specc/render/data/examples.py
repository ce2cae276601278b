"""Examples for people: in words on a terminal, and as a page with pictures that a browser shows."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

from specc.data.portrait import Portrait
from specc.kinds.arrays import np
from specc.render.data.table import values
from specc.tensors import show

NUMBERS = 8
"""So many numbers of an example are written."""

STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{max-width:1100px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.3rem;margin-bottom:.2rem}
table{border-collapse:collapse;margin:1rem 0 2rem}
td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top;border-bottom:1px solid #8884}
th{font-weight:500;opacity:.7}
.examples{display:flex;flex-wrap:wrap;gap:1rem}
figure{margin:0;padding:.6rem;border:1px solid #8884;border-radius:8px;max-width:15rem}
img{width:13.5rem;image-rendering:pixelated;border-radius:4px;display:block;margin-bottom:.4rem}
figcaption{font-size:13px;overflow-wrap:anywhere}
b{font-weight:600}
"""


class Field(Protocol):
    """One field of some examples: a tensor `[examples, …]`, and where it is pictures each as a PNG file's bytes."""

    @property
    def name(self) -> str: ...
    @property
    def target(self) -> bool: ...
    @property
    def values(self) -> Any: ...
    @property
    def pictures(self) -> tuple[bytes, ...]: ...


def in_words(fields: Sequence[Field], words: Mapping[str, Sequence[str]]) -> str:
    """Each example in some lines, a field each."""
    lines = []
    for number in range(_count(fields)):
        lines.append(f"example {number + 1}")
        for field in fields:
            lines.append(f"  {field.name}{' (target)' if field.target else ''}: {_told(field, number, words)}")
    return "\n".join(lines)


def as_page(title: str, portrait: Portrait, fields: Sequence[Field], words: Mapping[str, Sequence[str]]) -> str:
    """One HTML document: the fields of the dataset, and the examples with their pictures."""
    rows = "".join(
        f"<tr><td>{escape(one.field.name)}{' (target)' if one.target else ''}</td>"
        f"<td>{type(one.field.feature).__name__.lower()}</td>"
        f"<td>{escape(show(one.field.feature.tensor(one.state).shape))}</td><td>{escape(values(one))}</td></tr>"
        for one in portrait.fields
    )
    figures = "".join(_figure(fields, number, words) for number in range(_count(fields)))
    splits = ", ".join(f"{count:,} {name}" for name, count in portrait.rows.items())
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>\n'
        f"<h1>{escape(title)}</h1>\n<p>{escape(splits)}</p>\n"
        f"<table><tr><th>field</th><th>is</th><th>shape</th><th>values</th></tr>{rows}</table>\n"
        f'<div class="examples">{figures}</div>\n</html>\n'
    )


def _figure(fields: Sequence[Field], number: int, words: Mapping[str, Sequence[str]]) -> str:
    pictures = "".join(
        f'<img alt="{escape(field.name)}" src="data:image/png;base64,{b64encode(field.pictures[number]).decode()}">'
        for field in fields
        if field.pictures
    )
    told = "<br>".join(
        f"<b>{escape(field.name)}</b> {escape(_told(field, number, words))}" for field in fields if not field.pictures
    )
    return f"<figure>{pictures}<figcaption>{told}</figcaption></figure>"


def _count(fields: Sequence[Field]) -> int:
    return min(len(field.values) for field in fields)


def _told(field: Field, number: int, words: Mapping[str, Sequence[str]]) -> str:
    """What a field of an example holds: the word for a class, the words of a text, some of its numbers."""
    value = np.asarray(field.values[number])
    known = words.get(field.name, ())
    if known and value.ndim == 0 and value.dtype.kind in "iu" and value < len(known):
        return f"{known[int(value)] or '(empty)'} ({int(value)})"
    numbers = value.reshape(-1)
    some = " ".join(f"{n:.4g}" for n in numbers[:NUMBERS].tolist())
    return f"{show(value.shape)} {some} …" if len(numbers) > NUMBERS else some
