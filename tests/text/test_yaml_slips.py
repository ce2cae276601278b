"""A syntax error names the slip, points at it, and says what to write instead."""

from __future__ import annotations

from contextlib import suppress

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from yaml_texts import fault, some, told

from specc.diagnostics import Log, Rejected
from specc.passes.read import read
from specc.text import slips
from specc.text.places import normalized, place
from specc.tree import Source

HEAD = "specc: 1\nmodel:\n  layers:\n"
"""Three lines, so that a slip begins on line 4."""

SLIPS = [
    # A bare name with keys below it.
    ("    - Add\n      inputs: [a, b]\n", 4, 7, "Add", "write `Add:`"),
    (
        "    - BatchNormalization\n        name: x\n    - ReLU\n",
        4,
        7,
        "BatchNormalization",
        "write `BatchNormalization:`",
    ),
    ("    - ReLU\nruntime\n  strategy: cpu\n", 5, 1, "runtime", "write `runtime:`"),
    ("    - ReLU\nruntime\nseed: 7\n", 5, 1, "runtime", "`runtime: …`"),
    ("    - Add  # both\n      inputs: [a, b]\n", 4, 7, "Add", "write `Add:`"),
    ("    - Add\n\n      # both\n      inputs: [a, b]\n", 4, 7, "Add", "write `Add:`"),
    ("    - ReLU\nruntime  # where\n  strategy: cpu\n", 5, 1, "runtime", "write `runtime:`"),
    # Spaces and tabs.
    ("\t- ReLU\n", 4, 1, "\t", "spaces"),
    ("  \t  - ReLU\n", 4, 3, "\t  ", "spaces"),
    ("    - ReLU\n\t- Dense: 3\n", 5, 1, "\t", "spaces"),
    ("    - Dense:\n        units: 3\n        \tactivation: relu\n", 6, 9, "\t", "spaces"),
    ("    - ReLU\nseed:7\n", 5, 1, "seed:7", "write `seed: 7`"),
    ("    - ReLU\nname:digits\nseed: 7\n", 5, 1, "name:digits", "write `name: digits`"),
    ("    - Dense:\n        units:10\n        activation: relu\n", 5, 9, "units:10", "write `units: 10`"),
    ("    - Dense:\n        units:10  # c\n        activation: relu\n", 5, 9, "units:10", "write `units: 10`"),
    ("    - ReLU\n    -Dense: 3\n", 5, 5, "-", "write `- Dense: 3`"),
    ("    -ReLU\n    -Dense: 3\n", 4, 5, "-", "write `- ReLU`"),
    # Quotes.
    ('    - ReLU\nname: "digits\nseed: 7\n', 5, 7, '"', 'close it: `"digits"`'),
    ("    - ReLU\nname: 'digits\nseed: 7\n", 5, 7, "'", "close it: `'digits'`"),
    ('    - ReLU\nname: "digits\ndescription: "a net"\n', 5, 7, '"', 'close it: `"digits"`'),
    ('    - Dense: {units: "${width}, activation: relu}\n    - ReLU\n', 4, 22, '"', 'close it: `"${width}"`'),
    ("    - ReLU\ndescription: 'it's small'\n", 5, 17, "'", "twice: `''`"),
    ('    - ReLU\nname: "a" b\n', 5, 11, "b", 'quotes: "a b"'),
    ('    - ReLU\nname: "C:\\data"\n', 5, 10, "\\d", "write `\\\\d`"),
    ('    - Dense: {units: 1, name: "a, activation: "relu"}\n', 4, 31, '"a, activation: "', "one quote is missing"),
    # Brackets.
    ("    - Conv2D: {filters: 32, kernel_size: 3\n    - ReLU\n", 4, 15, "{", "`{filters: 32, kernel_size: 3}`"),
    ("    - Conv2D: {filters: 32, kernel_size: 3\n      name: x\n", 4, 15, "{", "`{filters: 32, kernel_size: 3}`"),
    ("    - Reshape: [7, 7, 64\n", 4, 16, "[", "`[7, 7, 64]`"),
    ("    - Reshape: [7, 7, 64\ntraining: {epochs: 1}\n", 4, 16, "[", "`[7, 7, 64]`"),
    ("    - Reshape: [7, 7}\n", 4, 16, "[", "close it with `]`"),
    ("    - Conv2D: {filters: 8, kernel_size: [3, 3}\n", 4, 41, "[", "close it with `]`"),
    ("    - Reshape: [7, 7]]\n", 4, 22, "]", "take it away"),
    ("    - Dense: {units: 7}}\n", 4, 24, "}", "take it away"),
    ("    - Dense: {units: 10 activation: relu}\n", 4, 25, "activation", "write `, activation`"),
    ("    - Dense: {name: 'a' activation: relu}\n", 4, 25, "activation", "write `, activation`"),
    ("    - Dense:\n        {units: 10\n         activation: relu}\n", 6, 10, "activation", "write `, activation`"),
    ("    - Add: [{a: 1} {b: 2}]\n", 4, 20, "{", "write `, {`"),
    ("    - Reshape: [, 7]\n", 4, 17, ",", "take the comma away"),
    ("    - Reshape: [- 7]\n", 4, 17, "-", "write `[a, b]`"),
    # Expressions within brackets.
    ("    - Dense: {units: ${width}}\n", 4, 22, "${width}", 'write "${width}"'),
    ("    - Reshape: [${a}, 2]\n", 4, 17, "${a}", 'write "${a}"'),
    ("    - Dense: {name: dense_${i}, units: 3}\n", 4, 21, "dense_${i}", 'write "dense_${i}"'),
    # Values that begin with a sign.
    ("    - Dense: {name: @home}\n", 4, 21, "@home", '"@home"'),
    ("    - ReLU\nname: `x`\n", 5, 7, "`x`", '"`x`"'),
    ("    - ReLU\nname: %x  # c\n", 5, 7, "%x", '"%x"'),
    ("    - ReLU\ndata: *.csv\n", 5, 7, "*.csv", '"*.csv"'),
    ("    - ReLU\ndata: **/*.csv\n", 5, 7, "**/*.csv", '"**/*.csv"'),
    ("    - ReLU\nname: & co\n", 5, 7, "& co", '"& co"'),
    ("    - ReLU\nname: !a!b c\n", 5, 7, "!a!b c", '"!a!b c"'),
    ("    - ReLU\nname: >0.5\n", 5, 7, ">0.5", '">0.5"'),
    ("    - ReLU\nname: |x\n", 5, 7, "|x", '"|x"'),
    ("    - ReLU\nname: ]x\n", 5, 7, "]", "take it away"),
    ("    - ReLU\nname: ,x\n", 5, 7, ",", '",x"'),
    ("    - ReLU\n%TAG x\n", 5, 1, "%TAG x", "take the line away"),
    # Colons.
    ("    - ReLU\ndescription: a net: small\n", 5, 19, ":", 'write "a net: small"'),
    ("    - Dense: {name: a: b}\n", 4, 22, ":", "write"),
    ("    - ReLU\n: b\n", 5, 1, ":", "colon"),
    # Lists and indentation.
    ("    - ReLU\nmetrics: - accuracy\n", 5, 10, "-", "write `[accuracy]`"),
    ("    - ReLU\n      - Dense: 3\n", 5, 7, "-", "indent it by 4 spaces, as line 4"),
    ("    - Dense: 3\n      - Dense: 3\n", 5, 7, "-", "indent it by 4 spaces, as the item on line 4"),
    ("    - ReLU\n   - Dense: 3\n", 5, 4, "-", "indent it by 4 spaces, as the item on line 4"),
    ("    - ReLU\n    Dense: 3\n", 5, 5, "Dense", "write `- Dense: 3`"),
    ("    - Dense: 3\n     name: x\n", 5, 6, "name", "by 6 spaces, as `Dense` on line 4"),
    ("    - Dense: 3\n        name: x\n", 5, 9, "name", "indent it by 6 spaces, as `Dense` on line 4"),
    (
        "    - ReLU\n name: x\n",
        5,
        2,
        "name",
        "by 2 spaces, as `layers` on line 3, or by 0 spaces, as `model` on line 2",
    ),
    ("    - ReLU\n  outputs: prev\n  - Dense: 3\n", 6, 3, "-", "indent it by 4 spaces, as the item on line 4"),
    ("    - ReLU\nseed: 7\n  name: x\n", 6, 3, "name", "indent it by 0 spaces, as `seed` on line 5"),
    ("    - ReLU\n...\nseed: 7\n", 6, 1, "seed", "take the `...` away"),
]


