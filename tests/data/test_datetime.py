"""`datetime`: the parts that pandas finds, read by graph operations when served."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from data_plans import ORIGIN, data_plan, everything, feature, learned, reader
from hypothesis import given, settings
from hypothesis import strategies as st

import specc.backend  # noqa: F401  (TensorFlow, quietly)
from specc.backend.data import open_data
from specc.diagnostics import Log, Refusal
from specc.kinds.features.datetime import CYCLES, RANGES

PANDAS = {"dayofyear": "day_of_year"}
ALL = [*RANGES, *CYCLES]
moments = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2260, 1, 1))


def objects(*values):
    return np.array(values, dtype=object)


def prepared(kind, column):
    values = kind.read(column, ORIGIN)
    state = learned(kind, values)
    tensor = kind.prepare(tf, tf.constant(values, kind.raw(state).dtype), state).numpy()
    assert tensor.dtype.name == kind.tensor(state).dtype == kind.kept(state)
    assert tensor.shape == (len(values), *kind.facts(state)["shape"])
    return tensor


def judged(texts, parts):
    """The same parts as pandas finds them."""
    stamps = [pd.Timestamp(text) for text in texts]
    columns = []
    for name in parts:
        part, _, turn = name.partition("_")
        first, count = RANGES[part]
        raw = [stamp.weekday() if part == "weekday" else getattr(stamp, PANDAS.get(part, part)) for stamp in stamps]
        share = (np.array(raw, np.float64) - first) / count
        columns.append({"": share, "sin": np.sin(2 * np.pi * share), "cos": np.cos(2 * np.pi * share)}[turn])
    return np.stack(columns, axis=1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda moment, form, zone: moment.strftime(form).zfill(10) + (zone if ":" in form else ""),
            moments,
            st.sampled_from(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"]),
            st.sampled_from(["", "Z", "+02:00", "-0730", "+05"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_parts_are_those_that_pandas_finds(texts):
    np.testing.assert_allclose(prepared(feature("datetime", parts=ALL), objects(*texts)), judged(texts, ALL), atol=1e-6)


def test_every_day_of_400_years_has_its_place():
    days = np.arange("1900-01-01", "2300-01-01", dtype="datetime64[D]")
    parts = ["year", "month", "day", "dayofyear", "weekday"]
    stamps = pd.date_range("1900-01-01", "2299-12-31", unit="s")
    columns = (stamps.year, stamps.month, stamps.day, stamps.day_of_year, stamps.day_of_week)
    expected = [(c.to_numpy() - RANGES[p][0]) / RANGES[p][1] for p, c in zip(parts, columns, strict=True)]
    np.testing.assert_allclose(prepared(feature("datetime", parts=parts), days), np.stack(expected, 1), atol=1e-6)


def test_dates_of_python_and_of_numpy_are_read():
    kind = feature("datetime", parts=["hour", "day"])
    expected = [[0.5, 28 / 31]]
    for column in (
        objects(datetime.datetime(2024, 2, 29, 12, 30)),
        objects(pd.Timestamp("2024-02-29 12:30")),
        np.array(["2024-02-29T12:30"], "datetime64[ns]"),
        np.array(["2024-02-29T12:30"]),
    ):
        np.testing.assert_allclose(prepared(kind, column), expected, atol=1e-6)
    np.testing.assert_allclose(prepared(kind, objects(datetime.date(2024, 2, 29)))[0, 1], 28 / 31, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        *("2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "2024-04-31", "1900-02-29", "0000-01-01"),
        *("2024-01-01T24:00", "2024-01-01T10:60", "2024-01-01T10:10:60", "2024-1-1", "01.02.2024", "yesterday"),
        *("2024-01-01T10", "\u0662\u0660\u0662\u0664-01-01"),
    ],
)
def test_what_is_no_date_is_refused_when_read_and_when_served(text):
    kind = feature("datetime", parts=["day"])
    with pytest.raises(Refusal) as refusal:
        kind.read(objects("2024-01-01", text), ORIGIN)
    assert refusal.value.code.id == "S503"
    assert refusal.value.message == f"`{text}` in table.csv:3 is no date"
    with pytest.raises(tf.errors.InvalidArgumentError, match="a date cannot be read"):
        kind.prepare(tf, tf.constant(["2024-01-01", text]), {"raw": "string"})


def test_a_missing_date_is_refused():
    kind = feature("datetime", parts=["day"])
    for column in (objects("2024-01-01", "", None), np.array(["2024-01-01", "NaT", "NaT"], "datetime64[s]")):
        with pytest.raises(Refusal) as refusal:
            kind.read(column, ORIGIN)
        assert refusal.value.message == "the date in table.csv:3 and 1 other row is missing"
    with pytest.raises(tf.errors.InvalidArgumentError, match="a date cannot be read"):
        kind.prepare(tf, tf.constant([""]), {"raw": "string"})


def test_what_is_served_equals_the_pipeline(tmp_path):
    texts = ["2024-02-29", "1999-12-31T23:59:59", "2031-07-04 06:30"]
    (tmp_path / "rows.csv").write_text("when,y\n" + "".join(f"{text},1\n" for text in texts))
    kind = feature("datetime", parts=ALL)
    plan = data_plan(reader("csv", path=str(tmp_path / "rows.csv")), {"when": kind}, {"y": feature("number")})
    data = open_data(plan, Log())
    module = tf.Module()
    module.prepare = tf.function(
        lambda batch: kind.prepare(tf, batch, {"raw": "string"}), input_signature=[tf.TensorSpec([None], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    served = tf.saved_model.load(str(tmp_path / "saved")).prepare(tf.constant(texts))
    pipeline = everything(data.splits["train"], "when")
    np.testing.assert_allclose(served, pipeline, atol=1e-6)
    np.testing.assert_allclose(pipeline, judged(texts, ALL), atol=1e-6)


def test_dates_are_made_up_for_the_reader_random():
    kind = feature("datetime", parts=["year"])
    made = prepared(kind, kind.sample(np.random.default_rng(0), 50))
    assert -0.31 < made.min() < made.max() < 0.4
