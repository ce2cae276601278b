"""Readers give what lies on disk, as NumPy, pandas and plain Python read it, and say what is wrong and where."""

from __future__ import annotations

import csv
import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data_plans import feature, learned
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from reading import read_all, refused, table

from specc.diagnostics import Refusal
from specc.kinds import signature, word, words


def test_every_reader_of_the_first_issue_is_there():
    assert set(words("readers")) >= {"csv", "idx", "image_folder", "npy", "npz", "random"}
    assert signature("readers", "csv").arguments[0].name == "path"


# --- csv

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Cf"]) | st.sampled_from(',;"\n'),
    max_size=12,
).map(str.strip)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=30), st.sampled_from(",;\t"))
def test_csv_gives_every_value_as_it_was_written(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([("first", "second"), *rows])
    read = table("csv", path=str(path), delimiter=delimiter, missing=[], fields=["first", "second"])
    assert read.rows == len(rows)
    assert list(zip(read.columns["first"], read.columns["second"], strict=True)) == rows


def test_csv_agrees_with_pandas_on_numbers_words_and_gaps(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('a,b,c\n1, x ,NA\n2.5,"y, z",?\n,NaN,null\n')
    ours = table("csv", path=str(path), fields=["a", "b", "c"]).columns
    theirs = pd.read_csv(path, dtype=str, na_values=["?"], skipinitialspace=True).apply(lambda c: c.str.strip())
    for name in "abc":
        assert ours[name].tolist() == theirs[name].fillna("").tolist()


def test_csv_takes_other_words_for_missing(tmp_path):
    (tmp_path / "t.csv").write_text("a\nNA\n-\n")
    assert table("csv", path=str(tmp_path / "t.csv"), missing=["-"], fields=["a"]).columns["a"].tolist() == ["NA", ""]


def test_csv_gives_only_what_is_asked_for_and_knows_all_names(tmp_path):
    (tmp_path / "t.csv").write_text("\ufeffa,b , c\n1,2,3\n", encoding="utf-8")
    read = table("csv", path=str(tmp_path / "t.csv"), fields=["b", "nothing"])
    assert list(read.columns) == ["b"]
    assert read.names == ("a", "b", "c")


def test_csv_lays_files_end_to_end_in_the_order_of_their_names_and_knows_each_line(tmp_path):
    (tmp_path / "part-2.csv").write_text("a,b\n3,z\n")
    (tmp_path / "part-1.csv").write_text("b,a\nx,1\ny,2\n")
    read = table("csv", path=str(tmp_path / "part-*.csv"), fields=["a", "b"])
    assert read.columns["a"].tolist() == ["1", "2", "3"]
    assert read.columns["b"].tolist() == ["x", "y", "z"]
    assert [read.origin.where(row) for row in range(3)] == ["part-1.csv:2", "part-1.csv:3", "part-2.csv:2"]


def test_csv_says_the_line_on_which_a_row_begins_where_values_span_lines(tmp_path):
    (tmp_path / "t.csv").write_text('a\n"one\ntwo"\nthree\n')
    read = table("csv", path=str(tmp_path / "t.csv"), fields=["a"])
    assert read.columns["a"].tolist() == ["one\ntwo", "three"]
    assert (read.origin.where(0), read.origin.where(1)) == ("t.csv:2", "t.csv:4")


def test_csv_searches_folders_below_by_two_stars(tmp_path):
    (tmp_path / "x" / "y").mkdir(parents=True)
    for folder in ("", "x", "x/y"):
        (tmp_path / folder / "t.csv").write_text("a\n1\n")
    assert table("csv", path=str(tmp_path / "**" / "*.csv"), fields=["a"]).rows == 3


def test_csv_with_a_header_only_has_no_rows(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n")
    assert table("csv", path=str(tmp_path / "t.csv"), fields=["a"]).rows == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n3,4,5\n", "t.csv:3 cannot be read: expected 2 columns, got 3: 3,4,5"),
        (b"a,b\n1,2\n3,\xff\n", "t.csv:3 cannot be read: invalid UTF8 data"),
        (b"", "t.csv begins with no header"),
        (b"a,a\n1,2\n", "t.csv has 2 columns `a`"),
    ],
)
def test_csv_that_is_none_is_told_with_its_line(tmp_path, content, message):
    (tmp_path / "t.csv").write_bytes(content)
    assert refused("csv", path=str(tmp_path / "t.csv"), fields=["a", "b"])[:2] == ("S503", message)


def test_csv_without_pyarrow_says_what_to_type(tmp_path):
    """In a process that has every package but this one."""
    for package in Path(np.__file__).parent.parent.iterdir():
        if not package.name.startswith("pyarrow"):
            (tmp_path / package.name).symlink_to(package)
    (tmp_path / "t.csv").write_text("a\n1\n")
    script = (
        "from specc.diagnostics import Refusal\nfrom specc.kinds import word\n"
        f"try: word('readers', 'csv')(path={str(tmp_path / 't.csv')!r}).open({{'a': None}}, 0)\n"
        "except Refusal as refusal: print(refusal.code, refusal.help)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "S606 type `pip install 'specc[train]'`"


# --- what is not there


def test_a_missing_file_is_told_with_the_nearest_name_and_its_folder(tmp_path):
    (tmp_path / "digits.npz").touch()
    code, message, help = refused("npz", path=str(tmp_path / "digit.npz"))
    assert code == "S501"
    assert message == f"there is no file `{tmp_path / 'digit.npz'}`"
    assert help == f"did you mean `digits.npz`, in {tmp_path}?"


def test_a_missing_folder_is_told_where_the_path_breaks(tmp_path):
    (tmp_path / "data").mkdir()
    assert refused("npz", path=str(tmp_path / "dara" / "x.npz"))[2] == f"did you mean `data`, in {tmp_path}?"
    assert refused("npz", path=str(tmp_path / "zzz" / "x.npz"))[2] == f"there is no folder `zzz` in {tmp_path}"
    assert refused("npz", path=str(tmp_path / "data" / "x.npz"))[2] == f"{tmp_path / 'data'} is empty"


@pytest.mark.parametrize("name", ["npz", "npy", "csv"])
def test_a_pattern_that_nothing_matches_and_a_folder_are_refused(tmp_path, name):
    assert refused(name, path=str(tmp_path / "*.x"), fields=["data"])[:2] == (
        "S501",
        f"no file matches `{tmp_path / '*.x'}`",
    )
    assert refused(name, path=str(tmp_path), fields=["data"])[1] == f"`{tmp_path}` is a folder, not a file"


# --- npz and npy

some_arrays = arrays.arrays(
    st.sampled_from(["uint8", "int64", "float32", "<U3", "bool"]), arrays.array_shapes(max_dims=3, max_side=5)
)


@given(some_arrays)
def test_npz_and_npy_give_the_arrays_that_numpy_saved(tmp_path_factory, array):
    folder = tmp_path_factory.mktemp("numpy")
    np.savez(folder / "a.npz", x=array, other=np.zeros(7))
    np.save(folder / "a.npy", array)
    for read in (
        table("npz", path=str(folder / "a.npz"), fields=["x"]).columns["x"],
        table("npy", path=str(folder / "a.npy"), fields=["data"]).columns["data"],
    ):
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array)


def test_npz_knows_all_names_and_where_a_row_is(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3), y=np.ones(3))
    read = table("npz", path=str(tmp_path / "a.npz"), fields=["x"])
    assert (read.names, read.rows, read.origin.where(2)) == (("x", "y"), 3, "a.npz, row 2")


