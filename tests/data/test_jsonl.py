"""`jsonl` gives what Python's json reads, and says which line is no JSON."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import read_all, refused, table

from specc.kinds import word

row = st.fixed_dictionaries(
    {
        "n": st.integers(-(2**60), 2**60),
        "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "s": st.none() | st.text(max_size=5),
        "v": st.lists(st.integers(0, 9), min_size=3, max_size=3),
    }
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(row, min_size=1, max_size=20), st.booleans())
def test_rows_are_those_that_were_written(tmp_path_factory, rows, packed):
    path = tmp_path_factory.mktemp("jsonl") / ("t.jsonl.gz" if packed else "t.jsonl")
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    read = table("jsonl", path=str(path), fields=["n", "x", "s", "v"])
    assert read.columns["n"].tolist() == [row["n"] for row in rows]
    if any(row["x"] is not None for row in rows):
        np.testing.assert_array_equal(read.columns["x"], pd.Series([row["x"] for row in rows], dtype=float))
    assert read.columns["s"].tolist() == [row["s"] or "" for row in rows]
    np.testing.assert_array_equal(read.columns["v"], [row["v"] for row in rows])


def test_nested_lists_are_arrays_and_others_lists(tmp_path):
    lines = [{"m": [[1, 2], [3, 4]], "tags": ["a"]}, {"m": [[5, 6], [7, 8]], "tags": ["b", "c"]}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    read = table("jsonl", path=str(tmp_path / "t.jsonl"), fields=["m", "tags"])
    assert read.columns["m"].shape == (2, 2, 2)
    assert [list(tags) for tags in read.columns["tags"]] == [["a"], ["b", "c"]]


def test_a_key_that_a_line_lacks_is_missing_there_and_one_that_comes_late_is_found(tmp_path):
    lines = [json.dumps({"a": i}) for i in range(3000)] + [json.dumps({"b": 1.5})]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    read = table("jsonl", path=str(tmp_path / "t.jsonl"), fields=["a", "b"])
    assert read.names == ("a", "b")
    assert np.isnan(read.columns["a"][-1])
    assert np.isnan(read.columns["b"][:-1]).all()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"a": 1', "it is not JSON: expecting ',' delimiter at column 8"),
        (b"[1, 2]", "it is a list, not an object"),
        (b'{"a": "\xff"}', "it is not UTF-8"),
        (b'{"a": ' + b"[" * 100_000, "it is not JSON: it is nested too deep"),
    ],
)
def test_a_line_that_is_no_object_is_told_or_passed_over(tmp_path, line, told):
    (tmp_path / "t.jsonl").write_bytes(b'{"a": 1}\n\n' + line + b'\n{"a": 2}\n')
    assert refused("jsonl", path=str(tmp_path / "t.jsonl"), fields=["a"])[:2] == (
        "S503",
        f"t.jsonl:3 cannot be read: {told}",
    )
    skipped = {}
    opened = word("readers", "jsonl")(path=str(tmp_path / "t.jsonl")).open({"a": None}, 0, skipped.__setitem__)
    assert read_all(opened, ["a"]).columns["a"].tolist() == [1, 2]
    assert skipped == {"t.jsonl:3": told}
    assert [opened.origin.where(row) for row in range(2)] == ["t.jsonl:1", "t.jsonl:4"]


def test_a_file_without_a_line_has_no_rows(tmp_path):
    (tmp_path / "t.jsonl").touch()
    read = table("jsonl", path=str(tmp_path / "t.jsonl"), fields=["a"])
    assert (read.names, read.rows) == ((), 0)
