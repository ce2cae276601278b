"""Every key and value knows the stretch of text it came from."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml_texts import nodes, some, tree_of

from specc.diagnostics import Log, Span
from specc.text.parse import parse
from specc.tree import Tree

WORDS = st.text("abcdeé雪😀", min_size=1, max_size=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers(-99, 99) | WORDS | st.text("ab\"' :#\\\n", max_size=12) | st.booleans(),
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(WORDS, inner, min_size=1, max_size=4),
    max_leaves=15,
)


def stretch(text: str, span: Span) -> str:
    """The text that a span covers."""
    lines = text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a: 5  # c\n", ["a"], "5"),
        ("a:   'it''s' \n", ["a"], "'it''s'"),
        ("a: [1, {b: 2}]\n", ["a"], "[1, {b: 2}]"),
        ("a: [1, {b: 2}]\n", ["a", 1], "{b: 2}"),
        ("a: &x 5\n", ["a"], "5"),
        ("a: !!str &x  5\n", ["a"], "5"),
        ("a: &x [1]\n", ["a"], "[1]"),
        ("a: &x # why\n  b: 1\nc: 2\n", ["a"], "b: 1"),
        ("a: &x\n- b\n- c\nd: 1\n", ["a"], "- b\n- c"),
        ("a:\n- b\n- c\n\n\nd: 1\n", ["a"], "- b\n- c"),
        ("a:\n  b: 1\n  c:\n    d: 2\n\n# end\ne: 3\n", ["a"], "b: 1\n  c:\n    d: 2"),
        ("a:\n  - b: 1\n    c: 2\n  - d\n", ["a", 0], "b: 1\n    c: 2"),
        ("a: |\n  x\n   y\n\n\nb: 1\n", ["a"], "|\n  x\n   y"),
        ("a: &x >-\n  x\n\nb: 1\n", ["a"], ">-\n  x"),
        ("a: one\n  two\nb: 1\n", ["a"], "one\n  two"),
        ("a: 1\nb:\n  c: *x\n".replace("1", "&x 1"), ["b"], "c: *x"),
        ("雪é: {é: ☃}\n", ["雪é", "é"], "☃"),
        ("a: '😀😀' \n", ["a"], "'😀😀'"),
        ("a:\n  b:\nc: 1\n", ["a"], "b:"),
    ],
)
def test_a_value_covers_its_own_text(text: str, path: list[str | int], expected: str) -> None:
    assert stretch(text, tree_of(text).at(path).span) == expected


def test_a_value_left_out_stands_behind_its_colon() -> None:
    value = tree_of("a:\nb: 1\n")["a"]
    assert (value.value, value.span.line, value.span.column, value.span.end_column) == (None, 1, 3, 3)


def test_the_key_of_an_item_is_the_item() -> None:
    tree = tree_of("a: [x, {b: 1}]\n")
    assert tree.key == tree.span
    assert all(item.key == item.span for item in tree["a"].elements)


@some
@given(st.dictionaries(WORDS, VALUES, min_size=1), st.sampled_from([None, False, True]), st.integers(2, 5))
def test_keys_and_scalars_stand_where_pyyaml_finds_them(value: dict[str, Any], flow: bool | None, indent: int) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, indent=indent, allow_unicode=True)

    def compare(tree: Tree, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, below in node.value:
                assert (tree[key.value].key.line, tree[key.value].key.column) == place(key)
                compare(tree[key.value], below)
        elif isinstance(node, yaml.SequenceNode):
            for item, below in zip(tree.elements, node.value, strict=True):
                compare(item, below)
        else:
            end = node.end_mark
            assert (tree.span.line, tree.span.column) == place(node)
            if node.style not in ("|", ">"):
                assert (tree.span.end_line, tree.span.end_column) == (end.line + 1, end.column + 1)

    def place(node: yaml.Node) -> tuple[int, int]:
        return node.start_mark.line + 1, node.start_mark.column + 1

    compare(tree_of(text), yaml.compose(text, yaml.SafeLoader))


@some
@given(st.dictionaries(WORDS, VALUES, min_size=1), st.booleans())
def test_a_stretch_read_again_is_the_same_value(value: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)
    for node in nodes(tree_of(text)):
        again = parse("again.yaml", " " * (node.span.column - 1) + stretch(text, node.span), Log())
        assert again is not None
        assert again.plain() == node.plain()
