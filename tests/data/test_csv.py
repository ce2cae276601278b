"""`csv` reads tables however they were written, in bounded memory, and says on which line what is wrong."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from data_plans import data_plan, feature, reader, told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import read_all, refused, table

from specc.data.opening import open_sources
from specc.diagnostics import Log
from specc.kinds import word

PACK = {
    "": bytes,
    ".gz": lambda content: gzip.compress(content, mtime=0),
    ".bz2": bz2.compress,
    ".zst": lambda content: pa.Codec("zstd").compress(content, asbytes=True),
}

latin = st.text(st.characters(codec="latin-1", exclude_categories=["Cc", "Zs", "Cf"]) | st.sampled_from(',"\n'))


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(latin.map(str.strip), latin.map(str.strip)), min_size=1, max_size=8),
    st.sampled_from(["utf-8", "utf-8-sig", "latin-1", "utf-16"]),
    st.sampled_from(list(PACK)),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_is_read_in_any_encoding_packing_and_line_end(tmp_path_factory, rows, encoding, ending, newline):
    path = tmp_path_factory.mktemp("csv") / f"t.csv{ending}"
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=newline).writerows([("a", "b"), *rows])
    path.write_bytes(PACK[ending](text.getvalue().encode(encoding)))
    read = table("csv", path=str(path), encoding=encoding, missing=[], fields=["a", "b"])
    assert list(zip(read.columns["a"], read.columns["b"], strict=True)) == rows


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".zst"])
def test_a_packed_file_that_was_cut_off_is_told(tmp_path, ending):
    content = PACK[ending](b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * 7919) for i in range(9999)))
    (tmp_path / f"t.csv{ending}").write_bytes(content[: len(content) // 2])
    code, message, _ = refused("csv", path=str(tmp_path / f"t.csv{ending}"), fields=["a"])
    assert (code, message) == ("S503", f"t.csv{ending} was cut off or is damaged")


def test_bytes_of_another_encoding_are_told_with_their_line_and_the_remedy(tmp_path):
    (tmp_path / "t.csv").write_bytes("a\nb\n\n\nö\n".encode("latin-1"))
    code, message, help = refused("csv", path=str(tmp_path / "t.csv"), fields=["a"])
    assert (code, message) == ("S503", "t.csv:5 cannot be read: invalid UTF8 data")
    assert "`encoding: latin-1`" in help
    code, message, _ = refused("csv", path=str(tmp_path / "t.csv"), fields=["a"], encoding="ascii")
    assert (code, message[:20]) == ("S503", "t.csv:5 is not ascii")
    assert refused("csv", path=str(tmp_path / "t.csv"), encoding="utf-9")[:2] == (
        "S105",
        "Python knows no encoding `utf-9`",
    )


def test_a_ragged_row_is_told_with_its_line_though_values_span_lines(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n"x\ny",2\n\n3,4,5\n6,7\n')
    assert refused("csv", path=str(tmp_path / "t.csv"), fields=["a", "b"])[:2] == (
        "S503",
        "t.csv:5 cannot be read: expected 2 columns, got 3: 3,4,5",
    )


def test_a_quote_that_is_never_closed_is_told_with_its_line(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n1,x\n\n2,"y\n' + "3,z\n" * 50)
    assert refused("csv", path=str(tmp_path / "t.csv"), fields=["a"])[:2] == (
        "S503",
        "t.csv:4 opens a quote that is never closed",
    )
    (tmp_path / "t.csv").write_text('a,b\n1,5" pipe\n2,"y"\n')
    assert table("csv", path=str(tmp_path / "t.csv"), fields=["b"]).columns["b"].tolist() == ['5" pipe', "y"]


def test_ragged_rows_are_passed_over_and_named_by_their_lines(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n"x\ny",2\n\n3,4,5\n6,7\n8\n9,z\n')
    skipped = []
    opened = word("readers", "csv")(path=str(tmp_path / "t.csv")).open(
        {"a": None, "b": feature("number")}, 0, lambda where, what: skipped.append((where, what))
    )
    assert read_all(opened, ["a"]).columns["a"].tolist() == ["x\ny", "6", "9"]
    assert set(skipped) == {
        ("t.csv:5", "3 values, and the header has 2"),
        ("t.csv:7", "1 values, and the header has 2"),
    }
    assert [opened.origin.where(row) for row in range(3)] == ["t.csv:2", "t.csv:6", "t.csv:8"]


def test_numbers_are_those_of_pandas_to_the_last_bit(tmp_path):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"x": generator.normal(size=5000) * 10.0 ** generator.integers(-30, 30, 5000)})
    frame.loc[::7, "x"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    opened = word("readers", "csv")(path=str(tmp_path / "t.csv")).open({"x": feature("number")}, 0)
    np.testing.assert_array_equal(
        read_all(opened, ["x"]).columns["x"],
        pd.read_csv(tmp_path / "t.csv", skip_blank_lines=False)["x"],
    )


def test_a_column_that_becomes_words_late_is_told_with_file_line_and_column(tmp_path):
    rows = 300_000
    with (tmp_path / "t.csv").open("w") as file:
        file.write("id,height,note\n")
        file.writelines(f"{i},{i / 7:.3f},a note that makes the file longer than a block\n" for i in range(rows))
        file.write("7,tall,x\n8,1.5,y\n")
    plan = data_plan(reader("csv", path=str(tmp_path / "t.csv")), {"h": ("height", feature("number"))}, {})
    (found,) = told(open_sources, plan)
    assert found[:3] == ("S503", 10, f"`tall` in t.csv:{rows + 2} (column `height`) is not a number")


def test_what_came_before_a_column_became_words_is_not_given_twice(tmp_path):
    lines = [f"{i},{'x' * 50}" for i in range(400_000)]
    lines[350_000] = "oops,x"
    (tmp_path / "t.csv").write_text("\n".join(["n,s", *lines]))
    opened = word("readers", "csv")(path=str(tmp_path / "t.csv")).open({"n": feature("number")}, 0)
    for _ in range(2):
        values = read_all(opened, ["n"]).columns["n"]
        assert values.astype(str)[349_999:350_002].tolist() == ["349999", "oops", "350001"]
        assert len(values) == 400_000


def test_a_table_much_larger_than_a_block_needs_little_memory(tmp_path):
    with (tmp_path / "t.csv").open("w") as file:
        file.write("n,c\n")
        for start in range(0, 3_000_000, 100_000):
            file.write("".join(f"{i * 0.37},{'word' * 12}{i % 50}\n" for i in range(start, start + 100_000)))
    script = (
        "import resource, sys, pyarrow.csv, pyarrow.compute\nfrom specc.kinds import word\n"
        "fields = {'n': word('features', 'number')(), 'c': word('features', 'category')()}\n"
        "opened = word('readers', 'csv')(path=sys.argv[1]).open(fields, 0)\n"
        "chunks = opened.chunks()\nrows = len(next(chunks)['n'])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rows += sum(len(chunk['n']) for chunk in chunks)\n"
        "print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "t.csv"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, grown = map(int, done.stdout.split())
    assert rows == 3_000_000
    assert grown < 100 < (tmp_path / "t.csv").stat().st_size // 2**20


def test_many_files_are_one_table(tmp_path):
    for number in range(30):
        (tmp_path / f"{number:02}.csv").write_text("a,b\n" + f"{number},x\n" * (number % 2))
    read = table("csv", path=str(tmp_path / "*.csv"), fields=["a"])
    assert len(read.files) == 30
    assert read.columns["a"].tolist() == [str(n) for n in range(1, 30, 2)]


def test_a_second_column_of_a_name_matters_only_where_it_is_asked_for(tmp_path):
    (tmp_path / "t.csv").write_text("a,a,b\n1,2,3\n")
    assert table("csv", path=str(tmp_path / "t.csv"), fields=["b"]).columns["b"].tolist() == ["3"]
    assert refused("csv", path=str(tmp_path / "t.csv"), fields=["a"])[1] == "t.csv has 2 columns `a`"


def test_a_file_that_vanishes_is_told(tmp_path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    opened = word("readers", "csv")(path=str(tmp_path / "t.csv")).open({"a": None}, 0)
    (tmp_path / "t.csv").unlink()
    with pytest.raises(Exception, match=r"t\.csv is no longer there"):
        list(opened.chunks())


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    (tmp_path / "t.csv").write_bytes(codecs.BOM_UTF8 + b"a,b\r\n1,2\r\n")
    assert table("csv", path=str(tmp_path / "t.csv"), fields=["a"]).names == ("a", "b")


def test_rows_that_are_ragged_count_among_those_passed_over(tmp_path):
    (tmp_path / "t.csv").write_text("n,c\n" + "1,x\n" * 20 + "1,x,y\nword,x\n")
    inputs = {"n": feature("number"), "c": feature("category")}
    opened = open_sources(data_plan(reader("csv", path=str(tmp_path / "t.csv")), inputs, {}, skip=0.5), Log())
    faults = opened.sources[""].faults
    assert faults.named == [
        "t.csv:22: 3 values, and the header has 2",
        "`word` in t.csv:23 (column `n`) is not a number",
    ]


@pytest.mark.parametrize("ending", list(PACK))
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252", "utf-16"])
def test_rows_whose_bytes_cannot_be_decoded_are_passed_over_and_named(tmp_path, encoding, ending):
    bad = {"utf-8": b"\xe9", "ascii": b"\xe9", "cp1252": b"\x81", "utf-16": b"\x00\xd8"}[encoding]
    content = "n,word,other\n" + "".join(f'{i},"w{i}\n",o{i}\n' for i in range(40)) + "1,2\n"
    content = content.encode(encoding)
    for number in (7, 30):
        content = content.replace(f"w{number}\n".encode(encoding).removeprefix(codecs.BOM_UTF16), bad)
    content = content.replace("o9".encode(encoding).removeprefix(codecs.BOM_UTF16), bad)
    (tmp_path / f"t.csv{ending}").write_bytes(PACK[ending](content))
    inputs = {"n": feature("number"), "word": feature("category")}
    source = reader("csv", path=str(tmp_path / f"t.csv{ending}"), encoding=encoding)
    opened = open_sources(data_plan(source, inputs, {}, skip=0.2), Log())
    good = [i for i in range(40) if i not in (7, 30)]
    assert opened.sources[""].faults.named == [
        f"t.csv{ending}:16: its bytes are not {encoding}",
        f"t.csv{ending}:61: its bytes are not {encoding}",
        f"t.csv{ending}:80: 2 values, and the header has 3",
    ]
    (block,) = opened.sources[""].blocks({}, Log())
    assert block.values["inputs.n"].tolist() == good
    where = opened.sources[""].table.origin.where
    assert [where(row) for row in (6, 7, 37)] == [f"t.csv{ending}:{line}" for line in (14, 17, 78)]


ALIGNED = """  mpg   cyl  name
 18.0\t8    "chevrolet  chevelle"\t
 15.5   8    'buick

 NA     4    opel
