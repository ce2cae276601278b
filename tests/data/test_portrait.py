"""`validate --data`: what is wrong with data, and what it is like, found without TensorFlow and as pandas counts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data_plans import data_plan, feature, reader, told
from PIL import Image

from specc.data import open_sources
from specc.data.portrait import look
from specc.diagnostics import Log

ROOT = Path(__file__).parents[2]


@pytest.fixture
def people(tmp_path):
    """300 rows with gaps, among which a third has the same inputs as another."""
    generator = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "age": generator.integers(18, 80, 200).astype(float),
            "work": generator.choice(["farm", "shop", None], 200, p=[0.5, 0.3, 0.2]),
            "rich": generator.choice(["yes", "no"], 200),
        }
    )
    rows = pd.concat([rows, rows[:100]], ignore_index=True)
    rows.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


def people_plan(path, **options):
    inputs = {"age": feature("number"), "work": feature("category", oov=1)}
    return data_plan(
        reader("csv", path=str(path)), inputs, {"rich": feature("binary")}, validation=0.2, test=0.2, **options
    )


def test_a_portrait_counts_as_pandas_does(people):
    portrait = look(people_plan(people), Log(), full=True)
    table = pd.read_csv(people)
    age, work, rich = portrait.fields
    assert portrait.rows == {"train": 180, "validation": 60, "test": 60}
    assert (age.rows, age.missing, age.moments.least, age.moments.greatest) == (
        300,
        0,
        table.age.min(),
        table.age.max(),
    )
    assert age.moments.mean == pytest.approx(table.age.mean())
    assert age.moments.deviation == pytest.approx(table.age.std(ddof=0))
    assert work.missing == table.work.isna().sum()
    assert dict(work.counts) == table.work.value_counts().to_dict()
    assert dict(rich.counts) == table.rich.value_counts().to_dict()


def test_rows_whose_inputs_training_sees_are_counted(people):
    plan = people_plan(people)
    portrait = look(plan, Log(), full=True)
    table = pd.read_csv(people)[["age", "work"]].fillna("")
    from_splits = {name: rows for name, (_, rows) in open_sources(plan, Log()).rows.items()}
    train = set(map(tuple, table.iloc[from_splits["train"]].to_numpy().tolist()))
    for name in ("validation", "test"):
        twins = sum(tuple(row) in train for row in table.iloc[from_splits[name]].to_numpy().tolist())
        assert portrait.repeated[name] == twins > 0


def test_a_value_that_only_other_rows_hold_is_found_by_a_full_look(tmp_path):
    (tmp_path / "train.csv").write_text("x,y\na,0\nb,1\n")
    (tmp_path / "test.csv").write_text("x,y\na,0\nc,1\n")
    sources = {name: reader("csv", path=str(tmp_path / f"{name}.csv")) for name in ("train", "test")}
    plan = data_plan(sources, {"x": feature("category")}, {"y": feature("category", classes=2)})
    assert [found[0] for found in told(lambda log: look(plan, log, full=True))] == ["S504"]


def test_a_picture_that_cannot_be_decoded_is_found_without_tensorflow(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for i in range(3):
            Image.new("RGB", (9, 9), (i, 0, 0)).save(tmp_path / label / f"{i}.png")
    broken = tmp_path / "dog" / "1.png"
    broken.write_bytes(broken.read_bytes()[:40])
    (tmp_path / "cat" / "2.png").write_bytes(b"")
    plan = data_plan(
        reader("image_folder", path=str(tmp_path)),
        {"image": feature("image", size=[9, 9])},
        {"label": feature("category")},
    )
    ((code, line, message, _),) = told(lambda log: look(plan, log, full=False))
    assert (code, line) == ("S503", 10)
    assert message == f"cannot decode `{tmp_path / 'cat' / '2.png'}`, `{broken}`"


def test_validate_opens_the_data_and_loads_no_tensorflow(people):
    spec = people.with_name("people.yaml")
    spec.write_text(
        "specc: 1\ndataset:\n  source: {csv: people.csv}\n  inputs: {age: {type: number, scale: standard}}\n"
        "  targets: {rich: {type: binary}}\nmodel:\n  layers:\n    - Dense: {units: 1, activation: sigmoid}\n"
        "training: {loss: binary_crossentropy, optimizer: adam}\n"
    )
    program = (
        "import sys\nfrom specc.cli.entry import status\nended = status(sys.argv[1:])\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)), ended)"
    )
    command = [sys.executable, "-c", program, "validate", "--data", str(spec)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[0] == "300 rows: 300 train"
    assert done.stdout.splitlines()[-1] == "[] 0", done.stderr


def test_what_is_wrong_with_the_data_is_told_at_the_field(people, cli):
    spec = people.with_name("people.yaml")
    spec.write_text(
        "specc: 1\ndataset:\n  source: {csv: people.csv}\n  inputs: {age: {type: number, column: agee}}\n"
        "  targets: {rich: {type: binary}}\nmodel: {layers: [Dense: {units: 1, activation: sigmoid}]}\n"
        "training: {loss: binary_crossentropy, optimizer: adam}\n"
    )
    done = cli("validate", "--data", spec)
    assert done.status == 1
    assert "S502 error: people.csv has no column `agee`" in done.err
    assert "did you mean `age`?" in done.err
