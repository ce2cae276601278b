"""One row among many that is not like the others: it is told, or mended, and no other is blamed."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from data_plans import ORIGIN, data_plan, everything, feature, learned, reader, told

from specc.backend.data import open_data
from specc.diagnostics import Log

GOOD = {"tensor": [0.5] * 16, "image": [[7] * 4] * 4, "audio": [0.25] * 16}
SOUGHT = {"tensor": {"shape": [16]}, "image": {"size": [4, 4]}, "audio": {"rate": 8000, "seconds": 0.002}}
ODD = {
    "shorter": (lambda good: good[:2], "the shape "),
    "a text": (lambda good: "abc", "no numbers in an array"),
    "ragged inside": (lambda good: [[1], [1, 2]], "no numbers in an array"),
}


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("odd", ODD)
def test_an_array_unlike_the_others_is_the_one_that_is_told(tmp_path, kind, odd):
    change, what = ODD[odd]
    rows = [change(GOOD[kind]) if number == 6 else GOOD[kind] for number in range(10)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps({"x": x, "y": n % 2}) + "\n" for n, x in enumerate(rows)))
    source = reader("jsonl", path=str(tmp_path / "t.jsonl"))
    fields = {"x": feature(kind, **SOUGHT[kind])}, {"y": feature("binary")}
    ((code, line, message, help),) = told(open_data, data_plan(source, *fields))
    assert (code, line) == ("S503", 10)
    shape = np.shape(GOOD[kind])
    assert message == f"t.jsonl:7 (column `x`) holds no array of the shape {list(shape)}, and others do"
    assert help.startswith(f"here is {what}")
    data = open_data(data_plan(source, *fields, skip=0.2), Log())
    assert data.splits["train"].rows.tolist() == [0, 1, 2, 3, 4, 5, 7, 8, 9]
    (first,) = data.described["skipped"]["all"]["first"]
    assert "t.jsonl:7 (column `x`)" in first


def parquet(folder, **columns):
    pq.write_table(pa.table(columns), folder / "t.parquet")
    return reader("parquet", path=str(folder / "t.parquet"))


@pytest.mark.parametrize("rows", [9, 300], ids=["each", "coded"])
def test_blanks_around_a_class_are_no_part_of_it(tmp_path, rows):
    labels = (["a", "b", "a "] * rows)[:rows]
    source = parquet(tmp_path, x=np.arange(float(rows)), label=labels)
    plan = data_plan(source, {"x": feature("number")}, {"label": feature("category")})
    data = open_data(plan, Log())
    assert data.states["targets.label"]["vocabulary"] == ["a", "b"]
    assert everything(data.splits["train"], "label").tolist() == [0, 1, 0] * (rows // 3)
    plan = data_plan(source, {"x": feature("number")}, {"label": feature("category", vocabulary=["a", "b"])})
    assert everything(open_data(plan, Log()).splits["train"], "label").tolist() == [0, 1, 0] * (rows // 3)


def test_the_most_frequent_of_a_vocabulary_are_counted_without_blanks(tmp_path):
    source = parquet(tmp_path, x=["a", "a ", "b", "b", "b", "a ", "a ", "c"] * 30)
    data = open_data(data_plan(source, {"x": feature("category", max_vocabulary=1, oov=1)}, {}), Log())
    assert data.states["inputs.x"]["vocabulary"] == ["a"]


@pytest.mark.parametrize("positive", ["cat", "cat "])
def test_blanks_around_yes_do_not_make_it_no(tmp_path, positive):
    source = parquet(tmp_path, x=[1.0, 2.0, 3.0], y=["cat", "cat ", "dog"])
    data = open_data(data_plan(source, {"x": feature("number")}, {"y": feature("binary", positive=positive)}), Log())
    assert everything(data.splits["train"], "y").ravel().tolist() == [1, 1, 0]


@pytest.mark.parametrize("kind", [feature("category"), feature("binary", positive="b")])
def test_what_is_served_takes_blanks_too(kind):
    values = kind.read(np.array(["a", "b", "b"], object), ORIGIN)
    state = learned(kind, values)
    served = kind.prepare(tf, tf.constant([" a", "b\n", "b"]), state).numpy().ravel()
    np.testing.assert_array_equal(served, kind.prepare(tf, tf.constant(values), state).numpy().ravel())


def test_blanks_do_not_part_a_group(tmp_path):
    groups = [f"{row // 4}{' ' * (row % 2)}" for row in range(40)]
    source = parquet(tmp_path, x=np.arange(40.0), who=groups)
    data = open_data(data_plan(source, {"x": feature("number")}, {}, group="who", test=0.3), Log())
    sides = [{groups[row].strip() for row in split.rows} for split in data.splits.values()]
    assert not sides[0] & sides[1]
