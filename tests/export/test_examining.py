"""What `specc evaluate` says of a run, with scikit-learn as the judge of every figure."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

import specc
from specc.backend.inference.choices import Choices, Labels
from specc.backend.inference.curves import curves
from specc.backend.inference.residuals import QUANTILES, Residuals
from specc.cli.entry import status
from specc.kinds.arrays import Array
from specc.render.evaluation.page import as_page
from specc.render.evaluation.words import in_words


def in_parts(sums: Any, *arrays: Array) -> dict[str, Any]:
    """What is said of examples that come in batches."""
    for start in range(0, len(arrays[0]), 37):
        part = slice(start, start + 37)
        sums.add(*(array[part] for array in arrays), np.arange(len(arrays[0]))[part])
    found: dict[str, Any] = sums.report()
    return found


def weights_of(draw: np.random.Generator, rows: int, kind: str) -> Array:
    return {"even": np.ones(rows), "some": draw.random(rows) + 0.1, "masked": draw.integers(0, 2, rows) * 1.0}[kind]


@pytest.mark.parametrize("kind", ["even", "some", "masked"])
def test_classes_are_judged_as_scikit_learn_does(kind: str) -> None:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 4, 500)
    score = draw.dirichlet(np.ones(5), 500) + np.eye(5)[truth] * 0.3  # the fifth class never occurs
    score = (score / score.sum(axis=1, keepdims=True)).astype(np.float32)
    score[:50] = score[0]  # ties
    weight = weights_of(draw, 500, kind)
    names = ["a", "b", "c", "d", "e"]
    found = in_parts(Choices(names, likely=True), score, truth, weight)
    answer = score.argmax(axis=1)
    given: dict[str, Any] = {"sample_weight": weight}
    np.testing.assert_allclose(found["confusion"], sk.confusion_matrix(truth, answer, labels=range(5), **given))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, answer, **given))
    rates = sk.precision_recall_fscore_support(truth, answer, labels=range(5), zero_division=0, **given)
    for key, expected in zip(("precision", "recall", "f1", "support"), rates, strict=True):
        np.testing.assert_allclose([one[key] for one in found["per_class"]], expected, rtol=1e-9)
    macro = sk.precision_recall_fscore_support(truth, answer, average="macro", zero_division=0, **given)
    assert [found["macro"][key] for key in ("precision", "recall", "f1")] == pytest.approx(macro[:3])
    for number in range(4):
        one = found["per_class"][number]
        is_so = truth == number
        assert one["roc_auc"] == pytest.approx(sk.roc_auc_score(is_so, score[:, number], **given), abs=1e-7)
        expected = sk.average_precision_score(is_so, score[:, number], **given)
        assert one["average_precision"] == pytest.approx(expected, abs=1e-7)
    assert found["per_class"][4]["roc_auc"] is None
    assert set(found["curves"]) == {"a", "b", "c", "d"}
    wrong = {n for n in range(500) if answer[n] != truth[n] and weight[n] > 0}
    surest = sorted(-float(score[n].max()) for n in wrong)[:10]
    assert [-one["score"] for one in found["worst"]] == pytest.approx(surest)
    assert {one["example"] for one in found["worst"]} <= wrong


def test_calibration_is_that_of_scikit_learn() -> None:
    draw = np.random.default_rng(1)
    score = draw.random(2000).astype(np.float32)[:, None]
    truth = (draw.random(2000) < score[:, 0] ** 2).astype(int)
    found = in_parts(Choices([0, 1], likely=True, threshold=0.5), score, truth, np.ones(2000))["calibration"]
    true, said = calibration_curve(truth, score[:, 0], n_bins=10)
    np.testing.assert_allclose([one["accuracy"] for one in found["bins"]], true)
    np.testing.assert_allclose([one["confidence"] for one in found["bins"]], said, rtol=1e-6)
    counts = np.histogram(score, np.linspace(0, 1, 11))[0]
    assert [one["count"] for one in found["bins"]] == counts.tolist()
    assert found["ece"] == pytest.approx(np.sum(counts / 2000 * np.abs(true - said)), rel=1e-6)


def test_yes_or_no_is_judged_by_the_score_of_yes() -> None:
    draw = np.random.default_rng(2)
    truth = draw.integers(0, 2, 300)
    score = (draw.normal(size=300) + truth).astype(np.float32)
    found = in_parts(Choices([0, 1], likely=False, threshold=0.0), score[:, None], truth, np.ones(300))
    assert found["calibration"] is None
    assert found["confusion"] == sk.confusion_matrix(truth, score >= 0).tolist()
    assert found["per_class"][1]["roc_auc"] == pytest.approx(sk.roc_auc_score(truth, score))
    assert found["macro"]["average_precision"] == pytest.approx(sk.average_precision_score(truth, score))
    false, true, _ = sk.roc_curve(truth, score, drop_intermediate=False)
    points = {(round(x, 9), round(y, 9)) for x, y in zip(false, true, strict=True)}
    assert {(round(x, 9), round(y, 9)) for x, y in found["curves"]["1"]["roc"]} <= points
    precision, recall, _ = sk.precision_recall_curve(truth, score)
    points = {(round(x, 9), round(y, 9)) for x, y in zip(recall, precision, strict=True)}
    # The judge ends at the first score that finds all, and here all scores are drawn.
    drawn = [(round(x, 9), round(y, 9)) for x, y in found["curves"]["1"]["precision_recall"]]
    assert all(point in points for point in drawn if point[0] < 1)


def test_a_set_of_classes_is_a_question_for_each() -> None:
    draw = np.random.default_rng(3)
    truth = draw.integers(0, 2, (200, 3)).astype(np.float32)
    score = np.clip(0.4 * truth + draw.random((200, 3)) * 0.6, 0, 1).astype(np.float32)
    weight = draw.random(200)
    found = in_parts(Labels(["x", "y", "z"], True, 0.5), score, truth, weight)
    answer = score >= 0.5
    rates = sk.precision_recall_fscore_support(truth, answer, sample_weight=weight, zero_division=0)
    for key, expected in zip(("precision", "recall", "f1"), rates, strict=False):
        np.testing.assert_allclose([one[key] for one in found["per_class"]], expected)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(truth, answer, sample_weight=weight))
    expected = sk.roc_auc_score(truth, score, sample_weight=weight, average="macro")
    assert found["macro"]["roc_auc"] == pytest.approx(expected, abs=1e-7)
    expected = sk.average_precision_score(truth, score, sample_weight=weight, average="macro")
    assert found["macro"]["average_precision"] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("kind", ["even", "some", "masked"])
@pytest.mark.parametrize("wide", [1, 3])
def test_numbers_are_judged_as_scikit_learn_does(kind: str, wide: int) -> None:
    draw = np.random.default_rng(4)
    target = draw.normal(1e6, 3.0, (300, wide))  # a mean far larger than the spread
    answer = target + draw.normal(0.5, 1.0, (300, wide))
    weight = np.repeat(weights_of(draw, 300, kind)[:, None], wide, axis=1)
    found = in_parts(Residuals(), answer, target, weight)
    flat: dict[str, Any] = {"sample_weight": weight.ravel()}
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(target.ravel(), answer.ravel(), **flat))
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(target.ravel(), answer.ravel(), **flat))
    assert found["r2"] == pytest.approx(sk.r2_score(target.ravel(), answer.ravel(), **flat), abs=1e-6)
    off = (target - answer)[weight > 0]
    np.testing.assert_allclose(list(found["residuals"].values()), np.quantile(off, QUANTILES), rtol=1e-5, atol=1e-5)
    far = np.where(weight > 0, np.abs(target - answer), 0).mean(axis=1)
    assert [one["off"] for one in found["worst"]] == pytest.approx(sorted(far.tolist(), reverse=True)[:10])


def test_of_very_many_classes_no_pairs_are_counted() -> None:
    draw = np.random.default_rng(5)
    score, truth = draw.random((300, 1500)).astype(np.float32), draw.integers(0, 1500, 300)
    score[np.arange(300), truth] += draw.integers(0, 2, 300)
    found = in_parts(Choices(list(range(1500)), likely=False), score, truth, np.ones(300))
    assert found["confusion"] is None
    assert found["accuracy"] == sk.accuracy_score(truth, score.argmax(axis=1))
    macro = sk.precision_recall_fscore_support(truth, score.argmax(axis=1), average="macro", zero_division=0)
    assert [found["macro"][key] for key in ("precision", "recall", "f1")] == pytest.approx(macro[:3])
    report = {"data": "test", "examples": 300, "metrics": {"loss": 1.0}, "outputs": {"word": found}}
    for one in found["worst"]:
        one["where"] = "somewhere"
    words = in_words(report)
    assert "the 25 classes of 1500 with the lowest F1" in words
    assert len(words.splitlines()) < 60
    assert "<svg" not in as_page("many", report)


def test_of_one_class_alone_there_is_no_curve() -> None:
    assert curves(np.ones(3, bool), np.arange(3.0)) is None
    assert curves(np.zeros(3, bool), np.arange(3.0)) is None
    assert curves(np.zeros(0, bool), np.zeros(0)) is None


SPEC = """
specc: 1
name: many
dataset:
  source: {csv: rows.csv}
  inputs:
    words: {type: text, vocabulary: 50, length: 4}
    size: {type: number}
  targets:
    tags: {type: category, separator: " ", length: 4, vocabulary: [NOUN, VERB]}
    labels: {type: category, encode: multi_hot, separator: "|", vocabulary: [odd, big]}
    price: {type: number, scale: standard}
    cheap: {type: binary}
    kind: {type: category, vocabulary: auto, encode: one_hot}
  split: {test: 0.4}