def test_npz_lays_archives_end_to_end(tmp_path):
    np.savez(tmp_path / "1.npz", x=np.arange(2), only_here=np.zeros(2))
    np.savez(tmp_path / "2.npz", x=np.arange(3))
    read = table("npz", path=str(tmp_path / "*.npz"), fields=["x", "only_here"])
    assert read.columns["x"].tolist() == [0, 1, 0, 1, 2]
    assert read.names == ("x",)
    assert read.origin.where(3) == "2.npz, row 1"


def test_npy_is_mapped_not_read_and_takes_a_file_a_field(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6).reshape(3, 2))
    np.save(tmp_path / "y.npy", np.arange(3))
    read = table("npy", path={"x": str(tmp_path / "x.npy"), "y": str(tmp_path / "y.npy")}, fields=["x", "y"])
    assert all(isinstance(column, np.memmap) for column in read.columns.values())
    assert read.columns["x"].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert (read.names, read.rows) == (("x", "y"), 3)


def test_pickled_objects_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    objects = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "a.npz", x=objects)
    np.save(tmp_path / "a.npy", objects)
    for name, path, field in (("npz", "a.npz", "x"), ("npy", "a.npy", "data")):
        code, message, _ = refused(name, path=str(tmp_path / path), fields=[field])
        assert code == "S503"
        assert "pickled Python objects" in message
    assert not (tmp_path / "sprung").exists()


