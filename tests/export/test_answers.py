"""Answers are told as a person reads them: classes by name, probabilities, numbers in their own units."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from served_networks import Made

from specc import driver
from specc.backend.export.serving import serve
from specc.backend.inference.answers import told
from specc.backend.inference.asking import Asked
from specc.diagnostics import Log, Rejected
from specc.tree import Source


def columns(target: str, loss: str, answer: Any, state: dict[str, Any] | None = None, units: int = 1) -> dict[str, Any]:
    """What is told of a network's answer about one target `y`."""
    text = f"""
specc: 1
dataset:
  source: {{csv: nowhere.csv}}
  inputs: {{x: {{type: number}}}}
  targets: {{y: {target}}}
model:
  layers:
    - Dense: {units}
training: {{loss: {loss}, optimizer: sgd, epochs: 1}}
"""
    plan = driver.check(Source("spec.yaml", text), Log())
    return told(plan, {"targets.y": state or {"raw": "string"}}, {"y": np.asarray(answer, np.float32)})


def test_a_category_is_told_by_name_and_with_its_probability() -> None:
    state = {"raw": "string", "vocabulary": ["cat", "dog"]}
    loss = "{sparse_categorical_crossentropy: {from_logits: true}}"
    found = columns("{type: category}", loss, [[2, 0], [0, 0.5]], state, units=2)
    expected = keras.ops.softmax(np.array([[2, 0], [0, 0.5]], np.float32))
    assert found["y"] == ["cat", "dog"]
    np.testing.assert_allclose(found["y_probability"], [expected[0, 0], expected[1, 1]], rtol=1e-6)


def test_one_without_a_vocabulary_by_its_index() -> None:
    found = columns(
        "{type: category, classes: 3}", "{sparse_categorical_crossentropy: {from_logits: true}}", np.eye(3), units=3
    )
    assert found["y"] == [0, 1, 2]


def test_an_index_for_unknown_values_has_no_name() -> None:
    state = {"raw": "string", "vocabulary": ["cat", "dog"]}
    loss = "{sparse_categorical_crossentropy: {from_logits: true}}"
    found = columns("{type: category, oov: 1}", loss, np.eye(3), state, units=3)
    assert found["y"] == ["cat", "dog", None]


def test_yes_or_no_is_told_as_one_or_zero_with_the_probability_of_one() -> None:
    found = columns("{type: binary}", "{binary_crossentropy: {from_logits: true}}", [[-3], [0.25]])
    assert found["y"] == [0, 1]
    np.testing.assert_allclose(found["y_probability"], 1 / (1 + np.exp([3, -0.25])), rtol=1e-6)


def test_a_loss_that_is_no_cross_entropy_gives_scores() -> None:
    assert columns("{type: binary}", "mse", [[0.25], [0.75]]) == {"y": [0, 1], "y_score": [0.25, 0.75]}


def test_what_was_trained_with_a_hinge_loss_is_divided_at_zero() -> None:
    assert columns("{type: binary}", "hinge", [[0.25], [-0.25]]) == {"y": [1, 0], "y_score": [0.25, -0.25]}


def test_a_number_has_no_more_digits_than_float32_holds() -> None:
    assert columns("{type: number}", "mse", [[0.1], [1e20]]) == {"y": [0.1, 1e20]}


def test_anything_else_is_a_list() -> None:
    found = columns("{type: tensor, shape: [2]}", "mse", [[0.5, 0.25]], {"raw": "float32", "shape": [2]}, units=2)
    assert found == {"y": [[0.5, 0.25]]}


def ask(made: Made, rows: list[dict[str, Any]], folder: Path, log: Log) -> list[dict[str, Any]]:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    out = io.StringIO()
    Asked.of(made.plan, made.data.states, serve(made.plan, made.model, made.data.states), log).table(str(path), out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def raw_rows(made: Made, count: int) -> list[dict[str, Any]]:
    raw = made.data.splits["train"].raw(slice(0, count))
    return [{name: values[row].tolist() for name, values in raw.items()} for row in range(count)]


def test_arrays_are_asked_about_as_json_lists(arrays: Made, tmp_path: Path) -> None:
    rows, log = raw_rows(arrays, 5), Log()
    found = ask(arrays, rows, tmp_path, log)
    inputs, _ = next(iter(arrays.data.splits["train"].batches(5)))
    expected = arrays.model(inputs, training=False)["vector"].numpy()
    np.testing.assert_allclose([row["vector"] for row in found], expected, atol=1e-6)
    assert log.diagnostics == []


@pytest.mark.parametrize(
    ("name", "value", "code", "told_of"),
    [
        ("bytes", [[300, 0, 0]] * 6, "S504", "holds values that uint8 cannot"),
        ("ready", [1, 2, 3, 4], "S503", "has shape [4], and that in rows.jsonl:1 has [5]"),
        ("ready", [1, 2, [3], 4, 5], "S503", "is not an array of numbers of one shape"),
        ("ready", ["a", 2, 3, 4, 5], "S503", "is not an array of numbers of one shape"),
        ("ready", None, "S503", "is not an array of numbers of one shape"),
        ("ints", [1, 2, 0.5], "S504", "holds values that int32 cannot"),
    ],
)
def test_an_array_that_does_not_fit_is_told_with_its_line(
    arrays: Made, tmp_path: Path, name: str, value: Any, code: str, told_of: str
) -> None:
    rows, log = raw_rows(arrays, 3), Log()
    rows[1][name] = value
    with pytest.raises(Rejected):
        ask(arrays, rows, tmp_path, log)
    assert [(d.code.id, d.span.line) for d in log.diagnostics] == [(code, 2)]
    assert told_of in log.diagnostics[0].message


def test_a_network_that_learnt_from_arrays_is_not_asked_about_files(arrays: Made, tmp_path: Path) -> None:
    asked = Asked.of(
        arrays.plan, arrays.data.states, serve(arrays.plan, arrays.model, arrays.data.states), log := Log()
    )
    with pytest.raises(Rejected):
        asked.files([str(tmp_path / "a.png")], io.StringIO())
    assert [d.code.id for d in log.diagnostics] == ["S503"]
    assert "was not trained on files of pictures" in log.diagnostics[0].message
