"""A finished run is evaluated as it was when it ended, and answers new rows and pictures in their order."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from served_networks import TABLE, write_table

from specc import driver
from specc.backend.inference import evaluate, predict
from specc.backend.run import run
from specc.diagnostics import Log, Rejected
from specc.plan import Plan

INPUTS = ("plain", "gaps", "word", "whole", "truth", "kind", "file")
ANSWERS = ("price", "kind", "kind_probability", "yes", "yes_probability")

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
    - Dense: 2
training:
  loss: {sparse_categorical_crossentropy: {from_logits: true}}
  optimizer: {Adam: 0.1}
  epochs: 25
"""


def trained(text: str, folder: Path) -> tuple[Path, Plan]:
    """A run of a spec that lies beside its data, and the plan of what the run wrote."""
    (folder / "spec.yaml").write_text(text.replace("export: [saved_model, keras]", ""), encoding="utf-8")
    log = Log()
    plan = driver.check(driver.open_spec(folder / "spec.yaml", log), log)
    out = folder / "run"
    run(plan, out, log, replan=lambda facts: driver.check(replace(plan.source, facts=facts), log))
    assert log.diagnostics == []
    return out, driver.check(driver.open_spec(out / "spec.yaml", log), log)


@pytest.fixture(scope="module")
def tabular(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    folder = tmp_path_factory.mktemp("tabular")
    write_table(folder)
    return trained(TABLE, folder)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """Dark pictures and bright ones."""
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(3)
    for label, light in {"dark": 40, "bright": 220}.items():
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(12):
            pixels = tf.cast(draw.integers(light - 30, light + 30, (7, 9, 3)), tf.uint8)
            (folder / "photos" / label / f"{number}.jpg").write_bytes(tf.io.encode_jpeg(pixels).numpy())
    return trained(PHOTOS, folder)


def asked(run: tuple[Path, Plan], *inputs: str | Path) -> str:
    out, log = io.StringIO(), Log()
    predict(*run, [str(path) for path in inputs], out, log)
    assert log.diagnostics == []
    return out.getvalue()


def complaints(run: tuple[Path, Plan], *inputs: str | Path) -> list[tuple[str, int, str]]:
    """The code, line and message of everything that is wrong with what is asked."""
    log = Log()
    with pytest.raises(Rejected):
        predict(*run, [str(path) for path in inputs], io.StringIO(), log)
    return [(d.code.id, d.span.line, d.message) for d in log.sorted()]


def table_of(run: tuple[Path, Plan]) -> list[dict[str, str]]:
    with (run[0].parent / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


@pytest.mark.parametrize("split", ["test", "validation"])
def test_evaluating_gives_what_the_run_wrote_down(tabular: tuple[Path, Plan], split: str) -> None:
    log = Log()
    found = evaluate(*tabular, log, split)
    written = json.loads((tabular[0] / "metrics.json").read_text(encoding="utf-8"))[split]
    assert found == pytest.approx(written, rel=1e-6)
    assert log.diagnostics == []


def test_a_split_that_there_is_not_is_named(photos: tuple[Path, Plan]) -> None:
    log = Log()
    with pytest.raises(Rejected):
        evaluate(*photos, log, "validation")
    assert [(d.code.id, d.message) for d in log.sorted()] == [("S505", "the data has no split `validation`")]


def test_rows_of_csv_come_back_in_order_with_their_answers(tabular: tuple[Path, Plan]) -> None:
    found = list(csv.DictReader(io.StringIO(asked(tabular, tabular[0].parent / "table.csv"))))
    given = table_of(tabular)
    assert [{name: row[name] for name in given[0]} for row in found] == given
    # The table has columns `price` and `kind` of its own: the truth stays, the answers stand beside it.
    assert list(found[0]) == [*given[0], "price_predicted", "kind_predicted", *ANSWERS[2:]]
    assert {row["kind_predicted"] for row in found} <= {"low", "middle", "high"}
    assert all(1 / 3 <= float(row["kind_probability"]) <= 1 for row in found)
    assert all(row["yes"] == str(int(float(row["yes_probability"]) >= 0.5)) for row in found)
    # Prices lie around 300,000, and the answers are in the same units.
    assert all(1e5 < float(row["price_predicted"]) < 6e5 for row in found)


def test_the_same_rows_as_json_lines_get_the_same_answers(tabular: tuple[Path, Plan], tmp_path: Path) -> None:
    given = table_of(tabular)
    typed = [
        {
            "plain": float(row["plain"]),
            "gaps": float(row["gaps"]) if row["gaps"] else None,
            "word": row["word"] or None,
            "whole": int(row["whole"]),
            "truth": row["truth"],
            "file": str(tabular[0].parent / row["file"]),
            "kind": row["kind"],
        }
        for row in given
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in typed), encoding="utf-8")
    found = [json.loads(line) for line in asked(tabular, path).splitlines()]
    expected = list(csv.DictReader(io.StringIO(asked(tabular, tabular[0].parent / "table.csv"))))
    assert [{name: row[name] for name in typed[0]} for row in found] == typed
    for row, other in zip(found, expected, strict=True):
        assert row["price"] == float(other["price_predicted"])
        assert row["kind_predicted"] == other["kind_predicted"]
        assert row["yes"] == int(other["yes"])


def test_what_an_answer_is_does_not_depend_on_its_neighbours(tabular: tuple[Path, Plan], tmp_path: Path) -> None:
    given = table_of(tabular)
    for row in given:
        row["file"] = str(tabular[0].parent / row["file"])
    many = list(csv.DictReader(io.StringIO(asked(tabular, write_csv(tmp_path / "many.csv", given * 10)))))
    one = list(csv.DictReader(io.StringIO(asked(tabular, write_csv(tmp_path / "one.csv", given[7:8])))))
    assert len(many) == 600  # more than one batch
    for row in many[7 :: len(given)]:
        assert float(row["yes_probability"]) == pytest.approx(float(one[0]["yes_probability"]), abs=1e-6)


def test_a_table_without_rows_gets_a_header(tabular: tuple[Path, Plan], tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text(",".join(INPUTS) + "\n", encoding="utf-8")
    assert asked(tabular, path) == ",".join([*INPUTS, "price", "kind_predicted", *ANSWERS[2:]]) + "\n"


def test_missing_columns_are_all_told_with_the_nearest(tabular: tuple[Path, Plan], tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("Plain,gap,word,whole,kind,file\n1,2,c,0,low,x.jpg\n", encoding="utf-8")
    log = Log()
    with pytest.raises(Rejected):
        predict(*tabular, [str(path)], io.StringIO(), log)
    told = {d.message: d.help for d in log.diagnostics}
    assert {d.code.id for d in log.diagnostics} == {"S502"}
    assert list(told) == [f"few.csv has no column `{name}`" for name in ("plain", "gaps", "truth")]
    assert told["few.csv has no column `plain`"].startswith("did you mean `Plain`?")
    assert told["few.csv has no column `gaps`"].startswith("did you mean `gap`?")


def test_values_that_cannot_be_read_are_told_with_their_lines(tabular: tuple[Path, Plan], tmp_path: Path) -> None:
    rows = [{**row, "file": str(tabular[0].parent / row["file"])} for row in table_of(tabular)[:4]]
    rows[1]["plain"], rows[2]["whole"], rows[3]["file"], rows[3]["truth"] = "much", "4", "lost.jpg", "perhaps"
    found = complaints(tabular, write_csv(tmp_path / "bad.csv", rows))
    assert [(code, line) for code, line, _ in found] == [("S503", 3), ("S504", 4), ("S501", 5), ("S503", 5)]
    assert "`much` in bad.csv:3" in found[0][2]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (b"", "S503", 1),
        (b"plain\n1,2\n", "S502", 1),
        (b"plain,gaps,word,whole,truth,kind,file\n\xe4\n", "S503", 2),
        (b"plain,gaps,word,whole,truth,kind,file\n1,2\n", "S503", 2),
        (b'{"plain": 1}\n', "S502", 1),
        (b'{"plain": 1,\n', "S503", 1),
        (b"[]", "S503", 1),
    ],
)
def test_a_file_that_is_no_table_is_told(
    tabular: tuple[Path, Plan], tmp_path: Path, text: bytes, code: str, line: int
) -> None:
    (tmp_path / "file").write_bytes(text)
    found = complaints(tabular, tmp_path / "file")
    assert {(c, at) for c, at, _ in found} == {(code, line)}


def test_pictures_are_answered_by_path_a_file_or_a_folder(photos: tuple[Path, Plan]) -> None:
    folder = photos[0].parent / "photos"
    found = list(csv.DictReader(io.StringIO(asked(photos, folder / "dark" / "3.jpg", folder / "bright"))))
    assert list(found[0]) == ["image", "label", "label_probability"]
    assert [row["image"] for row in found] == [
        str(folder / "dark" / "3.jpg"),
        *sorted(str(folder / "bright" / f"{number}.jpg") for number in range(12)),
    ]
    assert [row["label"] for row in found] == ["dark", *["bright"] * 12]
    # The network ends in logits; what is told are probabilities.
    assert all(0.5 <= float(row["label_probability"]) <= 1 for row in found)


def test_pictures_are_named_from_where_one_is(photos: tuple[Path, Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos[0].parent)
    from_here = asked(photos, Path("photos/dark/3.jpg"), Path("photos/bright"))
    monkeypatch.chdir(photos[0].parent / "photos" / "dark")
    from_there = asked(photos, Path("3.jpg"), Path("../bright"))
    here, there = (list(csv.DictReader(io.StringIO(found))) for found in (from_here, from_there))
    assert (here[0]["image"], there[0]["image"]) == ("photos/dark/3.jpg", "3.jpg")
    assert [row["label_probability"] for row in here] == [row["label_probability"] for row in there]


def test_pictures_are_also_named_in_a_table_relative_to_it(photos: tuple[Path, Plan]) -> None:
    folder = photos[0].parent
    (folder / "list.jsonl").write_text('{"image": "photos/dark/1.jpg"}\n{"image": "photos/bright/1.jpg"}\n')
    found = [json.loads(line) for line in asked(photos, folder / "list.jsonl").splitlines()]
    assert [row["label"] for row in found] == ["dark", "bright"]


def test_pictures_that_cannot_be_asked_about_are_told(photos: tuple[Path, Plan], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture at all")
    (tmp_path / "empty").mkdir()
    good = photos[0].parent / "photos" / "dark" / "1.jpg"
    assert complaints(photos, good, broken) == [("S503", 1, f"cannot decode `{broken}`")]
    assert [c for c, _, _ in complaints(photos, tmp_path / "gone.jpg")] == ["S501"]
    assert [c for c, _, _ in complaints(photos, tmp_path / "empty")] == ["S501"]
    assert [c for c, _, _ in complaints(photos, good, tmp_path / "rows.csv")] == ["S503"]


def test_a_picture_alone_is_not_enough_for_a_network_that_takes_more(tabular: tuple[Path, Plan]) -> None:
    found = complaints(tabular, tabular[0].parent / "0.jpg")
    assert [code for code, _, _ in found] == ["S502"]
    assert "more than one file" in found[0][2]


def test_a_file_that_is_not_there_is_told_with_the_nearest(tabular: tuple[Path, Plan]) -> None:
    log = Log()
    with pytest.raises(Rejected):
        predict(*tabular, [str(tabular[0].parent / "tabel.csv")], io.StringIO(), log)
    assert [d.code.id for d in log.diagnostics] == ["S501"]
    assert "did you mean `table.csv`" in log.diagnostics[0].help


@pytest.mark.parametrize("keep", [(), ("spec.yaml", "model.keras"), ("manifest.json",)])
def test_a_directory_that_is_no_run_is_told_with_what_it_lacks(
    tabular: tuple[Path, Plan], tmp_path: Path, keep: tuple[str, ...]
) -> None:
    for name in keep:
        (tmp_path / name).write_bytes((tabular[0] / name).read_bytes())
    log = Log()
    with pytest.raises(Rejected):
        evaluate(tmp_path, tabular[1], log)
    (found,) = log.diagnostics
    assert found.code.id == "S501"
    for name in ("spec.yaml", "manifest.json", "model.keras"):
        assert (f"`{name}`" in found.message) is (name not in keep)


def test_a_model_that_is_damaged_is_told(tabular: tuple[Path, Plan], tmp_path: Path) -> None:
    for name in ("spec.yaml", "manifest.json"):
        (tmp_path / name).write_bytes((tabular[0] / name).read_bytes())
    (tmp_path / "model.keras").write_bytes((tabular[0] / "model.keras").read_bytes()[:1000])
    log = Log()
    with pytest.raises(Rejected):
        evaluate(tmp_path, tabular[1], log)
    assert [d.code.id for d in log.diagnostics] == ["S503"]
