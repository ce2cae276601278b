"""What cannot be read: told with file, row and column, or passed over, counted and named, up to a stated share."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pandas as pd
import pytest
from data_plans import data_plan, everything, feature, reader, told
from PIL import Image

from specc.backend.data import open_data
from specc.diagnostics import Log

ROWS = 50


@pytest.fixture
def table(tmp_path):
    """`table({7: {"height": "tall"}})`: a table of 50 rows with some values replaced; its path."""
    generator = np.random.default_rng(1)
    good = pd.DataFrame(
        {"height": generator.normal(170, 10, ROWS).round(1), "kind": generator.choice(["cat", "dog"], ROWS)}
    ).astype(object)

    def write(replaced=None):
        rows = good.copy()
        for row, values in (replaced or {}).items():
            for column, value in values.items():
                rows.loc[row, column] = value
        rows.to_csv(tmp_path / "a.csv", index=False)
        return tmp_path / "a.csv"

    return write


def plan_of(path, skip=None, **options):
    inputs = {"height": feature("number", scale="standard")}
    return data_plan(reader("csv", path=str(path)), inputs, {"kind": feature("category")}, skip=skip, **options)


BAD = {
    "a word": ({"height": "tall"}, "`tall` in a.csv:9 (column `height`) is not a number"),
    "no value": ({"height": ""}, "the value in a.csv:9 (column `height`) is missing"),
    "an infinity": ({"height": "inf"}, "the number in a.csv:9 (column `height`) is infinite"),
    "a number beyond float32": ({"height": "1e300"}, "the number in a.csv:9 (column `height`) is beyond float32"),
    "NaN": ({"height": "nan"}, "the value in a.csv:9 (column `height`) is missing"),
    "a missing target": ({"kind": ""}, "the target in a.csv:9 (column `kind`) is missing"),
}


@pytest.mark.parametrize(("values", "message"), BAD.values(), ids=BAD)
def test_a_bad_value_is_told_with_file_and_line_at_its_field(table, values, message):
    (found,) = told(open_data, plan_of(table({7: values})))
    assert found[:3] == ("S503", 10 if "height" in values else 11, message)


def test_a_fault_is_told_once_with_how_many_rows_have_it(table):
    bad = {row: {"height": "tall"} for row in (7, 20, 33)}
    (found,) = told(open_data, plan_of(table(bad)))
    assert found[2] == "`tall` in a.csv:9 (column `height`) and 2 other rows is not a number"


@pytest.mark.parametrize(("values", "message"), BAD.values(), ids=BAD)
def test_a_bad_row_is_passed_over_and_named_in_the_manifest(table, values, message):
    data = open_data(plan_of(table({7: values}), skip=0.1), Log())
    assert data.splits["train"].rows.tolist() == [row for row in range(ROWS) if row != 7]
    assert data.fingerprint["skipped"] == {"all": {"count": 1, "of": ROWS, "first": [message]}}
    assert data.fingerprint["rows"] == {"train": ROWS - 1}


def test_what_is_learnt_and_prepared_is_that_of_the_other_rows(table):
    bad = {3: {"height": "1e30"}, 7: {"height": "inf"}, 11: {"kind": ""}, 12: {"height": "", "kind": ""}}
    path = table({row: values for row, values in bad.items() if row != 3})
    data = open_data(plan_of(path, skip=0.1), Log())
    good = pd.read_csv(path).replace(np.inf, np.nan).dropna().height
    state = data.states["inputs.height"]
    np.testing.assert_allclose([state["center"], state["spread"]], [good.mean(), good.std(ddof=0)], rtol=1e-6)
    expected = (good - good.mean()) / good.std(ddof=0)
    np.testing.assert_allclose(everything(data.splits["train"], "height")[:, 0], expected, atol=1e-5)
    assert data.splits["train"].examples == ROWS - 3


def test_each_row_is_named_with_its_own_fault(table):
    bad = {7: {"height": "tall"}, 9: {"height": "wide"}, 11: {"height": "", "kind": ""}}
    skipped = open_data(plan_of(table(bad), skip=0.1), Log()).fingerprint["skipped"]["all"]
    assert skipped["count"] == 3
    assert skipped["first"] == [
        "`tall` in a.csv:9 (column `height`) is not a number",
        "`wide` in a.csv:11 (column `height`) is not a number",
        "the value in a.csv:13 (column `height`) is missing",
    ]


def test_bad_rows_of_every_split_are_passed_over_and_the_division_stays(table):
    whole = open_data(plan_of(table(), validation=0.2, test=0.2), Log())
    bad = {int(split.rows[2]): {"height": "tall"} for split in whole.splits.values()}
    data = open_data(plan_of(table(bad), skip=0.1, validation=0.2, test=0.2), Log())
    for name, split in data.splits.items():
        assert split.rows.tolist() == [row for row in whole.splits[name].rows.tolist() if row not in bad]


def test_the_first_examples_in_the_raw_are_those_that_were_not_passed_over(table):
    path = table({0: {"height": "tall"}, 3: {"kind": ""}})
    split = open_data(plan_of(path, skip=0.1), Log()).splits["train"]
    heights = pd.read_csv(path).height[[1, 2, 4, 5]].astype("float32")
    assert split.raw(slice(4))["height"].tolist() == heights.tolist()


@pytest.mark.parametrize(("bad", "share", "passes"), [(5, 0.1, True), (6, 0.1, False), (10, 0.2, True)])
def test_more_than_the_stated_share_is_refused(table, bad, share, passes):
    path = table({row: {"height": "tall"} for row in range(bad)})
    found = told(open_data, plan_of(path, skip=share))
    assert not found or not passes
    if not passes:
        assert found[0][:3] == (
            "S503",
            1,
            "6 of 50 rows cannot be used, and at most 10% may be passed over; the first: `tall` in a.csv:2 (column "
            "`height`) is not a number",
        )


def test_ragged_rows_are_told_and_passed_over(table):
    path = table()
    lines = path.read_text().splitlines()
    lines[8] = "171.5"
    lines[12] += ",more"
    path.write_text("\n".join(lines) + "\n")
    assert told(open_data, plan_of(path))[0][:2] == ("S503", 2)
    data = open_data(plan_of(path, skip=0.1), Log())
    assert data.splits["train"].examples == ROWS - 2
    skipped = data.fingerprint["skipped"]["all"]
    assert (skipped["count"], skipped["of"]) == (2, ROWS)
    assert len(told(open_data, plan_of(path, skip=0.03))) == 1


def test_blanks_around_a_label_are_no_part_of_it(table):
    data = open_data(plan_of(table({7: {"kind": "cat "}, 9: {"kind": " dog"}})), Log())
    assert data.states["targets.kind"]["vocabulary"] == ["cat", "dog"]


def test_a_label_that_training_has_not_seen_is_passed_over(tmp_path):
    (tmp_path / "train.csv").write_text("height,kind\n" + "1,cat\n2,dog\n" * 5)
    (tmp_path / "test.csv").write_text("height,kind\n" + "1,cat\n2,dog\n" * 4 + "3,fox\n")
    sources = {name: reader("csv", path=str(tmp_path / f"{name}.csv")) for name in ("train", "test")}
    fields = {"height": feature("number")}, {"kind": feature("category")}
    data = open_data(data_plan(sources, *fields, skip=0.2), Log())
    assert data.splits["test"].examples == 8
    assert data.fingerprint["skipped"]["test"]["first"] == [
        "`fox` in test.csv:10 (column `kind`) was not in the training rows"
    ]


def test_a_column_of_numbers_that_turns_to_texts_late_is_told_where_it_does(tmp_path):
    rows = 900_000
    values = np.arange(rows).astype(str).astype(object)
    values[-3] = "n/a?"
    pd.DataFrame({"height": values, "kind": np.arange(rows) % 2}).to_csv(tmp_path / "a.csv", index=False)
    plan = data_plan(reader("csv", path=str(tmp_path / "a.csv")), {"height": feature("number")}, {})
    (found,) = told(open_data, plan)
    assert found[:3] == ("S503", 10, f"`n/a?` in a.csv:{rows - 1} (column `height`) is not a number")


# --- files of pictures


@pytest.fixture
def pictures(tmp_path):
    """Forty pictures of two classes, and a plan for them."""
    generator = np.random.default_rng(2)
    for number in range(40):
        folder = tmp_path / "pictures" / ("even" if number % 2 == 0 else "odd")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(256, size=(9, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")

    def plan(skip=None, **options):
        source = reader("image_folder", path=str(tmp_path / "pictures"))
        inputs = {"image": feature("image", size=[9, 8])}
        return data_plan(source, inputs, {"label": feature("category")}, skip=skip, **options)

    plan.folder = tmp_path / "pictures"
    return plan


def damaged(folder):
    """Cut one file in half, and empty another."""
    truncated, empty = folder / "even" / "04.png", folder / "odd" / "07.png"
    truncated.write_bytes(truncated.read_bytes()[:150])
    empty.write_bytes(b"")
    return truncated, empty


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_damaged_files_are_passed_over_and_named(pictures, cache):
    truncated, empty = damaged(pictures.folder)
    data = open_data(pictures(skip=0.1, cache=cache), Log())
    assert data.splits["train"].examples == 38
    skipped = data.fingerprint["skipped"]["all"]
    assert skipped["count"] == 2
    assert skipped["first"] == [f"cannot decode `{truncated}`", f"cannot decode `{empty}`"]
    images = everything(data.splits["train"], "image")
    good = [path for path in sorted(pictures.folder.glob("*/*.png")) if path not in (truncated, empty)]
    for image, path in zip(images, good, strict=True):
        assert (image == np.asarray(Image.open(path))).all()


def test_damaged_files_are_told(pictures):
    truncated, empty = damaged(pictures.folder)
    (found,) = told(open_data, pictures())
    assert found[:3] == ("S503", 10, f"cannot decode `{truncated}`, `{empty}`")


def test_a_picture_that_many_rows_of_a_table_name_is_decoded_for_each(tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(2, 5, 4, 3), dtype=np.uint8)
    for number in range(2):
        Image.fromarray(pixels[number]).save(tmp_path / f"{number}.png")
    names = np.arange(30) % 2
    table = pd.DataFrame({"picture": [f"{name}.png" for name in names], "kind": names})
    table.to_csv(tmp_path / "a.csv", index=False)
    source = reader("csv", path=str(tmp_path / "a.csv"))
    plan = data_plan(source, {"picture": feature("image", size=[5, 4])}, {"kind": feature("binary")})
    assert (everything(open_data(plan, Log()).splits["train"], "picture") == pixels[names]).all()


# --- a run


SPEC = """
specc: 1
dataset:
  source: {image_folder: pictures}
  inputs: {image: {type: image, size: [9, 8], channels: 3}}
  targets: {label: {type: category, classes: 2, vocabulary: [even, odd]}}
  split: {test: 0.25}
  cache: none
  on_error: {skip: 0.1}
