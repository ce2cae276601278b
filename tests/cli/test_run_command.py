"""A spec goes through `run`, `evaluate` and `predict` to answers."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from specc.cli.entry import status

SPEC = """\
specc: 1
name: flowers
dataset:
  source: {csv: flowers.csv}
  inputs:
    length: {type: number, scale: standard}
    colour: {type: category, vocabulary: auto, encode: one_hot}
  targets:
    species: {type: category, vocabulary: auto}
  split: {validation: 0.2, test: 0.2}
  batch_size: 16
model:
  layers:
    - Concatenate:
      inputs: [length, colour]
    - Dense: {units: "${targets.species.classes}", activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {SGD: 0.1}
  metrics: [accuracy]
  epochs: 2
export: [saved_model]
"""


def flowers(rows: int = 90) -> str:
    """Three species that differ in length, in two colours."""
    random = np.random.default_rng(0)
    lines = ["length,colour,species"]
    for i in range(rows):
        species = ("iris", "lily", "rose")[i % 3]
        lines.append(f"{i % 3 + random.normal(0, 0.2):.3f},{random.choice(['blue', 'red'])},{species}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a spec, its data, and a run of it."""
    folder = tmp_path_factory.mktemp("flowers")
    (folder / "flowers.yaml").write_text(SPEC)
    (folder / "flowers.csv").write_text(flowers())
    assert status(["run", str(folder / "flowers.yaml"), "--out", str(folder / "run")]) == 0
    return folder


def test_run_prints_the_figures_of_its_metrics_and_where_everything_is(cli, folder: Path):
    ended = cli("run", folder / "flowers.yaml", "--out", folder / "again")
    assert ended.status == 0, ended.err
    figures = json.loads((folder / "again" / "metrics.json").read_text())
    loss = re.search(r"^loss +(\S+) +(\S+) +(\S+)$", ended.out, re.MULTILINE)
    assert loss is not None
    for shown, split in zip(loss.groups(), ("train", "validation", "test"), strict=True):
        assert float(shown) == pytest.approx(figures[split]["loss"], abs=1e-4)
    assert str(folder / "again" / "export" / "saved_model") in ended.out
    assert (folder / "again" / "export" / "saved_model" / "saved_model.pb").is_file()
    assert re.search(r"^epoch 2/2 ", ended.err, re.MULTILINE)


def test_run_does_not_write_over_a_run(cli, folder: Path):
    before = {p: p.stat().st_mtime_ns for p in (folder / "run").rglob("*")}
    ended = cli("run", folder / "flowers.yaml", "--out", folder / "run")
    assert ended.status == 1
    assert "holds a run already" in ended.err
    assert {p: p.stat().st_mtime_ns for p in (folder / "run").rglob("*")} == before


def test_a_dry_run_leaves_nothing_behind(cli, folder: Path, tmp_path: Path):
    ended = cli("run", folder / "flowers.yaml", "--out", tmp_path / "dry", "--dry-run")
    assert ended.status == 0, ended.err
    assert "one training step on 16 examples" in ended.out
    assert list(tmp_path.iterdir()) == []


def test_parameters_and_overrides_reach_the_run(cli, folder: Path):
    ended = cli("run", folder / "flowers.yaml", "--out", folder / "short", "--set", "training.epochs=1")
    assert ended.status == 0, ended.err
    assert len((folder / "short" / "history.csv").read_text().splitlines()) == 2


def test_evaluate_gives_the_figures_that_the_run_gave(cli, folder: Path):
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    for split in ("validation", "test"):
        ended = cli("evaluate", folder / "run", "--split", split)
        assert ended.status == 0, ended.err
        shown = dict(line.split() for line in ended.out.partition("\n\n")[0].splitlines()[1:])
        assert {name: float(value) for name, value in shown.items()} == pytest.approx(metrics[split], abs=1e-4)


def test_predict_answers_beside_every_row_in_the_form_of_its_input(cli, folder: Path):
    ended = cli("predict", folder / "run", folder / "flowers.csv")
    assert ended.status == 0, ended.err
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    asked = list(csv.DictReader(io.StringIO(flowers())))
    assert [(r["length"], r["colour"]) for r in rows] == [(r["length"], r["colour"]) for r in asked]
    answers = [name for name in rows[0] if name not in asked[0]]
    assert answers
    right = sum(row["species_predicted"] == row["species"] for row in rows)
    assert right > len(rows) / 2


def test_predict_writes_a_file_whole_or_not_at_all(cli, folder: Path, tmp_path: Path):
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text('{"length": 0.1, "colour": "red"}\n')
    bad.write_text('{"length": 0.1, "colour": "red"}\n{"length": "long", "colour": "red"}\n')
    assert cli("predict", folder / "run", good, "--output", tmp_path / "good.out").status == 0
    assert json.loads((tmp_path / "good.out").read_text())["length"] == 0.1
    ended = cli("predict", folder / "run", bad, "--output", tmp_path / "bad.out")
    assert ended.status == 1
    assert "S503" in ended.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.jsonl", "good.jsonl", "good.out"]


@pytest.mark.parametrize("typed", [["evaluate"], ["predict"]], ids=lambda t: t[0])
def test_what_is_no_run_is_said_to_be_none(cli, folder: Path, typed: list[str]):
    inputs = [folder / "flowers.csv"] if typed == ["predict"] else []
    ended = cli(*typed, folder / "runn", *inputs)
    assert ended.status == 1
    assert f"did you mean `{folder / 'run'}`?" in ended.err
    assert "no spec.yaml" in cli(*typed, folder, *inputs).err


@pytest.mark.parametrize(
    ("written", "instead", "code"),
    [
        ("csv: flowers.csv", "csv: flours.csv", "S501"),
        ("length: {type", "width: {type", "S502"),
        ("colour: {type: category, vocabulary: auto, encode: one_hot}", "colour: {type: number}", "S503"),
        ("vocabulary: auto}", "classes: 2}", "S503"),
        ("{validation: 0.2, test: 0.2}", "{validation: 0.001, test: 0.2}", "S505"),
        ("{SGD: 0.1}", "{SGD: {learning_rate: 3.0e+38, momentum: 0.99}}", "S605"),
    ],
    ids=["no such file", "no such column", "no numbers", "other labels", "empty split", "diverged"],
)
def test_what_the_data_or_the_run_has_against_it_ends_with_1_and_a_place(
    cli, write, tmp_path: Path, written: str, instead: str, code: str
):
    text = SPEC.replace(written, instead).replace(
        "inputs: [length,", "inputs: [width," if "width" in instead else "inputs: [length,"
    )
    write("flowers.csv", flowers())
    ended = cli("run", write("flowers.yaml", text), "--out", tmp_path / "run")
    assert ended.status == 1
    assert code in ended.err
    assert re.search(r"flowers\.yaml:\d+:\d+\n", ended.err)
    assert "Traceback" not in ended.err


def test_export_writes_an_artefact_of_a_run_and_notes_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "run"
    before = json.loads((run / "manifest.json").read_text())["artefacts"]
    assert status(["export", str(run), "--format", "litert: float16", "--format", "keras"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"litert float16 +\S+/run/export/model-float16.tflite  \(answers as trained on 18 examples", told)
    assert re.search(r"accuracy [\d.]+ \(trained [\d.]+\) on 18 examples of `test`", told)
    known = json.loads((run / "manifest.json").read_text())["artefacts"]
    assert known["saved_model"] == before["saved_model"]
    assert known["keras"]["path"] == "export/model.keras"
    accuracy = json.loads((run / "metrics.json").read_text())["test"]["accuracy"]
    assert known["litert float16"]["metrics"]["trained"]["accuracy"] == pytest.approx(accuracy)


def test_export_gives_an_artefact_the_name_that_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "elsewhere" / "flowers.keras"
    assert status(["export", str(folder / "run"), "-f", "keras", "--out", str(out)]) == 0
    assert [p.name for p in out.parent.iterdir()] == ["flowers.keras"]
    assert status(["export", str(folder / "run"), "-f", "keras", "--out", str(out)]) == 1
    assert "there is something at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--format", "onix"], 1, "did you mean `onnx`?"),
        (["--format", "litert: int9"], 1, "did you mean `int8`?"),
        (["--out", "somewhere"], 2, "give one --format with it"),
        (["--format", "]"], 2, "not YAML"),
    ],
)
def test_export_of_what_there_is_not(
    arguments: list[str], code: int, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(["export", str(folder / "run"), *arguments]) == code
    assert told in capsys.readouterr().err
