"""YAML to trees: every key and value with its place, keys that stand twice, merge keys, and bounded expansion.

The grammar is libyaml's (or PyYAML's, where that is not built in): its events are composed here, because PyYAML's own
composer drops duplicate keys in silence, recurses, and follows aliases without end.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

import yaml

from specc.codes import S001
from specc.diagnostics import Log, Rejected, Span
from specc.text import slips
from specc.text.composer import Composer
from specc.text.files import LARGEST, too_large
from specc.text.places import normalized, span
from specc.tree import Tree

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
OLD_BREAKS = ("\x85", "\u2028", "\u2029")
"""Line breaks in YAML 1.1, characters like any other in 1.2. libyaml reads 1.1."""


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
    restore: dict[int, str] = {}
    for old in OLD_BREAKS:
        if old in text:
            unused = next(c for c in map(chr, range(0xE000, 0xF8FF)) if c not in text)
            restore[ord(unused)] = old
            text = text.replace(old, unused)
    try:
        return Composer(path, text, log, LOADER, restore).document()
    except yaml.MarkedYAMLError as error:
        slip = slips.find(text, error, LOADER)
        _stop(log, span(path, text, slip.start, slip.end), slip.message, slip.help)


def _stop(log: Log, where: Span, message: str, help: str) -> NoReturn:
    log.report(S001, where, message, help=help)
    raise Rejected(log) from None