model:
  layers: [Rescaling: 0.004, Flatten, Dense: 2]
training:
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  optimizer: adam
  epochs: 2
"""


def test_a_run_says_on_the_screen_and_in_its_manifest_what_it_passed_over(pictures, cli, write):
    truncated, _ = damaged(pictures.folder)
    spec = write("spec.yaml", SPEC)
    ended = cli("run", spec, "--out", spec.parent / "run")
    assert ended.status == 0, ended.err
    line = f"passed over 2 of 40 rows that cannot be used; the first: cannot decode `{truncated}`"
    assert line in ended.out
    manifest = json.loads((spec.parent / "run" / "manifest.json").read_text())
    assert manifest["data"]["skipped"]["all"]["count"] == 2
    assert sum(manifest["data"]["rows"].values()) == 38


def test_a_file_that_vanishes_during_the_run_is_told(pictures, cli, write):
    spec = write("spec.yaml", SPEC.replace("epochs: 2", "epochs: 500"))
    lost = pictures.folder / "odd" / "11.png"

    def remove():
        history = spec.parent / "run" / "history.csv"
        while not history.exists():
            time.sleep(0.05)
        lost.unlink()

    watch = threading.Thread(target=remove)
    watch.start()
    ended = cli("run", spec, "--out", spec.parent / "run", "--set", "dataset.split.test=0")
    watch.join()
    assert ended.status == 1
    assert f"S501 error: `{lost}` is gone since the data was opened" in ended.out + ended.err
    assert json.loads((spec.parent / "run" / "manifest.json").read_text())["status"] == "failed"
