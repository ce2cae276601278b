"""Windows of a series: judged by NumPy's sliding windows and pandas, never across the border of a split."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from data_plans import ORIGIN, data_plan, everything, feature, reader, told
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from specc.backend.data import open_data
from specc.diagnostics import Log, Refusal

ROWS = 200


@pytest.fixture
def series(tmp_path):
    """A table of two measurements and an hour, its rows in no order; and the same as pandas sorts them."""
    generator = np.random.default_rng(4)
    rows = pd.DataFrame(
        {
            "at": pd.date_range("2024-02-01", periods=ROWS, freq="h").strftime("%Y-%m-%d %H:%M"),
            "heat": generator.normal(15, 5, ROWS).cumsum().round(2),
            "wind": generator.gamma(2, 3, ROWS).round(2),
            "hour": np.arange(ROWS) % 24,
        }
    )
    rows.sample(frac=1, random_state=1).to_csv(tmp_path / "a.csv", index=False)
    return tmp_path / "a.csv", rows


def plan_of(path, *, scale="none", stride=None, skip=None, **options):
    inputs = {
        "recent": feature("window", columns=["heat", "wind"], past=6, stride=stride, scale=scale),
        "clock": feature("window", columns=["hour"], past=6, future=3),
    }
    targets = {"heat": feature("window", future=3, scale=scale)}
    source = reader("csv", path=str(path))
    return data_plan(source, inputs, targets, **{"order": "at", "validation": 0.2, "test": 0.1} | options, skip=skip)


def parts(rows):
    return {"train": rows[:140], "validation": rows[140:180], "test": rows[180:]}


def windows(rows, columns, length):
    """All windows of so many rows: [windows, rows, columns]."""
    return sliding_window_view(rows[columns].to_numpy(), length, axis=0).swapaxes(1, 2)


@pytest.mark.parametrize("stride", [None, 1, 5])
def test_past_future_and_what_is_known_beforehand_are_sliding_windows_of_each_split(series, stride):
    path, rows = series
    data = open_data(plan_of(path, stride=stride), Log())
    for name, part in parts(rows).items():
        split, step = data.splits[name], stride or 1
        count = len(range(0, len(part) - 8, step))
        assert split.examples == count
        np.testing.assert_allclose(
            everything(split, "recent"), windows(part[:-3], ["heat", "wind"], 6)[::step], rtol=1e-6
        )
        np.testing.assert_allclose(everything(split, "heat"), windows(part[6:], ["heat"], 3)[::step], rtol=1e-6)
        np.testing.assert_allclose(everything(split, "clock"), windows(part, ["hour"], 9)[::step])


def test_the_future_is_what_pandas_shifts_into_place(series):
    path, rows = series
    data = open_data(plan_of(path, validation=0, test=0), Log())
    train = data.splits["train"]
    ahead = pd.concat([rows.heat.shift(-step) for step in (1, 2, 3)], axis=1).iloc[5 : ROWS - 3]
    np.testing.assert_allclose(everything(train, "heat")[:, :, 0], ahead, rtol=1e-6)


@pytest.mark.parametrize(("scale", "scaler"), [("standard", StandardScaler), ("minmax", MinMaxScaler)])
def test_each_column_is_scaled_as_scikit_learn_scales_it_by_the_training_rows(series, scale, scaler):
    path, rows = series
    data = open_data(plan_of(path, scale=scale), Log())
    fitted = scaler().fit(rows[["heat", "wind"]][:140].to_numpy())
    test = parts(rows)["test"].copy()
    test[["heat", "wind"]] = fitted.transform(test[["heat", "wind"]].to_numpy())
    np.testing.assert_allclose(
        everything(data.splits["test"], "recent"), windows(test[:-3], ["heat", "wind"], 6), atol=1e-5
    )


def test_a_row_that_is_passed_over_takes_its_windows_with_it(series):
    path, rows = series
    table = pd.read_csv(path)
    table.loc[table["at"] == rows["at"][50], "heat"] = np.nan
    table.to_csv(path, index=False)
    data = open_data(plan_of(path, skip=0.1, validation=0, test=0), Log())
    # 9 rows from the first of the past to the last of the future: an example is there if none of them is row 50.
    expected = [own for own in range(5, ROWS - 3) if not own - 5 <= 50 <= own + 3]
    recent = everything(data.splits["train"], "recent")
    assert len(recent) == len(expected)
    np.testing.assert_allclose(recent[:, -1, 0], rows.heat[expected], rtol=1e-6)


@pytest.mark.parametrize("cache", ["memory", "disk"])
@pytest.mark.parametrize("past", [1, 4])
def test_windows_are_the_same_wherever_rows_are_kept(series, cache, past):
    path, rows = series
    inputs = {"recent": feature("window", columns=["wind"], past=past)}
    plan = data_plan(reader("csv", path=str(path)), inputs, {"heat": feature("number")}, order="at", cache=cache)
    split = open_data(plan, Log()).splits["train"]
    np.testing.assert_allclose(everything(split, "recent"), windows(rows, ["wind"], past), rtol=1e-6)
    np.testing.assert_allclose(everything(split, "heat")[:, 0], rows.heat[past - 1 :], rtol=1e-6)


def test_a_split_shorter_than_a_window_is_empty(series):
    path, _ = series
    (found,) = told(open_data, plan_of(path, test=0.02))
    assert found[:3] == ("S505", 5, "the test split is empty: none of its 4 rows makes an example")


def test_a_missing_value_is_told_with_file_and_line(tmp_path):
    (tmp_path / "a.csv").write_text("x\n1\n2\nNA\n3\n")
    plan = data_plan(reader("csv", path=str(tmp_path / "a.csv")), {"x": feature("window", past=2)}, {})
    (found,) = told(open_data, plan)
    assert found[:3] == ("S503", 10, "a value of the series in a.csv:4 (column `x`) is missing")


def test_a_window_of_another_shape_is_refused_when_it_is_served():
    window = feature("window", columns=["a", "b"], past=4)
    assert window.read(np.zeros((3, 4, 2)), ORIGIN).shape == (3, 4, 2)
    with pytest.raises(Refusal, match=r"shape \[5, 2\] was given, and \[4, 2\] is needed"):
        window.read(np.zeros((3, 5, 2)), ORIGIN)


# --- a run


SPEC = """
specc: 1
dataset:
  source: {csv: a.csv}
  inputs:
    recent: {type: window, columns: [heat, wind], past: 6, scale: standard}
    clock: {type: window, columns: [hour], past: 6, future: 3}
  targets:
    heat: {type: window, future: 3, scale: standard}
  split: {validation: 0.2, test: 0.2, order: at}
