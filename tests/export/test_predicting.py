"""`specc predict` in every form: tables in, tables out, bad rows passed over, a SavedModel without its run."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

import specc
from specc.cli.entry import status

TABLE = """
specc: 1
dataset:
  source: {csv: rows.csv}
  inputs:
    length: {type: number, scale: standard}
    width: {type: number, impute: mean}
    colour: {type: category, vocabulary: [blue, red], encode: one_hot}
  targets:
    species: {type: category, vocabulary: auto}
    weight: {type: number, scale: standard}
  split: {test: 0.2}
model:
  layers:
    - Concatenate:
      inputs: [length, width, colour]
      name: joined
    - Dense: {units: 3, activation: softmax}
      name: kind
    - Dense: 1
      name: heavy
      inputs: joined
  outputs: {species: kind, weight: heavy}
training:
  loss: {species: sparse_categorical_crossentropy, weight: mse}
  optimizer: {Adam: 0.1}
  epochs: 1
export: [saved_model]
"""

PHOTOS = """
specc: 1
dataset:
  source: {image_folder: photos}
  inputs: {picture: {type: image, column: image, size: [5, 5]}}
  targets: {label: {type: category}}
  split: {test: 0.25}
model:
  layers:
    - GlobalAveragePooling2D
    - Rescaling: 0.004
    - Dense: {units: 2, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam, epochs: 1}
export: [saved_model]
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table, its spec and a run of it."""
    folder = tmp_path_factory.mktemp("table")
    draw = np.random.default_rng(4)
    lines = ["length,width,colour,species,weight"]
    for row in range(60):
        gap = "" if row % 7 == 3 else f"{draw.normal():.3f}"
        colour, species = ("blue", "red")[row % 2], ("iris", "lily", "rose")[row % 3]
        lines.append(f"{row % 3 + draw.normal():.3f},{gap},{colour},{species},{draw.normal(70, 5):.2f}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (folder / "spec.yaml").write_text(TABLE)
    specc.run(folder / "spec.yaml", out=folder / "run")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures of two kinds, their spec and a run of it."""
    folder = tmp_path_factory.mktemp("photos")
    for label, light in {"dark": 40, "bright": 220}.items():
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(8):
            pixels = tf.fill([7, 9, 3], tf.constant(light + number, tf.uint8))
            (folder / "photos" / label / f"{number}.jpg").write_bytes(tf.io.encode_jpeg(pixels).numpy())
    (folder / "spec.yaml").write_text(PHOTOS)
    specc.run(folder / "spec.yaml", out=folder / "run")
    return folder


