"""What `specc evaluate` says of pictures, masks, weights and windows, and what `specc predict` takes from a pipe."""

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
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn import metrics as sk

import specc
from specc.cli.entry import status

MASKS = """
specc: 1
dataset:
  source: {csv: rows.csv}
  inputs: {picture: {type: image, column: image, size: [6, 6], channels: 1}}
  targets: {mask: {type: image, classes: 3, size: [6, 6]}}
  split: {test: 0.5}
model:
  layers:
    - Rescaling: 0.01
    - Conv2D: {filters: 3, kernel_size: 1}
training:
  loss: {sparse_categorical_crossentropy: {from_logits: true, ignore_class: 2}}
  optimizer: {Adam: 0.1}
  epochs: 2
"""

FOLDERS = """
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
"""

WEIGHED = """
specc: 1
dataset:
  source: {csv: rows.csv}
  inputs: {x: {type: number}}
  targets:
    y: {type: number, scale: standard}
    big: {type: binary}
  weight: trust
  split: {test: 0.5}
model:
  layers:
    - Dense: 1
      name: ahead
    - Dense: {units: 1, activation: sigmoid}
      inputs: x
      name: larger
  outputs: {y: ahead, big: larger}
training: {loss: {y: mse, big: binary_crossentropy}, metrics: {y: [mae]}, optimizer: {Adam: 0.1}, epochs: 2}
"""


def report_of(capsys: Any, *typed: Any) -> dict[str, Any]:
    assert status(["evaluate", *map(str, typed), "--format", "json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def answers_of(capsys: Any, *typed: Any) -> list[dict[str, Any]]:
    assert status(["predict", *map(str, typed), "--format", "jsonl"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_pixel_of_a_mask_is_an_answer(tmp_path: Path, capsys) -> None:
    draw = np.random.default_rng(0)
    lines, masks = ["image,mask"], []
    for number in range(12):
        mask = draw.integers(0, 3, (6, 6), np.uint8)
        Image.fromarray((mask * 90 + draw.integers(0, 60, (6, 6))).astype(np.uint8)).save(tmp_path / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / f"mask{number}.png")
        lines.append(f"{number}.png,mask{number}.png")
        masks.append(mask)
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "spec.yaml").write_text(MASKS)
    specc.run(tmp_path / "spec.yaml", out=tmp_path / "run")
    found = report_of(capsys, tmp_path / "run", "--data", tmp_path / "rows.csv")["outputs"]["mask"]
    answers = answers_of(capsys, tmp_path / "run", tmp_path / "rows.csv")
    answered = np.array([row["mask_predicted"] for row in answers]).ravel()
    truth = np.array(masks).ravel()
    assert found["count"] == truth.size
    assert found["confusion"] == sk.confusion_matrix(truth, answered, labels=range(3)).tolist()
    assert found["worst"][0]["where"].startswith("rows.csv:")


def test_a_folder_of_other_pictures_is_judged(tmp_path: Path, capsys) -> None:
    draw = np.random.default_rng(1)
    for place, count in (("photos", 8), ("later", 3)):
        for label, light in {"bright": 200, "dark": 40}.items():
            (tmp_path / place / label).mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(light - 40, light + 40, (7, 9, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(tmp_path / place / label / f"{number}.png")
    (tmp_path / "spec.yaml").write_text(FOLDERS)
    specc.run(tmp_path / "spec.yaml", out=tmp_path / "run")
    found = report_of(capsys, tmp_path / "run", "--data", tmp_path / "later")
    answers = answers_of(capsys, tmp_path / "run", tmp_path / "later")
    truth = [Path(row["image"]).parent.name for row in answers]
    assert found["examples"] == len(truth) == 6
    expected = sk.confusion_matrix(truth, [row["label"] for row in answers], labels=["bright", "dark"])
    assert found["outputs"]["label"]["confusion"] == expected.tolist()
    # A list of pictures with their labels does as well as a folder.
    with (tmp_path / "list.csv").open("w") as file:
        csv.writer(file).writerows([["image", "label"], *zip([row["image"] for row in answers], truth, strict=True)])
    listed = report_of(capsys, tmp_path / "run", "--data", tmp_path / "list.csv")
    assert listed["outputs"]["label"]["confusion"] == expected.tolist()
    (tmp_path / "list.csv").write_text("image,label\nnone.png,dark\n")
    assert status(["evaluate", str(tmp_path / "run"), "--data", str(tmp_path / "list.csv")]) == 1
    assert "S501" in capsys.readouterr().err


@pytest.fixture(scope="module")
def weighed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which examples count differently."""
    folder = tmp_path_factory.mktemp("weighed")
    draw = np.random.default_rng(2)
    lines = ["x,y,big,trust"]
    for x in draw.normal(size=200):
        lines.append(f"{x:.5f},{10 * x + draw.normal():.5f},{int(x + draw.normal() > 0)},{draw.random():.5f}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    (folder / "spec.yaml").write_text(WEIGHED)
    specc.run(folder / "spec.yaml", out=folder / "run")
    return folder


def test_examples_count_by_their_weight(weighed: Path, capsys) -> None:
    found = report_of(capsys, weighed / "run", "--data", weighed / "rows.csv")
    answers = answers_of(capsys, weighed / "run", weighed / "rows.csv")
    column = {name: [float(row[name]) for row in answers] for name in answers[0]}
    y, big = found["outputs"]["y"], found["outputs"]["big"]
    given: dict[str, Any] = {"sample_weight": column["trust"]}
    assert y["mae"] == pytest.approx(sk.mean_absolute_error(column["y"], column["y_predicted"], **given), rel=1e-4)
    assert y["r2"] == pytest.approx(sk.r2_score(column["y"], column["y_predicted"], **given), rel=1e-4)
    matrix = sk.confusion_matrix(column["big"], column["big_predicted"], **given)
    np.testing.assert_allclose(big["confusion"], matrix, rtol=1e-5)
    auc = sk.roc_auc_score(column["big"], column["big_probability"], **given)
    assert big["per_class"][1]["roc_auc"] == pytest.approx(auc, abs=1e-6)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_rows_come_from_a_pipe_and_parquet_goes_into_one(weighed: Path, form: str) -> None:
    given = {
        "csv": b"x,note\n1.5,a\nmuch,b\n2.5,c\n",
        "jsonl": b'{"x": 1.5, "note": "a"}\n{\n{"x": 2.5, "note": "c"}\n',
    }
    command = [sys.executable, "-m", "specc", "predict", str(weighed / "run"), "-", "--on-error", "skip"]
    done = subprocess.run([*command, "--format", "parquet"], input=given[form], capture_output=True, check=True)
    assert b"passed over 1 of 3 rows" in done.stderr
    assert b"standard input:" in done.stderr
    found = pq.read_table(io.BytesIO(done.stdout))
    assert found["note"].to_pylist() == ["a", "c"]
    assert found.schema.names == ["x", "note", "y", "big", "big_probability"]


def test_parquet_is_no_stream(weighed: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"x": [1.0]}), out)
    command = [sys.executable, "-m", "specc", "predict", str(weighed / "run"), "-"]
    done = subprocess.run(command, input=out.getvalue(), capture_output=True)
    assert done.returncode == 1
    assert b"standard input is a Parquet file" in done.stderr