model:
  layers:
    - Flatten:
      name: seen
      inputs: recent
    - Flatten:
      name: known
      inputs: clock
    - Concatenate:
      inputs: [seen, known]
    - Dense: 3
    - Reshape: [3, 1]
training: {loss: mse, optimizer: adam, metrics: [mae], epochs: 2}
export: [saved_model]
"""


def test_a_forecast_is_asked_for_in_json_lines_and_answered_in_the_units_of_the_series(series, cli, write):
    path, rows = series
    spec = write("spec.yaml", SPEC)
    run = path.parent / "run"
    ended = cli("run", spec, "--out", run)
    assert ended.status == 0, ended.err
    asked = {"recent": rows[["heat", "wind"]][20:26].to_numpy(), "clock": rows[["hour"]][20:29].to_numpy()}
    lines = json.dumps({name: values.tolist() for name, values in asked.items()}) + "\n"
    ended = cli("predict", run, write("ask.jsonl", lines))
    assert ended.status == 0, ended.err
    answer = json.loads(ended.out)["heat"]

    import keras
    import tensorflow as tf

    scaler = StandardScaler().fit(rows[["heat", "wind"]][:120].to_numpy())
    model = keras.saving.load_model(run / "model.keras")
    told = model({"recent": scaler.transform(asked["recent"])[None], "clock": asked["clock"][None]}.copy())
    expected = np.asarray(told["heat"])[0] * scaler.scale_[0] + scaler.mean_[0]
    np.testing.assert_allclose(answer, expected, rtol=1e-4)
    served = tf.saved_model.load(str(run / "export" / "saved_model")).signatures["serving_default"]
    raw = {name: tf.constant(values[None], tf.float32) for name, values in asked.items()}
    np.testing.assert_allclose(served(**raw)["heat"][0], expected, rtol=1e-4)


def test_a_row_instead_of_a_window_is_told(series, cli, write):
    path, _ = series
    run = path.parent / "run"
    assert cli("run", write("spec.yaml", SPEC.replace("export: [saved_model]", "")), "--out", run).status == 0
    ended = cli("predict", run, write("ask.jsonl", '{"recent": 3, "clock": 2}\n'))
    assert ended.status == 1
    assert "`recent` in ask.jsonl:1 is no window of 6 rows of 2 numbers" in ended.err


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({", order: at": ""}, "S105", "rows drawn at random do not follow one another"),
        ({", order: at": ", group: hour"}, "S105", "`group` tears apart the rows"),
        (
            {"future: 3, scale": "future: 3, stride: 2, scale", "past: 6, scale": "past: 6, stride: 3, scale"},
            "S105",
            "",
        ),
        ({"columns: [hour], past: 6": "columns: [hour, heat], past: 6"}, "S105", "holds the very rows"),
        ({"past: 6, scale": "scale"}, "S104", "a window needs `past` or `future`"),
        ({"heat: {type: window": "heat: {type: window, column: heat, columns: [heat]"}, "S105", "both say what is"),
    ],
)
def test_windows_that_do_not_go_together_are_told_before_data_is_read(cli, write, change, code, message):
    text = SPEC
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    ended = cli("validate", write("spec.yaml", text))
    assert ended.status == 1
    assert code in ended.out + ended.err
    assert message in ended.out + ended.err
