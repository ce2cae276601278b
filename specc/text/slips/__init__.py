"""What a syntax error most likely is, in words, and what to write instead.

libyaml stops where it can no longer go on, which is often lines after the slip. Each function of this folder knows one
slip: it looks at the text and the tokens before the stop and answers with the character to blame, or with None. The
first answer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import yaml

from specc.text.slips import brackets, characters, lines
from specc.text.slips.scene import Scene, Slip, tokens_before

__all__ = ["Slip", "find"]

KNOWN: Final[tuple[Callable[[Scene], Slip | None], ...]] = (
    characters.tab,
    characters.escape,
    characters.unclosed_quote,
    characters.after_quote,
    brackets.expression,
    brackets.unclosed_bracket,
    brackets.stray_bracket,
    characters.forbidden_start,
    brackets.missing_comma,
    lines.first_line,
    lines.list_on_key_line,
    lines.item_without_space,
    lines.key_without_space,
    lines.too_deep,
    lines.bare_name,
    lines.second_colon,
    lines.left_over,
    lines.among_items,
    lines.among_keys,
)


def find(text: str, error: yaml.MarkedYAMLError, loader: Any) -> Slip:
    """The slip behind a syntax error in a normalized text that `loader` reads."""
    problem = error.problem_mark or error.context_mark
    since = error.context_mark or problem
    if problem is None or since is None:  # no place at all: PyYAML knows no such error of syntax
        return Slip(0, 0, "this is not YAML", "")
    why = f"{error.context or ''}: {error.problem or ''}"
    scene = Scene(text, problem.index, since.index, why, tokens_before(text, problem.index, loader))
    return next((slip for know in KNOWN if (slip := know(scene))), None) or lines.anything(scene)
