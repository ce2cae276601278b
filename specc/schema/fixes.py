"""Remedies that are certain, as edits of the text that a complaint is about; None where there could be another."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from specc.diagnostics import Edit, Span
from specc.schema.wording import NUMBER, YES_AND_NO, kinds_of, missing_space, without_computed
from specc.text.spelling import meant, respelt, slips, width

WORD = re.compile(r"[A-Za-z_][\w.]*")


def respelling(span: Span, written: str, known: Iterable[str], others: Iterable[str] = ()) -> Edit | None:
    """The one known word that a misspelt one can have meant; `others` may be meant as well, and cannot stand here."""
    words, beside = set(known), set(others)
    word = meant(written, (*words, *beside))
    # `dense` beside a block `ense`: the block may be what is misspelt, however near `Dense` is.
    if word not in words or any(slips(written, other) < 2 for other in beside - words):
        return None
    return respelt(span, written, word)


def spacing(span: Span, text: str, known: Iterable[str]) -> Edit | None:
    """`units:10` as `units: 10`, where `units` is known."""
    if not missing_space(text, known) or width(span) != len(text):
        return None
    name, _, value = text.partition(":")
    return Edit(span, f"{name}: {value}")


def revaluing(span: Span, value: Any, schema: Mapping[str, Any], choices: Collection[str]) -> Edit | None:
    """A value of the wrong type, written as one of the right type: numbers in quotes, `yes`, `64.0`, one for a list."""
    kinds = kinds_of(schema)
    if isinstance(value, str):
        if width(span) == len(value) + 2 and (_is_number(value, kinds) or _is_boolean(value, kinds)):
            return Edit(span, value)
        if "boolean" in kinds and value.casefold() in YES_AND_NO and width(span) in (len(value), len(value) + 2):
            return Edit(span, YES_AND_NO[value.casefold()])
        if (word := respelling(span, value, choices)) is not None:
            return word
    if isinstance(value, float) and value.is_integer() and "integer" in kinds and width(span):
        return Edit(span, str(int(value)))
    if without_computed(schema).get("type") == "array" and _is_word(value) and width(span) == len(str(value)):
        return Edit(span, f"[{value}]")
    return None


def unlisting(span: Span, value: Any) -> Edit | None:
    """`[adam]` as `adam`, where one name is needed."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) and _is_word(value[0]) and width(span):
        return Edit(span, value[0])
    return None


def _is_number(value: str, kinds: set[str]) -> bool:
    whole = value.removeprefix("-").isdecimal() and value.isascii()
    return NUMBER.fullmatch(value) is not None and ("number" in kinds or ("integer" in kinds and whole))


def _is_boolean(value: str, kinds: set[str]) -> bool:
    return "boolean" in kinds and value in ("true", "false")


def _is_word(value: Any) -> bool:
    if isinstance(value, str):
        return WORD.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)