def test_arrays_of_different_lengths_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3), y=np.zeros(2))
    np.save(tmp_path / "x.npy", np.zeros(3))
    np.save(tmp_path / "y.npy", np.zeros(2))
    told = "`x` has 3, `y` has 2"
    assert refused("npz", path=str(tmp_path / "a.npz"), fields=["x", "y"])[1].endswith(told)
    paths = {name: str(tmp_path / f"{name}.npy") for name in "xy"}
    assert refused("npy", path=paths, fields=["x", "y"])[1].endswith(told)


def test_a_single_value_is_no_field(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.float32(3))
    assert refused("npz", path=str(tmp_path / "a.npz"), fields=["x"])[0] == "S503"


def test_archives_whose_arrays_do_not_fit_together_are_refused(tmp_path):
    np.savez(tmp_path / "1.npz", x=np.zeros((2, 3)))
    np.savez(tmp_path / "2.npz", x=np.zeros((2, 4)))
    code, message, _ = refused("npz", path=str(tmp_path / "*.npz"), fields=["x"])
    assert (code, message) == ("S503", "`x` has shape (4,) an example in 2.npz and (3,) in 1.npz")


@pytest.mark.parametrize("name", ["npz", "npy"])
@pytest.mark.parametrize("kept", [0, 5, 40, 400, 1000])
def test_a_file_that_was_cut_off_is_told(tmp_path, name, kept):
    path = tmp_path / f"a.{name}"
    np.savez(path, data=np.arange(500)) if name == "npz" else np.save(path, np.arange(500))
    path.write_bytes(path.read_bytes()[:kept])
    code, message, _ = refused(name, path=str(path), fields=["data"])
    assert (code, message[:5]) == ("S503", f"a.{name}")


def test_a_damaged_archive_is_told(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", data=np.random.default_rng(0).integers(0, 9, 5000))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[300:310] = b"\0" * 10
    (tmp_path / "a.npz").write_bytes(content)
    code, message, _ = refused("npz", path=str(tmp_path / "a.npz"), fields=["data"])
    assert (code, message[:16]) == ("S503", "a.npz is damaged")


def test_one_numpy_format_in_place_of_the_other_names_the_right_reader(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.zeros(2))
    np.save(tmp_path / "a.npy", np.zeros(2))
    assert "`npz`" in refused("npy", path=str(tmp_path / "a.npz"), fields=["data"])[2]
    assert "`npy`" in refused("npz", path=str(tmp_path / "a.npy"), fields=["data"])[2]


# --- idx

IDX = {"uint8": 0x08, "int8": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx_bytes(array):
    head = struct.pack(
        f">HBB{array.ndim}I",
        0,
        IDX[array.dtype.str if array.itemsize > 1 else array.dtype.name],
        array.ndim,
        *array.shape,
    )
    return head + array.tobytes()


@given(
    st.sampled_from(list(IDX)).flatmap(
        lambda dtype: arrays.arrays(
            dtype, arrays.array_shapes(max_dims=4, max_side=4), elements={"allow_nan": False} if "f" in dtype else None
        )
    ),
    st.booleans(),
)
def test_idx_gives_the_array_that_was_written(tmp_path_factory, array, zipped):
    path = tmp_path_factory.mktemp("idx") / "images"
    path.write_bytes(gzip.compress(idx_bytes(array)) if zipped else idx_bytes(array))
    read = table("idx", images=str(path), fields=["image"]).columns["image"]
    assert read.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(read, array)


def test_idx_pairs_images_and_labels(tmp_path):
    (tmp_path / "i").write_bytes(idx_bytes(np.zeros((2, 3, 3), np.uint8)))
    (tmp_path / "l").write_bytes(idx_bytes(np.array([4, 5], np.uint8)))
    read = table("idx", images=str(tmp_path / "i"), labels=str(tmp_path / "l"), fields=["image", "label"])
    assert (read.names, read.rows) == (("image", "label"), 2)
    assert read.columns["label"].tolist() == [4, 5]


def test_idx_of_another_number_of_labels_is_refused(tmp_path):
    (tmp_path / "i").write_bytes(idx_bytes(np.zeros((2, 3, 3), np.uint8)))
    (tmp_path / "l").write_bytes(idx_bytes(np.zeros(3, np.uint8)))
    told = refused("idx", images=str(tmp_path / "i"), labels=str(tmp_path / "l"), fields=["image"])
    assert told[:2] == ("S503", "i has 2 images, and l 3 labels")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not an IDX file: it begins with nothing"),
        (b"\x89PNG\r\n", "is not an IDX file: it begins with 89 50 4e 47"),
        (idx_bytes(np.zeros((2, 3), np.uint8))[:-1], "declares shape [2, 3], 6 bytes, and holds 5"),
        (idx_bytes(np.zeros((2, 3), np.uint8)) + b"\0", "declares shape [2, 3], 6 bytes, and holds 7"),
        (idx_bytes(np.zeros((2, 3), np.uint8))[:7], "declares shape [0, 0], 0 bytes, and holds 0"),
        # No time of day in it: each worker must name this case alike.
        (gzip.compress(idx_bytes(np.arange(300, dtype=">i4")), mtime=0)[:50], "was cut off or is damaged"),
    ],
)
def test_idx_that_is_none_or_was_cut_off_is_told(tmp_path, content, message):
    (tmp_path / "images").write_bytes(content)
    code, told, _ = refused("idx", images=str(tmp_path / "images"), fields=["image"])
    assert (code, told) == ("S503", f"images {message}")


