"""A small text cannot become a large document, and a large or deep one is refused and not followed."""

from __future__ import annotations

import pytest
from yaml_texts import fault, plain, told

from specc.text.composer import COPIES, DEEPEST, LARGEST_TREE
from specc.text.files import LARGEST


def laughs(levels: int, times: int) -> str:
    """Each line holds the one before it so many times."""
    lines = [f"a0: &a0 [{', '.join(['lol'] * times)}]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * times)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("levels", [7, 30, 90])
def test_a_billion_laughs_end_where_they_become_too_many(levels: int) -> None:
    code, line, _, alias, help = told(laughs(levels, 9))
    assert (code, alias) == ("S003", f"*a{line - 2}")
    assert 9**line > COPIES
    assert "blocks" in help


def test_merge_keys_count_as_the_copies_they_are() -> None:
    many = ", ".join(f"k{i}: {i}" for i in range(1000))
    uses = "".join(f"u{i}: {{<<: *a}}\n" for i in range(200))
    assert fault(f"a: &a {{{many}}}\n{uses}").code.id == "S003"


def test_as_many_aliases_as_anyone_needs_are_fine() -> None:
    uses = "".join(f"u{i}: *a\n" for i in range(5000))
    assert len(plain(f"a: &a [1, 2, 3, 4, 5]\n{uses}")) == 5001


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 100_000,
        "a: " + "[" * 5_000 + "]" * 5_000,
        "a: " + "{b: " * 5_000 + "}" * 5_000,
        "\n".join(" " * i + "a:" for i in range(1_500)),
        "a: " + "- " * 5_000 + "b",
        "a:\n  " + "- " * 5_000 + "b",
    ],
)
def test_depth_is_bounded_whatever_it_is_made_of(text: str) -> None:
    assert fault(text + "\n").code.id in ("S003", "S001")


def test_a_hundred_levels_are_read_and_one_more_is_not() -> None:
    def deep(levels: int) -> str:
        return "a: " + "[" * (levels - 1) + "]" * (levels - 1) + "\n"

    assert plain(deep(DEEPEST))
    code, line, column, _, _ = told(deep(DEEPEST + 1))
    assert (code, line, column) == ("S003", 1, 3 + DEEPEST)


def test_aliases_within_aliases_count_as_the_levels_they_are() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 200))]
    assert fault("\n".join(lines)).code.id == "S003"


def test_a_text_of_many_small_values_is_refused_where_they_become_too_many() -> None:
    found = fault("a:\n" + "- \n" * (LARGEST_TREE + 10))
    assert (found.code.id, found.span.line) == ("S003", LARGEST_TREE)


def test_a_text_of_many_megabytes_is_refused_at_once() -> None:
    found = fault("# " + "x" * LARGEST + "\nspecc: 1\n")
    assert found.code.id == "S003"
    assert "4 MiB" in found.message
    assert "dataset.source" in found.help
