"""Diagnostics as text: what is quoted is what was written, and the carets stand under it."""

from __future__ import annotations

import json
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from specc import codes
from specc.diagnostics import Diagnostic, Related, Span
from specc.render import json as as_json
from specc.render import text

LINES = st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), max_size=300)


def at(line: int, column: int, end: int, path: str = "model.yaml") -> Span:
    return Span(path, line, column, line, end, "/model/layers/0")


def quoted(found: Diagnostic, source: str, width: int = 100) -> tuple[str, str]:
    """The source line and the line of carets, without the gutter."""
    rows = text.diagnostics([found], {found.span.path: source}, width=width).splitlines()[2:4]
    return rows[0].partition("|")[2][1:], rows[1].partition("|")[2][1:]


def test_the_message_the_place_the_line_and_the_remedy():
    source = "specc: 1\nmodel:\n  layers:\n    - Dense: {unit: 64}\n"
    found = Diagnostic(codes.S103, at(4, 15, 19), "`Dense` has no argument `unit`", "did you mean `units`?")
    assert text.diagnostics([found], {"model.yaml": source}).splitlines() == [
        "S103 error: `Dense` has no argument `unit`",
        " --> model.yaml:4:15",
        "4 |     - Dense: {unit: 64}",
        "  |               ^^^^",
        "  = help: did you mean `units`?",
    ]


def test_the_line_of_the_call_stands_below_the_line_in_the_block():
    source = "\n" * 8 + "      - Conv2D: {filters: 3}\n\n\n    - conv:\n"
    found = Diagnostic(
        codes.S104, at(9, 9, 15), "`Conv2D` needs `kernel_size`", "", (Related("called here", at(12, 7, 11)),)
    )
    assert text.diagnostics([found], {"model.yaml": source}).splitlines() == [
        "S104 error: `Conv2D` needs `kernel_size`",
        "  --> model.yaml:9:9",
        " 9 |       - Conv2D: {filters: 3}",
        "   |         ^^^^^^",
        "  --> model.yaml:12:7 called here",
        "12 |     - conv:",
        "   |       ^^^^",
    ]


def test_of_many_warnings_alike_a_few_are_told_and_the_others_counted_with_their_lines():
    source = "- Dense\n" * 20
    warnings = [Diagnostic(codes.W301, at(line, 3, 8), "no activation") for line in range(1, 18)]
    errors = [Diagnostic(codes.S103, at(line, 3, 8), "no such argument") for line in range(1, 6)]
    written = text.diagnostics([*warnings, *errors], {"model.yaml": source})
    assert written.count("W301 warning: no activation") == 3
    assert written.count("S103 error: no such argument") == 5
    assert written.endswith("W301 warning: the same 14 more times, at lines 4, 5, 6, 7, 8, 9, 10, 11, … of model.yaml")


def test_one_more_warning_is_one_more_time():
    warnings = [Diagnostic(codes.W301, at(line, 3, 8), "no activation") for line in range(1, 5)]
    written = text.diagnostics(warnings, {"model.yaml": "- Dense\n" * 4})
    assert written.endswith("W301 warning: the same 1 more time, at line 4 of model.yaml")


def test_a_place_without_a_text_is_named_and_not_quoted():
    found = Diagnostic(codes.S501, at(1, 1, 1, "gone.yaml"), "there is no file `gone.yaml`")
    assert text.diagnostics([found], {}) == "S501 error: there is no file `gone.yaml`\n --> gone.yaml"


@given(before=LINES, marked=LINES.filter(bool), after=LINES, width=st.integers(40, 120))
def test_carets_stand_under_what_they_mark_and_lines_fit(before: str, marked: str, after: str, width: int):
    start = len(before) + 1
    found = Diagnostic(codes.S105, at(1, start, start + len(marked)), "wrong")
    line, carets = quoted(found, before + marked + after, width)
    indent = len(carets) - len(carets.lstrip())
    assert set(carets.strip()) == {"^"}
    assert text.cells(line) <= width - 4
    assert text.cells(carets) <= width - 3
    if text.ELLIPSIS not in line:
        assert indent == text.cells(text.printable(before))
        assert carets.count("^") == max(text.cells(text.printable(marked)), 1)


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_ever_printed(written: str):
    found = Diagnostic(codes.S105, at(1, 1, 2), written, written)
    shown = text.diagnostics([found], {"model.yaml": written})
    assert not any(unicodedata.category(c) in ("Cc", "Cf") and c != "\n" for c in shown)


@given(st.text(st.characters(categories=["L", "N", "P"], max_codepoint=0xFFFF)))
def test_a_text_takes_as_many_columns_as_rich_says(written: str):
    if not any(unicodedata.combining(c) or unicodedata.category(c) in ("Lm", "Lo") for c in written):
        assert text.cells(written) == cell_len(written)


def test_colour_adds_styles_and_no_words():
    source = "specc: 2\n"
    found = Diagnostic(codes.S107, at(1, 8, 9), "no version 2", "write `specc: 1`", (Related("here", at(1, 1, 6)),))
    plain = text.diagnostics([found], {"model.yaml": source})
    painted = text.diagnostics([found], {"model.yaml": source}, colour=True)
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == plain
    assert painted != plain


@given(words=st.lists(st.text("abc-`", min_size=1, max_size=15), min_size=1, max_size=40), width=st.integers(60, 120))
def test_on_a_terminal_messages_keep_to_its_width_and_lose_no_word(words: list[str], width: int):
    message = " ".join(words)
    found = Diagnostic(codes.S105, at(1, 1, 2), message, message)
    shown = text.diagnostics([found], {}, width=width, wrap=True)
    assert max(map(len, shown.splitlines())) <= width
    assert shown.split() == ["S105", "error:", *words, "-->", "model.yaml", "=", "help:", *words]


def test_the_last_line_counts():
    error = Diagnostic(codes.S101, at(1, 1, 2), "unknown key")
    other = Diagnostic(codes.S101, at(1, 1, 2, "other.yaml"), "unknown key")
    warning = Diagnostic(codes.S206, at(2, 1, 2), "unused")
    assert text.tally([error]) == "1 error in model.yaml"
    assert text.tally([error, error, warning]) == "2 errors and 1 warning in model.yaml"
    assert text.tally([error, other]) == "2 errors in 2 files"
    assert text.tally([Diagnostic(codes.S006, at(1, 1, 2, "-p width"), "unknown")]) == "1 error on the command line"


def test_json_names_every_part_of_a_diagnostic():
    found = Diagnostic(codes.S103, at(4, 15, 19), "`Dense` has no argument `unit`", "did you mean `units`?")
    assert json.loads(as_json.diagnostics([found])) == {
        "version": 1,
        "diagnostics": [
            {
                "path": "model.yaml",
                "line": 4,
                "column": 15,
                "end_line": 4,
                "end_column": 19,
                "code": "S103",
                "severity": "error",
                "message": "`Dense` has no argument `unit`",
                "help": "did you mean `units`?",
                "pointer": "/model/layers/0",
            }
        ],
    }
