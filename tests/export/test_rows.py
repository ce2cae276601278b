"""Rows come in as CSV or JSON lines, a few at a time, and go out in the same form."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specc.backend.inference.rows import read_rows
from specc.backend.inference.writing import write_rows
from specc.diagnostics import Refusal

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\x00"))
NAMES = st.lists(st.text("abcdefghäöü _-", min_size=1).filter(str.strip), min_size=1, unique_by=str.strip)


def rows_of(text: str | bytes, **options: Any) -> list[tuple[int, dict[str, Any]]]:
    data = text if isinstance(text, bytes) else text.encode()
    return list(read_rows(io.BytesIO(data), "some.csv", **options).rows)


def refusal_of(text: str | bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        rows_of(text)
    assert caught.value.code.id == "S503"
    return caught.value


@pytest.mark.parametrize(("header", "remedy"), [(True, "names the columns"), (False, "a row on each line")])
def test_an_empty_file_is_told_with_what_it_lacks(header: bool, remedy: str) -> None:
    with pytest.raises(Refusal) as caught:
        rows_of("\n\n", header=header)
    assert caught.value.message == "some.csv is empty"
    assert remedy in str(caught.value.help)


def test_columns_that_are_lined_up_are_rows_with_their_lines() -> None:
    text = 'a    b\n\n1    "x  y"\n22 \tz  \n'
    assert rows_of(text, delimiter="whitespace") == [(3, {"a": "1", "b": "x  y"}), (4, {"a": "22", "b": "z"})]


@settings(deadline=None)
@given(NAMES, st.data())
def test_csv_is_read_as_pythons_own_reader_does(names: list[str], data: st.DataObject) -> None:
    width = st.lists(TEXT, min_size=len(names), max_size=len(names)).filter(lambda row: any(row))
    table = data.draw(st.lists(width, max_size=5))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *table])
    expected = list(csv.reader(io.StringIO(text.getvalue())))[1:]
    found = [list(row.values()) for _, row in rows_of(text.getvalue())]
    assert found == expected == table


@settings(deadline=None)
@given(st.lists(st.dictionaries(TEXT, TEXT | st.integers() | st.lists(st.floats(-1e9, 1e9))), min_size=1))
def test_json_lines_come_out_as_they_went_in(objects: list[dict[str, Any]]) -> None:
    text = "\n".join(json.dumps(o) for o in objects)
    found = [row for _, row in rows_of(text)]
    assert found == objects
    out = io.StringIO()
    with write_rows("jsonl", (), out) as write:
        for row in found:
            write(row)
    assert [json.loads(line) for line in out.getvalue().split("\n")[:-1]] == objects


def test_a_row_knows_the_line_it_begins_on() -> None:
    assert [line for line, _ in rows_of('a,b\n1,"x\ny"\n\n2,z\n')] == [2, 5]
    assert [line for line, _ in rows_of('\n{"a": 1}\n\n{"a": 2}\n')] == [2, 4]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert rows_of("﻿a;b\r\n1;2\r\n", delimiter=";") == [(2, {"a": "1", "b": "2"})]


def test_only_a_batch_is_read_at_a_time() -> None:
    taken = 0

    def lines() -> Iterator[bytes]:
        nonlocal taken
        yield b"a\n"
        for number in range(1000):
            taken += 1
            yield f"{number}\n".encode()

    batches = read_rows(lines(), "some.csv").batches(10)
    assert [row["a"] for _, row in next(batches).numbered] == [str(n) for n in range(10)]
    assert taken == 10


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "some.csv is empty"),
        (" \n\n", "some.csv is empty"),
        (b"a,b\n1,\xff\n", "some.csv:2 is not UTF-8 text"),
        (b"\xff\xfea\x00", "some.csv:1 is not UTF-8 text"),
        ("a,b\n1\n", "some.csv:2 has 1 values, and the first line has 2"),
        ("a,b\n1,2\n1,2,3\n", "some.csv:3 has 3 values, and the first line has 2"),
        ('a,b\n1,"2\n', "some.csv:2 is not CSV: unexpected end of data"),
        ("a, a\n1,2\n", "some.csv has 2 columns `a`"),
        ('{"a": 1}\n{"a": \n', "some.csv:2 is not JSON: expecting value"),
        ('{"a": 1}\n[1]\n', "some.csv:2 is not an object"),
        ('[{"a": 1}]', "some.csv is a JSON array"),
        ('{"a": ' + "[" * 100_000, "some.csv:1 is not JSON: it is nested too deep"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_no_table_is_refused_with_its_line(text: str | bytes, told: str) -> None:
    assert refusal_of(text).message.startswith(told)


def test_a_table_is_written_with_its_header_even_without_rows() -> None:
    out = io.StringIO()
    with write_rows("csv", ("a", "b"), out) as write:
        assert out.getvalue() == "a,b\n"
        write({"a": "x,y", "b": [1.5, None]})
    assert out.getvalue() == 'a,b\n"x,y","[1.5, null]"\n'


def test_a_number_that_is_not_finite_is_null_in_json() -> None:
    out = io.StringIO()
    with write_rows("jsonl", (), out) as write:
        write({"a": float("nan"), "b": [float("inf"), 1.0], "c": {"d": -float("inf")}})
    assert json.loads(out.getvalue()) == {"a": None, "b": [None, 1.0], "c": {"d": None}}


@pytest.mark.parametrize(
    ("lines", "good", "bad"),
    [
        (['1,"2', "3,4", "5,6"], [3, 4], [2]),  # a quote that nothing closes
        (['1,"2', "3,4", '5,"6"', "7,8"], [3, 4, 5], [2]),  # one that is closed where no value ends
        (['1,"a', 'b"', "4,5"], [2, 4], []),  # lines within a value
        (['1,"a', 'b"', '2,"c', 'd",3', "4,5"], [2, 6], [4]),  # and within one of a row that is bad as a whole
        (["1,2,3", "4,5"], [3], [2]),
    ],
)
def test_a_quote_too_many_takes_no_other_row_with_it(lines: list[str], good: list[int], bad: list[int]) -> None:
    told: list[str] = []
    text = "\n".join(["a,b", *lines]) + "\n"
    found = read_rows(io.BytesIO(text.encode()), "some.csv", skip=lambda refusal: told.append(refusal.message))
    assert [line for line, _ in found.rows] == good
    assert [int(one.split()[0].removeprefix("some.csv:")) for one in told] == bad
    if good == [2, 6]:
        assert "quotes make one row of it and the next 1" in told[0]


def test_a_long_file_behind_a_quote_too_many_is_read_in_its_lines() -> None:
    told: list[str] = []
    lines = ["a,b", '0,"x', *(f"{n},{n}" for n in range(100_000))]
    found = read_rows(iter(f"{one}\n".encode() for one in lines), "some.csv", skip=lambda one: told.append(one.message))
    assert sum(1 for _ in found.rows) == 100_000
    assert len(told) == 1
    assert told[0].startswith("some.csv:2 is not CSV")
