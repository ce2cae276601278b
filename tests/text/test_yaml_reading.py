"""Documents are read as YAML is, and what is wrong with one is said in one go."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml_texts import fault, faults, nodes, plain, some, told, tree_of

from specc.diagnostics import Log
from specc.passes.read import read
from specc.tree import Source

WORDS = st.text("abcdefgh", min_size=1, max_size=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers(-99, 99) | WORDS | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


@some
@given(st.dictionaries(WORDS, VALUES), st.sampled_from([None, False, True]), st.integers(2, 6))
def test_a_document_is_read_as_pyyaml_reads_it(value: dict[str, Any], flow: bool | None, indent: int) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, indent=indent, sort_keys=False)
    assert plain(text) == yaml.safe_load(text) == value


def test_the_order_of_keys_is_kept() -> None:
    assert list(plain("b: 1\na: 2\nc: 3\n")) == ["b", "a", "c"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_count_alike(end: str) -> None:
    text = end.join(["specc: 1", "model:", "  layers: [ReLU, Dense]", "name: |", "  a", "  b", "seed: x: y"])
    found = fault(text)
    assert (found.span.line, found.span.column) == (7, 8)
    assert plain(text[: text.index("seed")])["name"] == "a\nb\n"


def test_a_byte_order_mark_is_not_a_part_of_the_first_key() -> None:
    tree = tree_of("\ufeffspecc: 1\n")
    assert tree.plain() == {"specc": 1}
    assert (tree["specc"].key.column, tree["specc"].span.column) == (1, 8)


@pytest.mark.parametrize("break_of_1_1", ["\x85", "\u2028", "\u2029"])
def test_a_line_break_of_yaml_1_1_is_a_character_like_any_other(break_of_1_1: str) -> None:
    tree = tree_of(f"a{break_of_1_1}b: c{break_of_1_1}d # e{break_of_1_1}f\ng: 1\n")
    assert tree.plain() == {f"a{break_of_1_1}b": f"c{break_of_1_1}d", "g": 1}
    assert tree["g"].span.line == 2


def test_a_text_for_quoting_is_kept_under_its_path() -> None:
    log = Log()
    read(Source("a/b.yaml", "\ufeffspecc: 1\r\nname: x\r\n"), log)
    assert log.sources == {"a/b.yaml": "specc: 1\nname: x\n"}


@pytest.mark.parametrize(
    ("text", "key"), [("1: a", "1"), ("1.50: a", "1.50"), ("true: a", "true"), ("null: a", "null"), ("~: a", "~")]
)
def test_a_key_that_is_no_text_counts_as_it_is_written(text: str, key: str) -> None:
    assert plain(text) == {key: "a"}


def test_a_list_or_a_mapping_as_a_key_is_refused_where_it_stands() -> None:
    assert told("? [a, b]\n: c\nd: 1\n")[:4] == ("S001", 1, 3, "[a, b]")
    assert told("a: {{x: 1}: 2}\n")[:4] == ("S001", 1, 5, "{x: 1}")
    assert told("a: &l [1]\n*l : 2\n")[:4] == ("S001", 2, 1, "*l")


def test_an_alias_of_a_word_may_be_a_key() -> None:
    assert plain("a: &k 1.0\n*k : 2\n") == {"a": 1.0, "1.0": 2}


# Keys that stand twice


def test_a_key_twice_is_told_at_the_second_with_the_first_beside_it() -> None:
    found = fault("specc: 1\nmodel: {}\nspecc: 2\n")
    assert (found.code.id, found.span.line, found.span.column, found.span.end_column) == ("S002", 3, 1, 6)
    assert [(r.span.line, r.span.column) for r in found.related] == [(1, 1)]


def test_every_key_that_stands_twice_is_told() -> None:
    found = faults("a: {b: 1, b: 2, b: 3}\nc:\n  d: 1\n  'd': 2\n")
    assert [(d.code.id, d.span.line, d.span.column) for d in found] == [
        ("S002", 1, 11),
        ("S002", 1, 17),
        ("S002", 4, 3),
    ]


def test_the_same_key_in_two_mappings_is_no_fault() -> None:
    assert plain("a: {x: 1}\nb: {x: 1}\n") == {"a": {"x": 1}, "b": {"x": 1}}


def test_other_faults_of_reading_come_in_the_same_go() -> None:
    found = faults("a: 1\na: !x 2\nb: !!int c\n? [k]\n: 3\nd: {<<: 4}\n")
    assert [(d.code.id, d.span.line) for d in found] == [
        ("S002", 2),
        ("S001", 2),
        ("S001", 3),
        ("S001", 4),
        ("S001", 6),
    ]


# Anchors, aliases, merge keys

MERGES = [
    "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3, z: 4}\n",
    "a: &a {x: 1, y: 2}\nb:\n  y: 3\n  <<: *a\n  x: 0\n",
    "a: &a {x: 1, y: 2}\nb: &b {x: 3, z: 4}\nc: {<<: [*a, *b], w: 5}\nd: {<<: [*b, *a]}\n",
    "a: {<<: {x: 1}, y: 2}\n",
    "a: &a {x: {p: 1}}\nb: &b {<<: *a, q: *a}\nc: {<<: *b}\n",
    "a: &a {x: 1}\nb: {<<: [], y: 1}\nc: {<<: [*a]}\n",
]


@pytest.mark.parametrize("text", MERGES)
def test_merge_keys_give_what_pyyaml_makes_of_them_and_in_its_order(text: str) -> None:
    assert repr(plain(text)) == repr(yaml.safe_load(text))


def test_a_quoted_merge_key_is_a_key() -> None:
    assert plain("'<<': 1\na: !!str 2\n") == {"<<": 1, "a": "2"}


def test_two_merge_keys_in_one_mapping_are_a_key_twice() -> None:
    assert told("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n")[:4] == ("S002", 4, 3, "<<")


def test_an_alias_points_at_the_text_of_its_anchor_from_the_place_of_its_use() -> None:
    tree = tree_of("base: &b {x: [1, 2]}\nuses:\n  - *b\nmore: {<<: *b}\n")
    item = tree["uses"][0]["x"][1]
    assert (item.span.line, item.span.column, item.span.pointer) == (1, 18, "/uses/0/x/1")
    assert tree["uses"][0].span.pointer == "/uses/0"
    merged = tree["more"]["x"]
    assert (merged.key.line, merged.key.column, merged.key.pointer) == (1, 11, "/more/x")
    assert merged[0].span.pointer == "/more/x/0"


def test_the_key_before_an_alias_is_the_key_of_its_use() -> None:
    tree = tree_of("a: &x 5\nb: *x\n")
    assert (tree["b"].key.line, tree["b"].span.line, tree["b"].value) == (2, 1, 5)


def test_an_anchor_may_be_given_again() -> None:
    assert plain("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_an_alias_of_nothing_names_the_nearest_anchor() -> None:
    code, line, column, word, help = told("a: &width 32\nb: *widht\n")
    assert (code, line, column, word, help) == ("S001", 2, 4, "*widht", "did you mean `*width`?")


def test_an_alias_inside_its_own_anchor_is_refused() -> None:
    assert told("a: &x\n  b: [*x]\n")[:4] == ("S001", 2, 7, "*x")


# Whole documents


@pytest.mark.parametrize("text", ["", "\n\n", "   \n", "\ufeff", "# only\n# comments\n", "---\n", "--- # x\n...\n"])
def test_a_file_with_nothing_in_it_says_how_a_spec_begins(text: str) -> None:
    found = fault(text)
    assert (found.code.id, found.span.line) == ("S001", 1)
    assert "specc: 1" in found.help


@pytest.mark.parametrize("text", ["- a\n- b\n", "[a]\n", "just words\n", "42\n", '"x"\n'])
def test_a_document_that_is_no_mapping_says_what_it_is(text: str) -> None:
    found = fault(text)
    assert (found.code.id, found.span.line, found.span.column) == ("S001", 1, 1)
    assert "mapping" in found.message


def test_a_second_document_is_refused_where_it_begins() -> None:
    assert told("specc: 1\n---\nspecc: 2\n")[:4] == ("S001", 2, 1, "---")


def test_one_document_between_markers_is_fine() -> None:
    assert plain("%YAML 1.2\n---\nspecc: 1\n...\n") == {"specc": 1}


@pytest.mark.parametrize(
    ("character", "name"), [("\x00", "U+0000"), ("\x1b", "U+001B"), ("\x7f", "U+007F"), ("\ufffe", "U+FFFE")]
)
def test_a_control_character_is_named_and_shown(character: str, name: str) -> None:
    found = fault(f"specc: 1\nname: a{character}b\n")
    assert (found.code.id, found.span.line, found.span.column) == ("S001", 2, 8)
    assert name in found.message


def test_half_of_a_character_is_refused() -> None:
    assert fault("name: \ud800\n").code.id == "S001"


def test_pointers_are_json_pointers() -> None:
    tree = tree_of("a/b: {c~d: [x]}\n")
    assert tree["a/b"]["c~d"][0].span.pointer == "/a~1b/c~0d/0"


@some
@given(st.dictionaries(WORDS, VALUES, min_size=1), st.sampled_from([None, False, True]))
def test_a_pointer_leads_to_its_node(value: dict[str, Any], flow: bool | None) -> None:
    tree = tree_of(yaml.safe_dump(value, default_flow_style=flow))
    for node in nodes(tree):
        parts = node.span.pointer.split("/")[1:]
        assert tree.at([int(p) if p.isdecimal() else p for p in parts]) is node