model:
  layers:
    - Embedding: {input_dim: "${inputs.words.classes}", output_dim: 4, mask_zero: true}
      inputs: words
    - Dense: {units: "${targets.tags.classes}", activation: softmax}
      name: tagged
    - Dense: {units: 2, activation: sigmoid}
      inputs: size
      name: labelled
    - Dense: 1
      inputs: size
      name: priced
    - Dense: 1
      inputs: size
      name: cheaply
    - Dense: {units: 3, activation: softmax}
      inputs: size
      name: sorted
  outputs: {tags: tagged, labels: labelled, price: priced, cheap: cheaply, kind: sorted}
training:
  loss:
    tags: sparse_categorical_crossentropy
    labels: binary_crossentropy
    price: mse
    cheap: {binary_crossentropy: {from_logits: true}}
    kind: categorical_crossentropy
  optimizer: {Adam: 0.05}
  epochs: 2
"""


def table(rows: int, seed: int) -> str:
    draw = np.random.default_rng(seed)
    lines = ["words,size,tags,labels,price,cheap,kind"]
    for _ in range(rows):
        length, size = int(draw.integers(1, 4)), draw.normal()
        words = " ".join(draw.choice(["dog", "runs", "cat", "sits"], length))
        tags = " ".join("VERB" if word in ("runs", "sits") else "NOUN" for word in words.split())
        labels = "|".join([*(["odd"] if draw.random() < 0.5 else []), *(["big"] if size > 0 else [])])
        kind = ("low", "middle", "high")[int(draw.integers(3))]
        lines.append(f"{words},{size:.4f},{tags},{labels},{100 + 20 * size + draw.normal():.3f},{int(size < 0)},{kind}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with outputs of every kind, and more data of its form."""
    folder = tmp_path_factory.mktemp("examined")
    (folder / "rows.csv").write_text(table(120, 1))
    (folder / "later.csv").write_text(table(70, 2))
    (folder / "spec.yaml").write_text(SPEC)
    specc.run(folder / "spec.yaml", out=folder / "run")
    return folder


