"""Expressions are laid out as `ruff format` leaves them."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specc.emit.layout import WIDTH, Expression, call, keyword, lines, literal, mapping, sequence

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(SCALARS | st.lists(st.integers() | st.none()).map(tuple))
def test_a_literal_is_read_back_as_the_value_that_it_was_written_from(value: Any) -> None:
    assert ast.literal_eval(literal(value)) == value


def test_a_string_stands_in_double_quotes_unless_it_holds_some() -> None:
    assert literal("relu") == '"relu"'
    assert literal("it's") == '"it\'s"'
    assert literal('"so"') == "'\"so\"'"


def test_a_statement_that_fits_stays_on_one_line() -> None:
    made = call("layers.Dense", [keyword("units", ("10",))], [("x",)])
    assert lines(made, "y = ") == ["y = layers.Dense(units=10)(x)"]


def test_one_that_does_not_has_an_argument_a_line() -> None:
    made = call("layers.Dense", [keyword(f"argument_{i}", ("1" * 30,)) for i in range(3)], [("x",)])
    assert lines(made, "y = ") == [
        "y = layers.Dense(",
        *(f"    argument_{i}={'1' * 30}," for i in range(3)),
        ")(x)",
    ]


def test_only_the_brackets_that_are_too_long_are_opened() -> None:
    many = sequence((f"tensor_number_{i}",) for i in range(12))
    made = call("layers.Add", [keyword("name", (literal("add"),))], [many])
    laid = lines(made, "y = ")
    assert laid[0] == 'y = layers.Add(name="add")('
    assert laid[1:3] == ["    [", "        tensor_number_0,"]


def expression(dice: random.Random, depth: int = 0) -> Expression:
    """A random expression of the kinds that a network is written with."""
    kind = dice.choice(["name", "call", "chain", "list", "dict"] if depth < 3 else ["name"])
    if kind == "name":
        return (word(dice),)
    some = [expression(dice, depth + 1) for _ in range(dice.randint(0, 6))]
    match kind:
        case "call":
            return call(f"layers.{word(dice)}", [keyword(word(dice), item) for item in some])
        case "chain":
            return call(f"layers.{word(dice)}", [keyword(word(dice), item) for item in some], some[:2])
        case "list":
            return sequence(some)
    return mapping((word(dice), item) for item in some)


def word(dice: random.Random) -> str:
    return dice.choice("abcxyz") * dice.randint(1, 24)


@pytest.mark.parametrize("seed", range(5))
def test_ruff_has_nothing_to_change(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    statements = [lines(expression(dice), f"{word(dice)} = ") for _ in range(200)]
    assert any(len(statement) > 5 for statement in statements)
    module = tmp_path / "module.py"
    module.write_text("\n".join(line for statement in statements for line in statement) + "\n", encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", "--line-length", str(WIDTH), str(module)]
    done = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[:3000]