def rows_of(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_parquet_is_answered_as_csv_is_and_keeps_its_types(table: Path, tmp_path: Path, capsys) -> None:
    given = pa.csv.read_csv(table / "rows.csv")
    given = given.append_column("when", pa.array([np.datetime64("2026-01-02T03:04:05", "us")] * len(given)))
    pq.write_table(given, tmp_path / "rows.parquet", row_group_size=25)
    out = tmp_path / "answers.parquet"
    assert status(["predict", str(table / "run"), str(tmp_path / "rows.parquet"), "-o", str(out)]) == 0
    assert capsys.readouterr().err == f"60 rows in {out}\n"
    found = pq.read_table(out)
    assert found.schema.names[: len(given.schema.names)] == given.schema.names
    assert found.select(given.schema.names).equals(given)
    assert found.schema.field("species_predicted").type == pa.string()
    assert found.schema.field("weight_predicted").type == pa.float64()
    assert status(["predict", str(table / "run"), str(table / "rows.csv")]) == 0
    expected = rows_of(capsys.readouterr().out)
    assert found["species_predicted"].to_pylist() == [row["species_predicted"] for row in expected]
    np.testing.assert_allclose(found["weight_predicted"], [float(r["weight_predicted"]) for r in expected], rtol=1e-6)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_form_that_is_asked_for_holds_the_same_rows(table: Path, tmp_path: Path, form: str, capsys) -> None:
    out = tmp_path / f"answers.{form}"
    assert status(["predict", str(table / "run"), str(table / "rows.csv"), "--output", str(out)]) == 0
    if form == "csv":
        found = rows_of(out.read_text())
    elif form == "jsonl":
        found = [json.loads(line) for line in out.read_text().splitlines()]
    else:
        found = pq.read_table(out).to_pylist()
    given = rows_of((table / "rows.csv").read_text())
    assert [{name: row[name] for name in given[0]} for row in found] == given
    kinds = {"csv": str, "jsonl": float, "parquet": float}
    assert {type(row["species_probability"]) for row in found} == {kinds[form]}


def test_a_type_that_changes_late_is_told(table: Path, tmp_path: Path, capsys) -> None:
    row = {"length": 1.0, "width": 2.0, "colour": "red", "note": 1}
    with (tmp_path / "rows.jsonl").open("w") as file:
        for number in range(2**13 + 1):
            file.write(json.dumps(row | {"note": number if number < 2**13 else "much"}) + "\n")
    out = tmp_path / "out.parquet"
    assert status(["predict", str(table / "run"), str(tmp_path / "rows.jsonl"), "-o", str(out)]) == 1
    assert "`note` holds values that are not of the type int64" in capsys.readouterr().err
    assert not out.exists()


def test_bad_rows_are_passed_over_counted_and_named(table: Path, tmp_path: Path, capsys) -> None:
    good = ["1,2,red", "2,,blue", "0,1,red"]
    bad = [b"x,2,red", b"1,2", b"1,2,green", b"1,\xff,red", b"inf,2,blue"]
    head = b"length,width,colour"
    lines = [head, good[0].encode(), *bad[:3], good[1].encode(), *bad[3:], good[2].encode()]
    (tmp_path / "mixed.csv").write_bytes(b"\n".join(lines) + b"\n")
    (tmp_path / "good.csv").write_bytes(b"\n".join([head, *(g.encode() for g in good)]) + b"\n")
    assert status(["predict", str(table / "run"), str(tmp_path / "mixed.csv")]) == 1
    capsys.readouterr()
    assert status(["predict", str(table / "run"), str(tmp_path / "mixed.csv"), "--on-error", "skip"]) == 0
    mixed = capsys.readouterr()
    assert status(["predict", str(table / "run"), str(tmp_path / "good.csv"), "--on-error", "skip"]) == 0
    alone = capsys.readouterr()
    assert mixed.out == alone.out
    assert alone.err == ""
    assert mixed.err.splitlines()[-1] == "passed over 5 of 8 rows that cannot be used"
    for line in (3, 4, 5, 7, 8):
        assert f"mixed.csv:{line}" in mixed.err
    assert "mixed.csv:2" not in mixed.err


def test_bad_rows_of_json_lines_and_parquet_are_passed_over(table: Path, tmp_path: Path, capsys) -> None:
    row = {"length": 1.0, "width": 2.0, "colour": "red"}
    texts = [json.dumps(row), "{", "[1]", json.dumps(row | {"colour": "green"}), json.dumps(row | {"length": [1, 2]})]
    (tmp_path / "rows.jsonl").write_text("\n".join([*texts, json.dumps(row)]) + "\n")
    assert status(["predict", str(table / "run"), str(tmp_path / "rows.jsonl"), "--on-error", "skip"]) == 0
    found = capsys.readouterr()
    assert len(found.out.splitlines()) == 2
    assert "passed over 4 of 6 rows" in found.err
    columns = {"length": [1.0, 2.0, 3.0], "width": [1.0, None, 2.0], "colour": ["red", "green", None]}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    assert status(["predict", str(table / "run"), str(tmp_path / "rows.parquet"), "--on-error", "skip"]) == 0
    found = capsys.readouterr()
    assert [json.loads(line)["length"] for line in found.out.splitlines()] == [1.0]
    assert "rows.parquet, row 1" in found.err
    assert "passed over 2 of 3 rows" in found.err


def test_a_table_of_bad_rows_only_has_its_header(table: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "rows.csv").write_text("length,width,colour\nx,1,red\n")
    assert status(["predict", str(table / "run"), str(tmp_path / "rows.csv"), "--on-error", "skip"]) == 0
    assert capsys.readouterr().out == "length,width,colour,species,species_probability,weight\n"


INDICES = """
specc: 1
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [3], dtype: int32}}
  targets: {y: {type: category, classes: 2}}
model:
  layers:
    - Embedding: {input_dim: 5, output_dim: 4}
    - GlobalAveragePooling1D
    - Dense: {units: 2, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam, epochs: 1}
export: [saved_model]
"""


@pytest.mark.parametrize("asked", ["run", "run/export/saved_model"])
def test_an_index_without_an_entry_is_told_at_its_row_or_passed_over(asked: str, tmp_path: Path, capsys) -> None:
    np.savez(tmp_path / "data.npz", x=np.arange(60).reshape(20, 3) % 5, y=np.arange(20) % 2)
    (tmp_path / "spec.yaml").write_text(INDICES)
    specc.run(tmp_path / "spec.yaml", out=tmp_path / "run")
    rows = [{"x": [0, 1, 2]}, {"x": [0, 1, 9]}, {"x": [2, 3, 4]}]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert status(["predict", str(tmp_path / asked), str(tmp_path / "rows.jsonl")]) == 1
    assert "S504 error" in (told := capsys.readouterr().err)
    assert "rows.jsonl:2" in told
    assert status(["predict", str(tmp_path / asked), str(tmp_path / "rows.jsonl"), "--on-error", "skip"]) == 0
    found = capsys.readouterr()
    assert [json.loads(line)["x"] for line in found.out.splitlines()] == [[0, 1, 2], [2, 3, 4]]
    assert "rows.jsonl:2" in found.err


def test_a_row_whose_value_has_another_shape_is_named_when_passed_over(tmp_path: Path, capsys) -> None:
    np.savez(tmp_path / "data.npz", x=np.arange(60).reshape(20, 3) % 5, y=np.arange(20) % 2)
    (tmp_path / "spec.yaml").write_text(INDICES.replace("export: [saved_model]\n", ""))
    specc.run(tmp_path / "spec.yaml", out=tmp_path / "run")
    values = [[0, 1, 2], [0, 1], "x", [], [3, 3, 3]]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps({'x': value})}\n" for value in values))
    assert status(["predict", str(tmp_path / "run"), str(tmp_path / "rows.jsonl"), "--on-error", "skip"]) == 0
    found = capsys.readouterr()
    assert [json.loads(line)["x"] for line in found.out.splitlines()] == [[0, 1, 2], [3, 3, 3]]
    for line in (2, 3, 4):
        assert f"rows.jsonl:{line}" in found.err
    (tmp_path / "one.jsonl").write_text('{"x": [0, 1]}\n')
    assert status(["predict", str(tmp_path / "run"), str(tmp_path / "one.jsonl")]) == 1
    assert "one.jsonl, `x`: an example of this column has shape [2]" in capsys.readouterr().err