@pytest.mark.parametrize(("text", "line", "column", "blamed", "help"), SLIPS)
def test_a_slip_is_named_where_it_stands(text: str, line: int, column: int, blamed: str, help: str) -> None:
    code, *where, word, said = told(HEAD + text)
    assert (code, where, word) == ("S001", [line, column], blamed)
    assert help in said


def test_a_first_key_that_is_indented_is_blamed_and_not_the_second() -> None:
    assert told("  specc: 1\nmodel: {}\n")[:4] == ("S001", 1, 3, "specc")


def test_a_colon_left_out_on_the_first_line_is_found_there() -> None:
    assert told("specc:1\nmodel: {}\n")[:4] == ("S001", 1, 1, "specc:1")
    assert told("specc:1  # the language\nmodel: {}\n")[:4] == ("S001", 1, 1, "specc:1")


@pytest.mark.parametrize("text", [HEAD + slip[0] for slip in SLIPS if "%TAG" not in slip[0]])
def test_the_parser_written_in_python_leads_to_the_same_slip(text: str) -> None:
    """PyYAML falls back on it where libyaml is not built in; it stops elsewhere and words its errors otherwise."""
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        list(yaml.parse(text, yaml.SafeLoader))
    slip = slips.find(text, caught.value, yaml.SafeLoader)
    found = fault(text)
    assert (slip.message, slip.help) == (found.message, found.help)
    assert place(text, slip.start) == (found.span.line, found.span.column)


@pytest.mark.parametrize("text", [HEAD + slip[0] for slip in SLIPS])
def test_no_message_is_in_the_words_of_the_parser(text: str) -> None:
    found = fault(text)
    for words in ("while ", "expected", "token", "scalar", "flow", "block mapping", "simple key", "<"):
        assert words not in found.message
        assert words not in found.help


@some
@given(st.text(st.sampled_from("ab:- \n\t{}[],\"'#&*!|>%@`$\\?~.0\r"), max_size=40))
@example("a: [\n")
@example("a: '\n")
@example('"\n: ')
@example("- a\n- - b\n  c: : d")
@example('a: "\\ud800"')
def test_whatever_is_wrong_stands_inside_the_text(text: str) -> None:
    log = Log()
    with suppress(Rejected):
        read(Source("spec.yaml", text), log)
    lines = normalized(text).split("\n")
    for found in log.diagnostics:
        assert found.message
        assert 1 <= found.span.line <= len(lines)
        assert 1 <= found.span.column <= len(lines[found.span.line - 1]) + 1
        assert (found.span.end_line, found.span.end_column) >= (found.span.line, found.span.column)
