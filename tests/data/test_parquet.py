"""`parquet` gives what pyarrow and pandas wrote: numbers, texts, times, bytes and lists, some rows at a time."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import read_all, refused, table

from specc.kinds import word
from specc.kinds.readers import Coded

whole = st.integers(-(2**31), 2**31)
value = {
    "ints": whole,
    "floats": st.none() | st.floats(allow_nan=False),
    "texts": st.none() | st.sampled_from(["", "a", "ö", "long " * 5]),
    "flags": st.booleans(),
    "lists": st.lists(whole, min_size=2, max_size=2),
}


TYPES = {
    "ints": pa.int64(),
    "floats": pa.float64(),
    "texts": pa.string(),
    "flags": pa.bool_(),
    "lists": pa.list_(pa.int64()),
}


def columns_of(rows):
    return st.fixed_dictionaries({name: st.lists(one, min_size=rows, max_size=rows) for name, one in value.items()})


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 12).flatmap(columns_of))
def test_columns_are_those_that_were_written(tmp_path_factory, columns):
    path = tmp_path_factory.mktemp("parquet") / "t.parquet"
    pq.write_table(pa.table(columns, pa.schema(TYPES)), path, row_group_size=7)
    read = table("parquet", path=str(path), fields=list(columns))
    assert read.rows == len(columns["ints"])
    assert read.columns["ints"].tolist() == columns["ints"]
    floats = pd.Series(columns["floats"], dtype=float)
    np.testing.assert_array_equal(read.columns["floats"].astype(float), floats)
    assert read.columns["texts"].tolist() == [text or "" for text in columns["texts"]]
    assert read.columns["flags"].tolist() == columns["flags"]
    np.testing.assert_array_equal(read.columns["lists"], np.array(columns["lists"]))


def test_times_bytes_decimals_and_lists_of_several_lengths(tmp_path):
    day, moment = datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4, 5, 600)
    written = {
        "day": [day, None],
        "moment": [moment, None],
        "zoned": [moment.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=2)))] * 2,
        "price": [decimal.Decimal("1.25"), None],
        "raw": [b"\x00\xff", b""],
        "ragged": [[1, 2, 3], []],
        "tags": [["a", "b"], ["c"]],
        "flag": [True, None],
        "number": [1, None],
        "clock": [datetime.time(1, 2), None],
        "square": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
        "nothing": [None, None],
    }
    pq.write_table(pa.table(written), tmp_path / "t.parquet")
    read = table("parquet", path=str(tmp_path / "t.parquet"), fields=list(written)).columns
    frame = pd.read_parquet(tmp_path / "t.parquet")
    assert read["day"][0] == np.datetime64(day)
    assert np.isnat(read["day"][1])
    assert read["moment"][0] == frame["moment"][0].to_datetime64()
    assert read["zoned"][0] == frame["zoned"][0].tz_convert("UTC").tz_localize(None).to_datetime64()
    assert read["price"][0] == 1.25
    assert read["raw"].tolist() == [b"\x00\xff", b""]
    assert [list(row) for row in read["ragged"]] == [[1, 2, 3], []]
    assert [list(row) for row in read["tags"]] == written["tags"]
    assert read["clock"][0].startswith("01:02")
    assert read["square"].shape == (2, 2, 2)
    numbers = [
        np.asarray(word("features", "number")(impute=0).read(read[n], None)) for n in ("price", "flag", "number")
    ]
    assert [np.isnan(n[1]) for n in numbers] == [True] * 3


def test_texts_come_each_once_where_they_repeat(tmp_path):
    pq.write_table(pa.table({"t": ["red", "green"] * 5000}), tmp_path / "t.parquet")
    opened = word("readers", "parquet")(path=str(tmp_path / "t.parquet")).open({"t": None}, 0)
    (chunk,) = opened.chunks()
    assert isinstance(chunk["t"], Coded)
    assert sorted(chunk["t"].values) == ["green", "red"]


def test_a_column_of_categories_of_pandas_is_texts(tmp_path):
    pd.DataFrame({"c": pd.Categorical(["a", "b", None, "a"])}).to_parquet(tmp_path / "t.parquet")
    read = table("parquet", path=str(tmp_path / "t.parquet"), fields=["c"])
    assert read.columns["c"].tolist() == ["a", "b", "", "a"]


def test_files_are_laid_end_to_end_and_each_row_is_known(tmp_path):
    pq.write_table(pa.table({"a": [1, 2], "b": [0, 0]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": [0], "a": [3]}), tmp_path / "2.parquet")
    read = table("parquet", path=str(tmp_path / "*.parquet"), fields=["a"])
    assert read.columns["a"].tolist() == [1, 2, 3]
    assert (read.names, read.rows, read.origin.where(2)) == (("a", "b"), 3, "2.parquet, row 0")


def test_rows_are_counted_without_reading_them(tmp_path):
    pq.write_table(pa.table({"a": range(100_000)}), tmp_path / "t.parquet")
    opened = word("readers", "parquet")(path=str(tmp_path / "t.parquet")).open({}, 0)
    assert opened.rows == 100_000
    assert sum(len(chunk[""]) for chunk in opened.chunks()) == 100_000


def test_large_rows_come_a_few_at_a_time(tmp_path):
    rows = [list(range(10_000))] * 2000
    pq.write_table(pa.table({"a": rows}), tmp_path / "t.parquet", use_dictionary=False, row_group_size=500)
    opened = word("readers", "parquet")(path=str(tmp_path / "t.parquet")).open({"a": None}, 0)
    assert max(chunk["a"].nbytes for chunk in opened.chunks()) <= 40 * 2**20
    assert read_all(opened, ["a"]).columns["a"].shape == (2000, 10_000)


@pytest.mark.parametrize("kept", [0, 3, 100, -10])
def test_a_file_that_is_none_or_was_cut_off_is_told(tmp_path, kept):
    pq.write_table(pa.table({"a": range(1000)}), tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(content[:kept])
    assert refused("parquet", path=str(tmp_path / "t.parquet"), fields=["a"])[:2] == (
        "S503",
        "t.parquet is not a Parquet file, or it was cut off",
    )


def test_a_damaged_page_is_told(tmp_path):
    pq.write_table(pa.table({"a": np.random.default_rng(0).integers(0, 9, 9999)}), tmp_path / "t.parquet")
    content = bytearray((tmp_path / "t.parquet").read_bytes())
    content[4:40] = b"\xff" * 36
    (tmp_path / "t.parquet").write_bytes(content)
    code, message, _ = refused("parquet", path=str(tmp_path / "t.parquet"), fields=["a"])
    assert (code, message[:25]) == ("S503", "t.parquet cannot be read:")


def test_a_part_of_a_struct_is_a_column(tmp_path):
    places = [{"city": f"c{i % 3}", "at": {"x": i / 2, "y": [i, i]}} if i % 4 else None for i in range(12)]
    written = pa.table({"place": places, "city": range(12), "dotted.name": range(12)})
    pq.write_table(written, tmp_path / "t.parquet", row_group_size=5)
    names = ["place.city", "place.at.x", "place.at.y", "city", "dotted.name"]
    read = table("parquet", path=str(tmp_path / "t.parquet"), fields=names)
    assert read.names == ("place", "city", "dotted.name", "place.city", "place.at", "place.at.x", "place.at.y")
    assert read.columns["place.city"].tolist() == [one["city"] if one else "" for one in places]
    expected = [one["at"]["x"] if one else np.nan for one in places]
    np.testing.assert_array_equal(read.columns["place.at.x"].astype(float), expected)
    assert read.columns["city"].tolist() == read.columns["dotted.name"].tolist() == list(range(12))
    code, _, help = refused("parquet", path=str(tmp_path / "t.parquet"), fields=["place"])
    assert (code, help) == ("S503", "name one of its parts: `place.city`, `place.at`")


def test_a_column_of_structs_is_refused_with_its_name(tmp_path):
    pq.write_table(pa.table({"a": [{"x": 1}]}), tmp_path / "t.parquet")
    assert refused("parquet", path=str(tmp_path / "t.parquet"), fields=["a"])[:2] == (
        "S503",
        "`a` holds values of the type struct<x: int64>",
    )
