"""Splits of data as it lies: in order, by group, within a limit; and the same batches wherever examples are kept."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from data_plans import data_plan, everything, feature, reader, told
from PIL import Image

import specc.data.sources
from specc.backend.data import open_data, open_split
from specc.diagnostics import Log

SHARES = {"validation": 0.2, "test": 0.1}


def opened(plan):
    return open_data(plan, Log())


def days(path, values, name="day"):
    """A table of `x`, which is its row number, beside a column to order by; its plan divides it in that order."""
    pd.DataFrame({"x": np.arange(len(values)), name: values, "y": np.arange(len(values)) % 2}).to_csv(path, index=False)
    fields = {"x": feature("number", scale="standard")}, {"y": feature("binary")}
    return data_plan(reader("csv", path=str(path)), *fields, order=name, **SHARES)


def in_order(column):
    """The rows of each split as pandas sorts them."""
    rows = column.sort_values(kind="stable").index.to_numpy()
    return {"train": rows[:70], "validation": rows[70:90], "test": rows[90:]}


GENERATOR = np.random.default_rng(5)
SHUFFLED = GENERATOR.permutation(100)
DATES = pd.to_datetime("2023-12-01") + pd.to_timedelta(SHUFFLED, "D")


@pytest.mark.parametrize(
    ("written", "judged"),
    [
        (SHUFFLED, SHUFFLED),
        (SHUFFLED - 50.5, SHUFFLED - 50.5),
        (GENERATOR.integers(9, size=100), None),
        (DATES.strftime("%Y-%m-%d"), DATES),
        (DATES.strftime("%Y/%m/%d %H:%M"), DATES),
        (DATES.strftime("%Y-%m-%dT%H:%M:%SZ"), DATES),
    ],
    ids=["whole numbers", "numbers", "numbers that come again", "dates", "dates with slashes", "moments"],
)
def test_the_last_rows_in_order_are_tested_on_and_those_before_validated(tmp_path, written, judged):
    data = opened(days(tmp_path / "a.csv", written))
    expected = in_order(pd.Series(written if judged is None else judged))
    assert {name: split.rows.tolist() for name, split in data.splits.items()} == {
        name: rows.tolist() for name, rows in expected.items()
    }


def test_what_is_learnt_comes_from_the_first_rows_in_order(tmp_path):
    state = opened(days(tmp_path / "a.csv", SHUFFLED)).states["inputs.x"]
    first = in_order(pd.Series(SHUFFLED))["train"]
    np.testing.assert_allclose([state["center"], state["spread"]], [first.mean(), first.std()])


def test_rows_in_order_come_in_that_order(tmp_path):
    data = opened(days(tmp_path / "a.csv", SHUFFLED))
    x = everything(data.splits["train"], "x")[:, 0] * data.states["inputs.x"]["spread"]
    assert (x + data.states["inputs.x"]["center"]).round().tolist() == in_order(pd.Series(SHUFFLED))["train"].tolist()


def test_numpy_dates_are_ordered_too(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(100.0), y=np.arange(100) % 2, day=DATES.to_numpy())
    fields = {"x": feature("number")}, {"y": feature("binary")}
    plan = data_plan(reader("npz", path=str(tmp_path / "a.npz")), *fields, order="day", **SHARES)
    assert opened(plan).splits["test"].rows.tolist() == in_order(pd.Series(DATES))["test"].tolist()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "the value of `day` in a.csv:9 is missing"),
        ("soon", "`soon` in a.csv:9 is no date that begins with its year, and rows are ordered by `day`"),
        ("05.01.2024", "`05.01.2024` in a.csv:9 is no date that begins with its year, and rows are ordered by `day`"),
    ],
)
def test_a_row_without_its_place_in_the_order_is_told(tmp_path, value, message):
    written = DATES.strftime("%Y-%m-%d").to_list()
    written[7] = value
    (found,) = told(open_data, days(tmp_path / "a.csv", written))
    assert found[:3] == ("S503", 5, message)


def test_a_text_among_numbers_is_not_sorted_as_if_all_were_texts(tmp_path):
    written = [str(number) for number in SHUFFLED]
    written[3] = "12b"
    (found,) = told(open_data, days(tmp_path / "a.csv", written))
    assert found[2] == "`12b` in a.csv:5 is not a number, and rows are ordered by `day`"


def test_a_missing_group_is_told_at_the_split(tmp_path):
    (tmp_path / "a.csv").write_text("x,who,y\n1,ann,0\n2,,1\n3,bob,0\n4,,1\n")
    fields = {"x": feature("number")}, {"y": feature("binary")}
    plan = data_plan(reader("csv", path=str(tmp_path / "a.csv")), *fields, group="who", test=0.5)
    (found,) = told(open_data, plan)
    assert found[:3] == ("S503", 5, "the group of a.csv:3 and 1 other row is missing: `who` is empty")


def test_groups_are_the_same_whether_they_are_written_as_numbers_or_as_texts(tmp_path):
    who = np.arange(60) // 4
    fields = {"x": feature("number")}, {"y": feature("binary")}
    splits = []
    for name, column in (("whole", who), ("floats", who.astype(float))):
        np.savez(tmp_path / f"{name}.npz", x=np.arange(60.0), y=np.arange(60) % 2, who=column)
        plan = data_plan(reader("npz", path=str(tmp_path / f"{name}.npz")), *fields, group="who", **SHARES)
        splits.append({name: split.rows.tolist() for name, split in opened(plan).splits.items()})
    assert splits[0] == splits[1]
    assert all(not {row // 4 for row in splits[0]["train"]} & {row // 4 for row in splits[0][n]} for n in SHARES)


def test_a_limit_comes_before_the_order(tmp_path):
    plan = days(tmp_path / "a.csv", SHUFFLED)
    plan = data_plan(
        plan.dataset.sources[""], {"x": feature("number")}, {"y": feature("binary")}, limit=50, order="day", **SHARES
    )
    rows = pd.Series(SHUFFLED[:50]).sort_values(kind="stable").index
    assert opened(plan).splits["test"].rows.tolist() == rows[-5:].tolist()


def test_each_source_of_its_own_is_brought_into_order(tmp_path):
    sources = {}
    for name, size in (("train", 40), ("validation", 20)):
        order = GENERATOR.permutation(size)
        np.savez(tmp_path / f"{name}.npz", x=order.astype(float), y=order % 2, at=order)
        sources[name] = reader("npz", path=str(tmp_path / f"{name}.npz"))
    data = opened(data_plan(sources, {"x": feature("number")}, {"y": feature("binary")}, order="at"))
    assert everything(data.splits["validation"], "x")[:, 0].tolist() == list(range(20))
    assert everything(data.splits["train"], "x")[:, 0].tolist() == list(range(40))


# --- a window of shuffling


@pytest.mark.parametrize("window", [1, 5, 40])
def test_an_example_moves_no_further_than_its_window(tmp_path, window):
    np.savez(tmp_path / "a.npz", x=np.arange(200.0), y=np.arange(200) % 2)
    plan = data_plan(reader("npz", path=str(tmp_path / "a.npz")), {"x": feature("number")}, {"y": feature("binary")})
    stream = opened(plan).splits["train"].stream(32, seed=3, shuffle=window)
    epochs = []
    for _ in range(2):
        batches = itertools.islice(stream, 7)
        epochs.append(np.concatenate([inputs["x"][:, 0] for inputs, _ in batches]).astype(int))
        stream = stream.skip(7)
    for order in epochs:
        assert sorted(order) == list(range(200))
        assert abs(order - np.arange(200)).max() <= window
    assert (epochs[0] == epochs[1]).all() == (window == 1)


# --- what is kept where


@pytest.fixture
def mixed(tmp_path):
    """Pictures in files, numbers and words, of 37 rows."""
    pixels = GENERATOR.integers(256, size=(37, 6, 5, 3), dtype=np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    pd.DataFrame(
        {
            "picture": [f"{number}.png" for number in range(37)],
            "size": GENERATOR.normal(size=37),
            "color": GENERATOR.choice(["red", "green"], 37),
            "kind": np.arange(37) % 2,
        }
    ).to_csv(tmp_path / "a.csv", index=False)

    def plan(cache="auto"):
        return data_plan(
            reader("csv", path=str(tmp_path / "a.csv")),
            {
                "picture": feature("image", size=[6, 5]),
                "size": feature("number", scale="standard"),
                "color": feature("category"),
            },
            {"kind": feature("binary")},
            cache=cache,
            stratify="kind",
            **SHARES,
        )

    return plan


def batches(data):
    """All batches of two epochs of training and one of each other split."""
    taken = [*itertools.islice(data.splits["train"].stream(8, seed=1, shuffle=True), 8)]
    for name in ("validation", "test"):
        taken += data.splits[name].batches(8)
    return [{name: tensor.numpy() for part in batch for name, tensor in part.items()} for batch in taken]


def same(one, other):
    assert len(one) == len(other)
    for batch, again in zip(one, other, strict=True):
        for name in batch:
            np.testing.assert_array_equal(batch[name], again[name])


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_batches_are_the_same_wherever_examples_are_kept(mixed, cache):
    same(batches(opened(mixed())), batches(opened(mixed(cache))))


def test_rows_that_are_not_remembered_are_read_again_and_are_the_same(mixed, monkeypatch):
    remembered = opened(mixed())
    monkeypatch.setattr(specc.data.sources, "REMEMBERED", 100)
    again = opened(mixed())
    assert remembered.sources[""].remembered is not None
    assert again.sources[""].remembered is None
    assert remembered.states == again.states
    same(batches(remembered), batches(again))


def test_a_split_in_order_is_the_same_when_it_is_opened_again(tmp_path):
    plan = days(tmp_path / "a.csv", SHUFFLED)
    data = opened(plan)
    again = open_split(plan, data.states, "test", Log())
    assert again.rows.tolist() == data.splits["test"].rows.tolist()


def test_no_iterator_has_a_thread_that_tunes_it(tmp_path):
    """It may sleep for a minute when the iterator is to end: a run on one core was idle for half of its time."""
    pd.DataFrame({"x": np.arange(40), "y": np.arange(40) % 2}).to_csv(tmp_path / "rows.csv", index=False)
    fields = {"x": feature("number", scale="standard")}, {"y": feature("binary")}
    split = opened(data_plan(reader("csv", path=str(tmp_path / "rows.csv")), *fields)).splits["train"]
    for batches in (split.stream(8, seed=1, shuffle=True), split.batches(8)):
        assert batches.options().autotune.enabled is False