def report_of(capsys: Any, *typed: Any) -> dict[str, Any]:
    assert status(["evaluate", *map(str, typed), "--format", "json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def test_a_split_has_the_metrics_of_the_run(folder: Path, capsys) -> None:
    report = report_of(capsys, folder / "run")
    written = json.loads((folder / "run" / "metrics.json").read_text())["test"]
    assert report["metrics"] == pytest.approx(written, rel=1e-5)
    assert (report["data"], report["examples"]) == ("test", 48)
    kinds = {name: found["kind"] for name, found in report["outputs"].items()}
    assert kinds == {"tags": "classes", "labels": "labels", "price": "numbers", "cheap": "classes", "kind": "classes"}


def test_other_data_is_judged_by_what_the_run_answers_about_it(folder: Path, capsys) -> None:
    found = report_of(capsys, folder / "run", "--data", folder / "later.csv")["outputs"]
    assert status(["predict", str(folder / "run"), str(folder / "later.csv"), "--format", "jsonl"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    truth = list(csv.DictReader(io.StringIO((folder / "later.csv").read_text())))
    assert len(answers) == len(truth) == 70

    price = [float(row["price"]) for row in truth]
    answered = [row["price_predicted"] for row in answers]
    assert found["price"]["mae"] == pytest.approx(sk.mean_absolute_error(price, answered), rel=1e-4)
    assert found["price"]["r2"] == pytest.approx(sk.r2_score(price, answered), rel=1e-4, abs=1e-4)
    off = np.abs(np.array(price) - answered)
    assert found["price"]["worst"][0]["where"] == f"later.csv:{off.argmax() + 2}"
    assert found["price"]["worst"][0]["target"] == pytest.approx(price[int(off.argmax())], rel=1e-4)

    is_cheap, likely = [int(row["cheap"]) for row in truth], [row["cheap_probability"] for row in answers]
    assert found["cheap"]["per_class"][1]["roc_auc"] == pytest.approx(sk.roc_auc_score(is_cheap, likely), abs=1e-6)
    assert found["cheap"]["confusion"] == sk.confusion_matrix(is_cheap, np.array(likely) >= 0.5).tolist()

    names = [one["class"] for one in found["kind"]["per_class"]]
    pairs = [row["kind"] for row in truth], [row["kind_predicted"] for row in answers]
    assert found["kind"]["confusion"] == sk.confusion_matrix(*pairs, labels=names).tolist()

    # Of a sentence only its words count: the mask of the words hides what pads it.
    tags = [tag for row in truth for tag in row["tags"].split()]
    told = [
        tag
        for row, real in zip(answers, truth, strict=True)
        for tag in row["tags_predicted"][: len(real["tags"].split())]
    ]
    assert found["tags"]["count"] == len(tags)
    assert found["tags"]["accuracy"] == pytest.approx(sk.accuracy_score(tags, told))

    sets = np.array([[name in row["labels"].split("|") for name in ("odd", "big")] for row in truth])
    scores = np.array([row["labels_probability"] for row in answers])
    assert found["labels"]["macro"]["roc_auc"] == pytest.approx(sk.roc_auc_score(sets, scores), abs=1e-6)


def test_it_is_told_in_words_and_as_a_page(folder: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "page.html"
    assert status(["evaluate", str(folder / "run")]) == 0
    words = capsys.readouterr().out
    for told in ("precision", "confusion: a row", "calibration: expected error", "MAE", "surest mistakes", "rows.csv:"):
        assert told in words
    assert status(["evaluate", str(folder / "run"), "--output", str(out)]) == 0
    assert capsys.readouterr().out == f"48 examples in {out}\n"
    page = out.read_text()
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    titles = [ET.fromstring(one).attrib["aria-label"] for one in drawn]
    assert titles.count("ROC") == 4
    assert {"precision and recall", "answers", "residuals", "confusion: a row for what it is"} <= set(titles)
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


def test_data_that_is_not_there_or_lacks_a_column_is_told(folder: Path, tmp_path: Path, capsys) -> None:
    assert status(["evaluate", str(folder / "run"), "--data", str(tmp_path / "none.csv")]) == 1
    assert "S501" in capsys.readouterr().err
    (tmp_path / "few.csv").write_text("words,size\ndog,1\n")
    assert status(["evaluate", str(folder / "run"), "--data", str(tmp_path / "few.csv")]) == 1
    assert "few.csv has no column `price`" in capsys.readouterr().err
    (tmp_path / "rows.xyz").write_text("")
    assert status(["evaluate", str(folder / "run"), "--data", str(tmp_path / "rows.xyz")]) == 1
    assert "of no form that is known" in capsys.readouterr().err
    assert status(["evaluate", str(folder / "run"), "--data", str(tmp_path), "--split", "test"]) == 2