# --- image_folder


def pictures(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_image_folder_labels_pictures_by_their_folder_in_the_order_of_names(tmp_path):
    pictures(
        tmp_path,
        "dog/2.png",
        "dog/10.JPG",
        "cat/a.jpeg",
        "cat/deep/b.gif",
        "cat/notes.txt",
        "cat/.hidden.png",
        ".x/a.png",
    )
    read = table("image_folder", path=str(tmp_path), fields=["image", "label"])
    names = [str(Path(p).relative_to(tmp_path)) for p in read.columns["image"]]
    assert names == ["cat/a.jpeg", "cat/deep/b.gif", "dog/10.JPG", "dog/2.png"]
    assert read.columns["label"].tolist() == ["cat", "cat", "dog", "dog"]
    assert read.origin.where(3) == "dog/2.png"


def test_image_folder_takes_several_folders(tmp_path):
    pictures(tmp_path, "monday/cat/1.png", "tuesday/cat/2.png")
    assert table("image_folder", path=str(tmp_path / "*day"), fields=["label"]).rows == 2


@pytest.mark.parametrize(
    ("there", "help"),
    [
        (["a.png"], "put them into a folder a class"),
        (["cat/a.txt"], "it holds `cat`"),
        ([], "it holds nothing"),
    ],
)
def test_image_folder_without_pictures_says_what_is_there(tmp_path, there, help):
    pictures(tmp_path, *there)
    code, _, told = refused("image_folder", path=str(tmp_path), fields=["image"])
    assert code == "S501"
    assert help in told


# --- random

FIELDS = {
    "image": feature("image", size=[4, 6], channels=3),
    "number": feature("number", clip=[2, 3]),
    "color": feature("category", vocabulary=["red", "green"]),
    "digit": feature("category", classes=10),
    "yes": feature("binary"),
    "sick": feature("binary", positive="ill"),
    "tensor": feature("tensor", shape=[2, 5]),
    "group": None,
}


def drawn(fields, seed, examples=20):
    return read_all(word("readers", "random")(examples=examples).open(fields, seed), fields)


def test_random_makes_examples_that_every_feature_reads():
    read = drawn(FIELDS, 0, examples=50)
    assert read.rows == 50
    shapes = {}
    for name, kind in FIELDS.items():
        if kind is not None:
            values = kind.read(read.columns[name], read.origin)
            kind.read(values, read.origin, learned(kind, values))
            shapes[name] = values.shape
    assert shapes["image"] == (50, 4, 6, 3)
    assert shapes["tensor"] == (50, 2, 5)
    assert (read.columns["number"] >= 2).all()
    assert (read.columns["number"] <= 3).all()


def test_random_is_a_function_of_the_seed_and_of_each_field_alone():
    both, one = drawn(FIELDS, 3), drawn({"digit": FIELDS["digit"]}, 3)
    np.testing.assert_array_equal(both.columns["digit"], one.columns["digit"])
    assert (both.columns["digit"] != drawn(FIELDS, 4).columns["digit"]).any()


@pytest.mark.parametrize(
    ("kind", "remedy"), [(feature("image"), "size"), (feature("tensor"), "shape"), (feature("category"), "classes")]
)
def test_random_cannot_make_up_what_only_data_could_tell(kind, remedy):
    with pytest.raises(Refusal) as refusal:
        word("readers", "random")(examples=5).open({"x": kind}, 0)
    assert refusal.value.code.id == "S104"
    assert remedy in refusal.value.help
