"""Scalars mean what the core schema of YAML 1.2 says (section 10.3.2), and nothing of YAML 1.1."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yaml_texts import fault, plain, some

NUMBERS = [
    ("0", 0),
    ("-19", -19),
    ("+7", 7),
    ("012", 12),
    ("0o17", 15),
    ("0x1F", 31),
    ("18446744073709551615", 2**64 - 1),
    ("0.", 0.0),
    ("-0.0", -0.0),
    (".5", 0.5),
    ("+12e03", 12000.0),
    ("-2E+05", -200000.0),
    ("1e-3", 0.001),
    ("1e3", 1000.0),
    (".inf", math.inf),
    ("-.Inf", -math.inf),
    ("+.INF", math.inf),
]
CONSTANTS = [
    *((text, None) for text in ("null", "Null", "NULL", "~", "")),
    *((text, True) for text in ("true", "True", "TRUE")),
    *((text, False) for text in ("false", "False", "FALSE")),
]
WORDS = [
    *("yes", "no", "on", "off", "y", "n", "YES", "Off"),
    *("1_000", "1:30", "190:20:30", "2001-12-14", "2001-12-14t21:59:43.10-05:00", "0b101", "0O17", "0X1F", "-0x1F"),
    *("1e", "e3", ".", "-a", "+.5.1", "1.2.3", "inf", "nan", "nULL", "tRUE", "=", "1 2", "0.5.", "--1", ".e3"),
]


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_a_number_is_a_number(text: str, value: float) -> None:
    read = plain(f"a: {text}\n")["a"]
    assert (type(read), repr(read)) == (type(value), repr(value))


def test_nan_is_no_number_and_yet_a_float() -> None:
    assert all(math.isnan(v) for v in plain("a: [.nan, .NaN, .NAN]\n")["a"])


@pytest.mark.parametrize(("text", "value"), CONSTANTS)
def test_a_constant_is_itself(text: str, value: bool | None) -> None:
    assert plain(f"a: {text}\n")["a"] is value


@pytest.mark.parametrize("text", WORDS)
def test_a_word_of_yaml_1_1_is_a_word(text: str) -> None:
    assert plain(f"a: {text}\n") == {"a": text}


@pytest.mark.parametrize("text", ["1", "1e-3", "null", "true", "", ".inf", "~"])
@pytest.mark.parametrize("form", ["'{}'", '"{}"', "!!str {}", "! {}"])
def test_what_is_quoted_or_tagged_as_a_text_is_a_text(text: str, form: str) -> None:
    assert plain(f"a: {form.format(text)}\n") == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!int '12'", 12),
        ("!!float 5", 5.0),
        ("!!float '1e3'", 1000.0),
        ("!!bool 'true'", True),
        ("!!null ''", None),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
        ("!<tag:yaml.org,2002:int> 3", 3),
    ],
)
def test_a_tag_of_the_core_schema_counts(text: str, value: Any) -> None:
    read = plain(f"a: {text}\n")["a"]
    assert (type(read), read) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("!!int 1.5", "!!int"),
        ("!!bool yes", "!!bool"),
        ("!!float ten", "!!float"),
        ("!!null 0", "!!null"),
        ("!!python/object:os.system x", "!!python/object:os.system"),
        ("!!timestamp 2001-12-14", "!!timestamp"),
        ("!!binary aGk=", "!!binary"),
        ("!!set {a}", "!!set"),
        ("!!map [1]", "!!map"),
        ("&x !local [1]", "!local"),
    ],
)
def test_another_tag_is_refused_where_it_stands(text: str, tag: str) -> None:
    found = fault(f"a: {text}\n")
    assert (found.code.id, found.span.line, found.span.column) == ("S001", 1, 4 + text.index(tag))
    assert found.span.end_column - found.span.column == len(tag)
    assert tag in found.message


@pytest.mark.parametrize("text", ["18446744073709551616", "-" + "9" * 30, "9" * 5000, "0x" + "f" * 17, "0o" + "7" * 99])
def test_a_whole_number_beyond_64_bits_is_refused(text: str) -> None:
    found = fault(f"seed: {text}\n")
    assert (found.code.id, found.span.line, found.span.column) == ("S105", 1, 7)
    assert "64 bits" in found.message
    assert len(found.message) < 100


def texts() -> st.SearchStrategy[str]:
    """Texts that JSON and YAML escape alike: JSON writes what is beyond U+FFFF as two halves, YAML as one."""
    return st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64) + 1, 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts()
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(texts(), inner), max_leaves=20)


@some
@given(st.dictionaries(texts(), JSON), st.sampled_from([None, 2]))
def test_json_is_yaml_and_means_the_same(value: dict[str, Any], indent: int | None) -> None:
    written = json.dumps(value, indent=indent)
    read = plain(written)
    assert json.dumps(read) == json.dumps(value)
