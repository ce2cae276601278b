"""A `tensor` whose numbers lie in columns side by side, in tables with a header and without one."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from data_plans import data_plan, everything, feature, reader, told
from reading import read_all, refused, table

from specc.backend.data import open_data
from specc.data.opening import open_sources
from specc.diagnostics import Log, Refusal
from specc.kinds import word


@pytest.mark.parametrize("text", ["1,a\n2,b\n", "\n1,a\n\n2,b\n", "\ufeff1,a\n2,b\n", ' 1 ,a\n2,"b, c"'])
def test_a_table_without_a_header_is_what_pandas_reads(write, text):
    path = write("t.csv", text)
    read = table("csv", path=str(path), header=False, fields=["0", "1"])
    rows = pd.read_csv(io.StringIO(text.removeprefix("\ufeff")), header=None, dtype=str, skipinitialspace=True)
    assert read.names == ("0", "1")
    assert read.rows == 2
    assert {int(name): list(values) for name, values in read.columns.items()} == {
        name: [value.strip() for value in rows[name]] for name in rows
    }


def test_a_table_without_a_header_names_the_lines_of_its_rows(write):
    path = str(write("t.csv", '1,2\n\n"x\ny",2\n3,4,5\n6,7\n'))
    assert refused("csv", path=path, header=False, fields=["0"])[:2] == (
        "S503",
        "t.csv:5 cannot be read: expected 2 columns, got 3: 3,4,5",
    )
    skipped = []
    opened = word("readers", "csv")(path=path, header=False).open(
        {"0": None}, 0, lambda where, what: skipped.append((where, what))
    )
    assert read_all(opened, ["0"]).columns["0"].tolist() == ["1", "x\ny", "6"]
    assert skipped == [("t.csv:5", "3 values, and the first row has 2")]
    assert [opened.origin.where(row) for row in range(3)] == ["t.csv:1", "t.csv:3", "t.csv:6"]


def test_a_table_without_rows_has_no_columns(write):
    path = str(write("t.csv", "\n\n"))
    assert refused("csv", path=path, header=False)[:2] == ("S503", "t.csv has no row, and so no columns")


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize("shape", [None, [6], [2, 3], [3, 1, 2]])
def test_columns_fill_a_shape_row_by_row(tmp_path, dtype, shape):
    numbers = np.random.default_rng(0).integers(-99, 99, (40, 8))
    np.savetxt(tmp_path / "t.csv", numbers, fmt="%d", delimiter=",")
    plan = data_plan(
        reader("csv", path=str(tmp_path / "t.csv"), header=False),
        {"x": feature("tensor", columns=range(1, 7), shape=shape, dtype=dtype)},
        {"y": ("7", feature("number"))},
    )
    got = everything(open_data(plan, Log()).splits["train"], "x")
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, numbers[:, 1:7].reshape(40, *(shape or [6])))


def test_a_value_that_is_no_number_is_told_with_its_column_and_line(write):
    path = write("t.csv", "a,b,y\n1,2,0\n3,four,1\n")
    plan = data_plan(reader("csv", path=str(path)), {"x": feature("tensor", columns=["a", "b"])}, {})
    ((code, line, message, _),) = told(open_sources, plan)
    assert (code, line) == ("S503", 10)
    assert "`four` in t.csv:3 (column `b`) is not a number" in message


def test_of_many_columns_that_are_not_there_the_first_are_told(write):
    path = write("t.csv", "a,y\n1,0\n2,1\n")
    plan = data_plan(reader("csv", path=str(path)), {"x": feature("tensor", columns=range(500))}, {})
    assert [(code, message) for code, _, message, _ in told(open_sources, plan)] == [
        ("S502", f"t.csv has no column `{number}`") for number in range(3)
    ]


def test_columns_of_arrays_that_do_not_fit_side_by_side_are_told(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros((4, 3)), b=np.zeros(4))
    for same in (feature("tensor", columns=["a", "b"]), feature("window", columns=["a", "b"], past=2)):
        plan = data_plan(reader("npz", path=str(tmp_path / "a.npz")), {"x": same}, {})
        ((code, _, message, _),) = told(open_sources, plan)
        assert (code, message) == ("S503", "the columns of `x` hold arrays of different shapes")


def test_a_shape_that_columns_cannot_fill_is_refused():
    with pytest.raises(Refusal, match=r"`shape` \[2, 2\] has 4 values, and there are 3 columns") as refusal:
        feature("tensor", columns=["a", "b", "c"], shape=[2, 2])
    assert (refusal.value.code.id, refusal.value.argument) == ("S105", "shape")


SPEC = """
specc: 1
dataset:
  source: {csv: {path: t.csv, header: false}}
  inputs: {x: {type: tensor, columns: "${range(1, 5)}"}}
  targets: {y: {type: number, column: 0}}
  split: {test: 0.2}
