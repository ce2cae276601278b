"""From a plan to its data: what is learnt, from which rows, and everything that can be wrong, in one go."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pandas as pd
import pytest
from data_plans import data_plan, everything, feature, reader, told

from specc.backend.data import open_data, open_split
from specc.diagnostics import Log


@pytest.fixture
def flowers(tmp_path):
    """A table of 60 rows: a measurement, a word, a group of four rows, a label."""
    generator = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "length": generator.normal(5, 2, 60).round(3),
            "color": generator.choice(["red", "green", "blue"], 60),
            "plant": np.arange(60) // 4,
            "kind": generator.choice(["iris", "rose"], 60, p=[0.7, 0.3]),
        }
    )
    rows.to_csv(tmp_path / "flowers.csv", index=False)
    return tmp_path / "flowers.csv"


def opened(plan):
    return open_data(plan, Log())


def flower_plan(path, *, inputs=None, targets=None, **options):
    return data_plan(
        reader("csv", path=str(path)),
        inputs or {"length": feature("number", scale="standard"), "color": feature("category", oov=1)},
        targets or {"kind": feature("category")},
        **options,
    )


def test_a_field_learns_from_the_training_rows_only(tmp_path):
    """The rows that are not trained on hold values so far away that any leak would show."""
    values = np.arange(100.0)
    np.savez(tmp_path / "a.npz", x=values, y=np.zeros(100, np.int64))
    plan = data_plan(
        reader("npz", path=str(tmp_path / "a.npz")),
        {"x": feature("number", scale="standard", impute="mean")},
        {"y": feature("category", classes=2)},
        validation=0.2,
        test=0.2,
    )
    rows = {name: split.rows for name, split in opened(plan).splits.items()}
    values[rows["validation"]] = 1e9
    values[rows["test"]] = math.nan
    np.savez(tmp_path / "a.npz", x=values, y=np.zeros(100, np.int64))
    data = opened(plan)
    assert {name: split.rows.tolist() for name, split in data.splits.items()} == {
        k: v.tolist() for k, v in rows.items()
    }
    state = data.states["inputs.x"]
    np.testing.assert_allclose([state["center"], state["spread"]], [rows["train"].mean(), rows["train"].std()])
    assert (everything(data.splits["test"], "x") == 0).all()


def test_splits_are_what_the_seed_says_and_their_tensors_the_rows_of_the_file(flowers):
    data = opened(flower_plan(flowers, validation=0.2, test=0.1, stratify="kind", seed=5))
    table = pd.read_csv(flowers)
    assert {name: split.examples for name, split in data.splits.items()} == {"train": 42, "validation": 12, "test": 6}
    assert list(data.splits) == ["train", "validation", "test"]
    train = table.length[data.splits["train"].rows]
    for split in data.splits.values():
        expected = (table.length[split.rows] - train.mean()) / train.std(ddof=0)
        np.testing.assert_allclose(everything(split, "length")[:, 0], expected, rtol=1e-4, atol=1e-6)
        assert (everything(split, "kind") == (table.kind[split.rows] == "rose")).all()
        assert split.raw(slice(1, 4))["color"].tolist() == table.color[split.rows[1:4]].tolist()
        assert abs((table.kind[split.rows] == "rose").mean() - (table.kind == "rose").mean()) < 0.1


def test_a_group_stays_in_one_split(flowers):
    data = opened(flower_plan(flowers, validation=0.2, test=0.2, group="plant"))
    plants = [set(split.rows // 4) for split in data.splits.values()]
    assert sum(map(len, plants)) == 15


def test_a_limit_takes_the_first_examples(flowers):
    assert opened(flower_plan(flowers, limit=17)).splits["train"].rows.tolist() == list(range(17))


def test_sources_of_their_own_are_the_splits_and_fractions_take_from_training(tmp_path):
    np.savez(tmp_path / "train.npz", x=np.arange(100.0), y=np.arange(100) % 2)
    np.savez(tmp_path / "test.npz", x=-np.arange(10.0), y=np.arange(10) % 2)
    sources = {name: reader("npz", path=str(tmp_path / f"{name}.npz")) for name in ("test", "train")}
    fields = {"x": feature("number")}, {"y": feature("category", classes=2)}
    data = opened(data_plan(sources, *fields, validation=0.1, stratify="y"))
    assert {name: split.examples for name, split in data.splits.items()} == {"train": 90, "validation": 10, "test": 10}
    assert everything(data.splits["test"], "x")[:, 0].tolist() == [-i for i in range(10)]
    assert opened(data_plan(sources, *fields)).splits["train"].examples == 100


def test_what_is_known_of_the_fields_once_data_was_read(flowers):
    assert opened(flower_plan(flowers)).facts() == {
        "inputs.length": {"shape": [1]},
        "inputs.color": {"classes": 4, "vocabulary": ["blue", "green", "red"], "shape": []},
        "targets.kind": {"classes": 2, "vocabulary": ["iris", "rose"], "shape": []},
    }


def test_the_fingerprint_names_the_files_with_their_digests(flowers):
    fingerprint = opened(flower_plan(flowers, test=0.5)).fingerprint
    content = flowers.read_bytes()
    assert fingerprint == {
        "readers": {"all": "csv"},
        "rows": {"train": 30, "test": 30},
        "files": [{"path": str(flowers), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}],
    }


def test_the_fingerprint_of_many_files_changes_with_any_of_them(tmp_path):
    for number in range(150):
        (tmp_path / f"{number:03}.csv").write_text(f"length,color,kind\n{number},red,iris\n")
    plan = flower_plan(tmp_path / "*.csv")
    before = opened(plan).fingerprint
    assert before["file_count"] == 150
    (tmp_path / "077.csv").write_text("length,color,kind\n78,red,iris\n")
    assert opened(plan).fingerprint["sha256"] != before["sha256"]


def test_made_up_examples_say_so():
    plan = data_plan(reader("random", examples=10), {"x": feature("number")}, {"y": feature("binary")})
    assert opened(plan).fingerprint == {
        "readers": {"all": "random"},
        "made_up": True,
        "rows": {"train": 10},
        "files": [],
    }


# --- after training


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_a_split_opened_again_with_what_was_learnt_is_the_same(flowers, name):
    plan = flower_plan(flowers, validation=0.2, test=0.2, stratify="kind", seed=9)
    data = opened(plan)
    again = open_split(plan, data.states, name, Log())
    for field in ("length", "color", "kind"):
        np.testing.assert_array_equal(everything(again, field), everything(data.splits[name], field))


def test_a_split_opened_again_does_not_learn_again(flowers):
    plan = flower_plan(flowers, test=0.5)
    states = opened(plan).states
    table = pd.read_csv(flowers)
    table["length"] += 100
    table.to_csv(flowers, index=False)
    again = everything(open_split(plan, states, "test", Log()), "length")
    assert again.min() > 20


def test_a_source_of_its_own_is_opened_alone(tmp_path):
    np.savez(tmp_path / "train.npz", x=np.arange(9.0), y=np.arange(9) % 2)
    np.savez(tmp_path / "test.npz", x=np.arange(4.0), y=np.arange(4) % 2)
    sources = {name: reader("npz", path=str(tmp_path / f"{name}.npz")) for name in ("train", "test")}
    plan = data_plan(sources, {"x": feature("number", scale="standard")}, {"y": feature("category", classes=2)})
    states = opened(plan).states
    (tmp_path / "train.npz").unlink()
    assert open_split(plan, states, "test", Log()).examples == 4


def test_a_split_that_does_not_exist_is_told(flowers):
    plan = flower_plan(flowers, test=0.2)
    states = opened(plan).states
    assert told(lambda log: open_split(plan, states, "validation", log)) == [
        ("S505", 5, "the data has no split `validation`", "there are `train`, `test`")
    ]


# --- what is wrong


def test_everything_wrong_with_the_fields_is_told_in_one_go(flowers):
    plan = flower_plan(
        flowers,
        inputs={
            "length": ("lenght", feature("number")),
            "color": feature("number"),
            "plant": feature("category", classes=10),
        },
        targets={"kind": feature("binary")},
    )
    assert [(code, line) for code, line, _, _ in told(open_data, plan)] == [
        ("S503", 11),
        ("S504", 12),
        ("S503", 13),
        ("S502", 110),
    ]


def test_a_missing_column_is_told_at_its_name_with_the_nearest_and_all(flowers):
    plan = flower_plan(flowers, inputs={"length": ("lenght", feature("number"))})
    assert told(open_data, plan) == [
        (
            "S502",
            110,
            "flowers.csv has no column `lenght`",
            "did you mean `length`? there are `length`, `color`, `plant`, `kind`",
        )
    ]


def test_a_missing_group_column_is_told_at_the_split(flowers):
    (found,) = told(open_data, flower_plan(flowers, test=0.5, group="plants"))
    assert found[:3] == ("S502", 5, "flowers.csv has no column `plants`")


def test_a_missing_file_is_told_at_the_path(tmp_path):
    (found,) = told(open_data, flower_plan(tmp_path / "flowers.csv"))
    assert found[:3] == ("S501", 2, f"there is no file `{tmp_path / 'flowers.csv'}`")


def test_text_in_a_number_column_is_told_with_file_and_line(flowers):
    lines = flowers.read_text().splitlines()
    lines[13] = "tall," + lines[13].split(",", 1)[1]
    flowers.write_text("\n".join(lines) + "\n")
    (found,) = told(open_data, flower_plan(flowers))
    assert found[:3] == ("S503", 10, "`tall` in flowers.csv:14 (column `length`) is not a number")


def test_a_missing_target_is_told_with_file_and_line(flowers):
    flowers.write_text(flowers.read_text() + "1.5,red,16,\n2.5,red,16,NA\n")
    (found,) = told(open_data, flower_plan(flowers))
    assert found[:3] == ("S503", 12, "the target in flowers.csv:62 (column `kind`) and 1 other row is missing")


def test_a_value_that_training_has_not_seen_is_told_with_file_and_line(tmp_path):
    (tmp_path / "train.csv").write_text("x,y\na,0\nb,1\n")
    (tmp_path / "test.csv").write_text("x,y\na,0\nc,1\n")
    sources = {name: reader("csv", path=str(tmp_path / f"{name}.csv")) for name in ("train", "test")}
    (found,) = told(open_data, data_plan(sources, {"x": feature("category")}, {"y": feature("binary")}))
    assert found[:3] == ("S504", 10, "`c` in test.csv:3 (column `x`) was not in the training rows")


def test_a_label_outside_its_classes_is_told_with_file_and_row(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(5), y=np.array([0, 1, 2, 9, 1]))
    plan = data_plan(
        reader("npz", path=str(tmp_path / "a.npz")), {"x": feature("number")}, {"y": feature("category", classes=3)}
    )
    (found,) = told(open_data, plan)
    assert found == ("S504", 11, "9 in a.npz, row 3 (column `y`) is outside 0…2", "`classes: 10`, or correct the value")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 4, "test": 0.1}, "the test split is empty: 0.1 of 4 rows"),
        ({"limit": 1, "test": 0.9}, "the train split is empty: the others take every row"),
        ({"limit": 4, "validation": 0.01, "test": 0.5}, "the validation split is empty: 0.01 of 4 rows"),
    ],
)
def test_an_empty_split_is_told_at_the_split(flowers, options, message):
    (found,) = told(open_data, flower_plan(flowers, **options))
    assert found[:3] == ("S505", 5, message)


def test_data_without_rows_is_an_empty_split(tmp_path):
    (tmp_path / "a.csv").write_text("length,color,kind\n")
    (found,) = told(open_data, flower_plan(tmp_path / "a.csv"))
    assert found[:3] == ("S505", 5, "the train split is empty: the data has no rows")


def test_sources_without_one_for_training_are_refused(flowers):
    source = {"test": reader("csv", path=str(flowers))}
    (found,) = told(open_data, data_plan(source, {"length": feature("number")}, {"kind": feature("category")}))
    assert found == ("S505", 1, "no source is for training", "name one `train`")


def test_strata_of_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((10, 2)), y=np.zeros(10))
    plan = data_plan(
        reader("npz", path=str(tmp_path / "a.npz")),
        {"x": feature("tensor")},
        {"y": feature("number")},
        test=0.5,
        stratify="x",
    )
    assert told(open_data, plan)[0][:2] == ("S105", 5)


def test_a_reader_that_needs_to_know_more_of_a_field_says_so():
    plan = data_plan(reader("random", examples=10), {"x": feature("tensor")}, {"y": feature("binary")})
    (found,) = told(open_data, plan)
    assert (found[0], found[3]) == ("S104", "add `shape`")
