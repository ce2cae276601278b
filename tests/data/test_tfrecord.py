"""`tfrecord` gives what TensorFlow wrote, without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from reading import read_all, refused, table

from specc.kinds import word

FEATURES = {
    "bytes": lambda values: tf.train.Feature(bytes_list=tf.train.BytesList(value=values)),
    "float": lambda values: tf.train.Feature(float_list=tf.train.FloatList(value=values)),
    "int": lambda values: tf.train.Feature(int64_list=tf.train.Int64List(value=values)),
}


def write(path, rows, compression=""):
    """Rows of `{name: (kind, values)}`, by TensorFlow."""
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for row in rows:
            feature = {name: FEATURES[kind](values) for name, (kind, values) in row.items()}
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def rows(count):
    generator = np.random.default_rng(count)
    return [
        {
            "x": ("float", generator.normal(size=4).astype(np.float32).tolist()),
            "n": ("int", [int(generator.integers(-(2**62), 2**62))]),
            "word": ("bytes", [f"wörd {i % 3}".encode()]),
            "jpeg": ("bytes", [b"\xff\xd8" + bytes([i % 256])]),
        }
        for i in range(count)
    ]


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz", "gzipped"])
def test_examples_are_those_that_tensorflow_wrote(tmp_path, name):
    written = rows(500)
    write(tmp_path / name, written, "" if name == "a.tfrecord" else "GZIP")
    read = table("tfrecord", path=str(tmp_path / name), fields=["x", "n", "word", "jpeg"])
    assert set(read.names) == {"x", "n", "word", "jpeg"}
    np.testing.assert_array_equal(read.columns["x"].astype(np.float32), [row["x"][1] for row in written])
    assert read.columns["n"].tolist() == [row["n"][1][0] for row in written]
    assert read.columns["word"].tolist() == [row["word"][1][0].decode() for row in written]
    assert read.columns["jpeg"].tolist() == [row["jpeg"][1][0] for row in written]
    assert read.origin.where(7) == f"{name}, record 7"


def test_a_feature_that_an_example_lacks_is_missing_there(tmp_path):
    write(tmp_path / "a", [{"x": ("float", [1.0])}, {"y": ("int", [2])}, {"x": ("float", [])}])
    read = table("tfrecord", path=str(tmp_path / "a"), fields=["x", "y"])
    assert np.isnan(read.columns["x"].astype(float)).tolist() == [False, True, True]
    assert np.isnan(read.columns["y"]).tolist() == [True, False, True]


def test_lists_of_several_lengths_are_an_array_each(tmp_path):
    write(tmp_path / "a", [{"x": ("int", [1, 2])}, {"x": ("int", [3, 4, 5])}])
    read = table("tfrecord", path=str(tmp_path / "a"), fields=["x"])
    assert [list(row) for row in read.columns["x"]] == [[1, 2], [3, 4, 5]]


def test_a_record_of_a_wrong_checksum_is_told_or_passed_over(tmp_path):
    write(tmp_path / "a", [{"x": ("int", [number])} for number in range(5)])
    content = bytearray((tmp_path / "a").read_bytes())
    size = len(content) // 5
    content[2 * size + 14] ^= 1
    (tmp_path / "a").write_bytes(content)
    told = ("S503", "a, record 2 cannot be read: its checksum is wrong")
    assert refused("tfrecord", path=str(tmp_path / "a"), fields=["x"])[:2] == told
    skipped = {}
    opened = word("readers", "tfrecord")(path=str(tmp_path / "a")).open({"x": None}, 0, skipped.__setitem__)
    assert read_all(opened, ["x"]).columns["x"].tolist() == [0, 1, 3, 4]
    assert skipped == {"a, record 2": "its checksum is wrong"}
    assert opened.origin.where(2) == "a, record 3"


@pytest.mark.parametrize("kept", [7, 40, -1])
def test_a_file_that_was_cut_off_is_told(tmp_path, kept):
    write(tmp_path / "a", rows(3))
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:kept])
    code, message, _ = refused("tfrecord", path=str(tmp_path / "a"), fields=["x"])
    assert code == "S503"
    assert "damaged" in message


def test_other_files_are_told_from_records(tmp_path):
    (tmp_path / "a").write_text("id,height\n1,2\n")
    told = "a is no file of TensorFlow's records, or is damaged"
    assert refused("tfrecord", path=str(tmp_path / "a"), fields=["x"])[:2] == ("S503", told)


def test_tensorflow_is_not_loaded_for_it(tmp_path):
    write(tmp_path / "a", rows(3))
    script = (
        "import sys\nfrom specc.kinds import word\n"
        "opened = word('readers', 'tfrecord')(path=sys.argv[1]).open({'n': None}, 0)\n"
        "print(sum(len(c['n']) for c in opened.chunks()), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "a"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["3", "False"]