model:
  layers:
    - Dense: 1
training: {loss: mse, optimizer: adam}
export: [saved_model]
"""


def test_a_network_is_asked_by_the_columns_that_it_learnt_from(tmp_path, cli, write):
    numbers = np.random.default_rng(0).normal(size=(50, 5)).round(3)
    np.savetxt(tmp_path / "t.csv", numbers, fmt="%.3f", delimiter=",")
    run = tmp_path / "run"
    ended = cli("run", write("spec.yaml", SPEC), "--out", run)
    assert ended.status == 0, ended.err

    import keras
    import tensorflow as tf

    model = keras.saving.load_model(run / "model.keras")
    expected = np.asarray(model({"x": numbers[:3, 1:].astype("float32")})["y"])
    served = tf.saved_model.load(str(run / "export" / "saved_model")).signatures["serving_default"]
    np.testing.assert_allclose(served(x=tf.constant(numbers[:3, 1:], tf.float32))["y"], expected, rtol=1e-5)

    text = "".join(",".join(map(str, row)) + "\n" for row in numbers[:3])
    ended = cli("predict", run, write("ask.csv", text))
    assert ended.status == 0, ended.err
    answered = np.loadtxt(io.StringIO(ended.out), delimiter=",")
    np.testing.assert_allclose(answered[:, :5], numbers[:3])
    np.testing.assert_allclose(answered[:, 5:], expected, rtol=1e-5)

    lines = "".join(json.dumps({str(n): v for n, v in enumerate(row)}) + "\n" for row in numbers[:3])
    ended = cli("predict", run, write("ask.jsonl", lines))
    assert ended.status == 0, ended.err
    np.testing.assert_allclose([json.loads(line)["y"] for line in ended.out.splitlines()], expected[:, 0], rtol=1e-5)

    ended = cli("predict", run, write("ask.csv", "1,2,3,4,five\n"))
    assert ended.status == 1
    assert "`five` in ask.csv:1 (column `4`) is not a number" in ended.err
    ended = cli("predict", run, write("ask.csv", "1,2\n"))
    assert [f"has no column `{n}`" in ended.err for n in (2, 3, 4)] == [True] * 3
    ended = cli("predict", run, write("ask.jsonl", '{"1": [1, 2], "2": 0, "3": 0, "4": 0}'))
    assert ended.status == 1
    assert "S503" in ended.err


def test_made_up_examples_have_the_columns(cli, write):
    spec = SPEC.replace("{csv: {path: t.csv, header: false}}", "{random: {examples: 40}}")
    spec = spec.replace("export: [saved_model]\n", "")
    assert cli("run", write("spec.yaml", spec), "--dry-run").status == 0


def test_a_table_of_many_columns_shows_the_first_and_the_last(tmp_path, cli, write):
    np.savetxt(tmp_path / "t.csv", np.random.default_rng(0).normal(size=(50, 9)), delimiter=",")
    ended = cli("validate", "--data", write("spec.yaml", SPEC.replace("range(1, 5)", "range(1, 9)")))
    assert ended.status == 0, ended.err
    assert "1, 2, … 8 (8)" in ended.out
