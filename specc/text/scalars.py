"""What a scalar of YAML 1.2 means, by its core schema: `1e-3` is a number, and `no`, `on` and `1:30` are words."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from specc.codes import S001, S105
from specc.diagnostics import Refusal

Plain = str | int | float | bool | None

STANDARD: Final = "tag:yaml.org,2002:"

WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
SPECIAL = re.compile(r"(?P<infinite>[-+]?\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)")


@lru_cache(maxsize=4096)
def resolve(text: str) -> Plain:
    """The value of a plain scalar.

    Raises:
        Refusal: S105 for an integer that does not fit in 64 bits.
    """
    if text in WORDS:
        return WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if INTEGER.fullmatch(text):
        return _integer(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if special := SPECIAL.fullmatch(text):
        return float(text.replace(".", "")) if special["infinite"] else float("nan")
    return text


def tagged(tag: str, text: str) -> Plain:
    """The value of a scalar under a tag; `!` and `!!str` make a text of anything.

    Raises:
        Refusal: S001 for a tag that is not in the core schema, or that does not suit the text.
    """
    kind = tag.removeprefix(STANDARD)
    if kind in ("!", "str"):
        return text
    if kind not in ("int", "float", "bool", "null"):
        raise foreign(tag)
    value = resolve(text)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value).__name__ != {"null": "NoneType"}.get(kind, kind):
        raise Refusal(
            S001, f"`{text}` is no `{written(tag)}`, as its tag says", "correct the value, or leave the tag out"
        )
    return value


def foreign(tag: str) -> Refusal:
    """What there is to say about a tag that means nothing here."""
    return Refusal(
        S001,
        f"`{written(tag)}` is a tag, and a spec has no tags of that kind",
        "leave the tag out; a text that begins with `!` stands in quotes",
    )


def written(tag: str) -> str:
    """A resolved tag as a spec writes it."""
    return "!!" + tag.removeprefix(STANDARD) if tag.startswith(STANDARD) else tag


def _integer(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    digits = text[2:] if base != 10 else text
    significant = digits.lstrip("+-").lstrip("0")
    if len(significant) > 64 or abs(value := int(digits, base)) >= 2**64:
        shown = text if len(text) <= 24 else f"{text[:12]}…"
        raise Refusal(S105, f"`{shown}` does not fit in 64 bits", "write it as a float, like `1e30`, or shorter")
    return -abs(value) if text[0] == "-" else value
