"""A text of YAML to a tree. The grammar is libyaml's, or PyYAML's own where that is not built in."""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

import yaml

from specc.codes import S001
from specc.diagnostics import Edit, Log, Rejected, Span
from specc.text import slips
from specc.text.composer import Composer
from specc.text.files import LARGEST, too_large
from specc.text.places import normalized, span, with_stand_ins
from specc.tree import Tree

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

UNPRINTABLE = re.compile("[\0-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""What YAML has no place for, named and not left over: Python takes 10 ms to prepare the complement."""


def parse(path: str, text: str, log: Log) -> Tree | None:
    """The one document of a text as a tree, or None where there is nothing but comments.

    Keys that stand twice, unknown tags and the like gather in `log`; the text is kept in `log.sources` under its path.

    Raises:
        Rejected: where nothing can be made of the text, S001, or too much, S003.
    """
    text = log.sources[path] = normalized(text)
    if len(text) > LARGEST:
        log.refuse(too_large(), Span(path, 1, 1, 1, 1))
        raise Rejected(log)
    if wrong := UNPRINTABLE.search(text):
        _stop(
            log,
            span(path, text, wrong.start(), wrong.end()),
            f"the character U+{ord(wrong[0]):04X} cannot stand in YAML",
            'take it out; inside double quotes it can be written `"\\x..`" with its code'
            if ord(wrong[0]) < 0xA0
            else "take it out",
        )
    text, restore = with_stand_ins(text)
    try:
        return Composer(path, text, log, LOADER, restore).document()
    except yaml.MarkedYAMLError as error:
        slip = slips.find(text, error, LOADER)
        fix = Edit(span(path, text, *slip.fix[:2]), slip.fix[2]) if slip.fix else None
        _stop(log, span(path, text, slip.start, slip.end), slip.message, slip.help, fix)


def _stop(log: Log, where: Span, message: str, help: str, fix: Edit | None = None) -> NoReturn:
    log.report(S001, where, message, help=help, fix=fix)
    raise Rejected(log) from None