def test_a_picture_that_cannot_be_decoded_is_passed_over(photos: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "a.jpg").write_bytes((photos / "photos/dark/1.jpg").read_bytes())
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    (tmp_path / "c.jpg").write_bytes((photos / "photos/bright/1.jpg").read_bytes())
    answers = []
    for run in ("run", "run/export/saved_model"):
        assert status(["predict", str(photos / run), str(tmp_path), "--on-error", "skip"]) == 0
        found = capsys.readouterr()
        assert "passed over 1 of 3 rows" in found.err
        assert "b.jpg" in found.err
        answers.append(rows_of(found.out))
        assert [Path(next(iter(row.values()))).name for row in answers[-1]] == ["a.jpg", "c.jpg"]
    for named, bare in zip(*answers, strict=True):
        assert max(json.loads(bare["label"])) == pytest.approx(float(named["label_probability"]), abs=1e-6)


def test_a_saved_model_answers_as_its_run(table: Path, capsys, tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to(table / "run" / "export" / "saved_model")
    assert status(["predict", str(tmp_path / "model"), str(table / "rows.csv")]) == 0
    bare = rows_of(capsys.readouterr().out)
    assert status(["predict", str(table / "run"), str(table / "rows.csv")]) == 0
    named = rows_of(capsys.readouterr().out)
    assert len(bare) == len(named) == 60
    for one, other in zip(bare, named, strict=True):
        assert float(one["weight_predicted"]) == pytest.approx(float(other["weight_predicted"]), abs=1e-4)
        likely = json.loads(one["species_predicted"])
        assert max(likely) == pytest.approx(float(other["species_probability"]), abs=1e-6)
        assert ["iris", "lily", "rose"][int(np.argmax(likely))] == other["species_predicted"]


def test_what_is_no_saved_model_is_told(table: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"not one")
    assert status(["predict", str(tmp_path), str(table / "rows.csv")]) == 1
    assert "cannot be loaded" in capsys.readouterr().err


# `ru_maxrss` would be that of whoever started the process, where that is larger: it outlives `exec`.
PEAK = """
import re, sys
from pathlib import Path
from specc.cli.entry import status
ended = status(sys.argv[1:])
print(ended, re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_million_rows_take_no_more_memory_than_a_thousand(table: Path, tmp_path: Path, form: str) -> None:
    row = "1.25,0.5,red," + "x" * 200
    peaks = []
    for rows in (20_000, 1_000_000):
        path, out = tmp_path / f"{rows}.csv", tmp_path / f"out.{form}"
        with path.open("w") as file:
            file.write("length,width,colour,note\n")
            for start in range(0, rows, 10_000):
                file.write("".join(f"{row}{start + number}\n" for number in range(10_000)))
        command = [sys.executable, "-c", PEAK, "predict", str(table / "run"), str(path), "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=True)
        ended, peak = done.stderr.split()[-2:]
        assert ended == "0", done.stderr
        assert f"{rows:,} rows in" in done.stderr
        peaks.append(int(peak) / 1024)
    if form == "csv":
        with out.open() as file:
            assert sum(1 for _ in file) == 1_000_001
    else:
        notes = pq.read_table(out, columns=["note"])["note"]
        assert len(notes) == 1_000_000
        assert notes[999_999].as_py() == "x" * 200 + "999999"
    print(f"peak {peaks[0]:.0f} MiB of 20,000 rows, {peaks[1]:.0f} MiB of 1,000,000")
    assert peaks[1] < peaks[0] + 120  # the file alone has 220 MiB