"""


def test_columns_that_are_lined_up_are_read_as_pandas_reads_them(tmp_path):
    (tmp_path / "t.txt").write_text(ALIGNED)
    expected = pd.read_csv(tmp_path / "t.txt", sep=r"\s+", keep_default_na=False)
    read = table("csv", path=str(tmp_path / "t.txt"), delimiter="whitespace", missing=[], fields=["mpg", "cyl", "name"])
    for name in ("mpg", "name"):
        assert list(read.columns[name]) == expected[name].tolist()
    assert [float(one) for one in read.columns["cyl"]] == expected["cyl"].tolist()
    (tmp_path / "t.txt").write_text(ALIGNED.split("\n", 1)[1])
    read = table(
        "csv", path=str(tmp_path / "t.txt"), delimiter="whitespace", missing=[], header=False, fields=["0", "2"]
    )
    assert list(read.columns["2"]) == expected["name"].tolist()


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_what_is_wrong_in_columns_that_are_lined_up_is_told_with_its_line(tmp_path, packing):
    path = tmp_path / f"t.txt{packing}"

    def found(content: bytes, delimiter: str = "whitespace") -> tuple[str, str, str]:
        path.write_bytes(PACK[packing](content))
        return refused("csv", path=str(path), delimiter=delimiter, fields=["a", "b"])

    assert found(b"a   b\n1   2\n\n3   4   5\n")[1] == f"{path.name}:4 cannot be read: expected 2 columns, got 3: 3,4,5"
    assert found(b"a   b\n1   2\n3   \xff\n")[:2] == (
        "S503",
        f"{path.name}:3 is not utf-8: a byte that means nothing there",
    )
    code, _, help = found(b"a b\n1 2\n3  4\n", " ")
    assert code == "S503"
    assert help.endswith("`delimiter: whitespace`")


def test_rows_that_cannot_be_decoded_are_passed_over_whatever_stands_between_values(tmp_path):
    (tmp_path / "t.csv").write_bytes("a;b\n1;x\n2;ö\n3;y, z\n".encode("latin-1"))
    passed = []
    source = word("readers", "csv")(path=str(tmp_path / "t.csv"), delimiter=";")
    opened = source.open({"a": None, "b": None}, 0, lambda where, what: passed.append((where, what)))
    assert list(read_all(opened, ["b"]).columns["b"]) == ["x", "y, z"]
    assert set(passed) == {("t.csv:3", "its bytes are not utf-8")}
