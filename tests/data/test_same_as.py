"""`same_as`: an input that is its own target, prepared alike, and served in its own units."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import StandardScaler

import specc
from specc.backend.data import open_data
from specc.diagnostics import Log

SPEC = """
specc: 1
dataset:
  source: {{npz: data.npz}}
  inputs: {{x: {x}}}
  targets: {{y: {{type: same_as, input: x}}}}
  split: {{test: 0.25}}
model:
  layers: {layers}
training: {{loss: mse, optimizer: {{Adam: 0.01}}, epochs: 2}}
export: [saved_model]
"""
INPUTS = {
    "number": ("{type: number, column: n, scale: standard}", "[{Dense: 1}]"),
    "image": ("{type: image, column: i}", "[{Rescaling: 1.0}, {Conv2D: {filters: 1, kernel_size: 3, padding: same}}]"),
    "tensor": ("{type: tensor, column: t, shape: [4]}", "[{Dense: 2}, {Dense: 4}]"),
}


def written(folder, text):
    generator = np.random.default_rng(1)
    np.savez(
        folder / "data.npz",
        n=generator.normal(50, 9, 40),
        i=generator.integers(0, 255, (40, 6, 6), dtype=np.uint8),
        t=generator.normal(size=(40, 4)),
    )
    (folder / "spec.yaml").write_text(text)
    return folder / "spec.yaml"


@pytest.mark.parametrize("kind", INPUTS)
def test_the_target_is_what_the_input_is(kind, tmp_path):
    x, layers = INPUTS[kind]
    spec = written(tmp_path, SPEC.format(x=x, layers=layers))
    data = open_data(specc.plan(spec), Log())
    for inputs, targets in data.splits["train"].batches(8):
        np.testing.assert_array_equal(inputs["x"], targets["y"])
    run = specc.run(spec, out=tmp_path / "run")
    assert np.isfinite(run.metrics["test"]["loss"])


def test_what_is_served_is_in_the_units_of_the_input(tmp_path):
    spec = written(
        tmp_path, SPEC.format(x=INPUTS["number"][0], layers="[{Identity: {}}]").replace("{Adam: 0.01}", "sgd")
    )
    run = specc.run(spec, out=tmp_path / "run")
    assert run.metrics["test"]["loss"] == pytest.approx(0, abs=1e-9)
    values = np.load(tmp_path / "data.npz")["n"]
    served = tf.saved_model.load(str(tmp_path / "run" / "export" / "saved_model")).signatures["serving_default"]
    answer = next(iter(served(x=tf.constant(values, tf.float32)).values()))
    np.testing.assert_allclose(np.ravel(answer), values, rtol=1e-5)
    scaled = run.model({"x": StandardScaler().fit_transform(values[:, None])})["y"]
    assert scaled.shape == (40, 1)


def test_the_checker_knows_its_shape_without_the_data(tmp_path):
    spec = written(tmp_path, SPEC.format(x=INPUTS["tensor"][0], layers="[{Dense: 3}]"))
    (tmp_path / "data.npz").unlink()
    assert [d.code.id for d in specc.check(spec)] == ["S401"]


@pytest.mark.parametrize(
    ("before", "after", "code", "message"),
    [
        ("input: x", "input: z", "S201", "the dataset has no input `z`"),
        ("input: x}", "input: x, column: n}", "S105", "`same_as` reads what the input `x` reads"),
        ("targets: {y: {type: same_as, input: x}}", "targets: {y: {type: same_as}}", "S104", "`same_as`"),
        (INPUTS["number"][0], "{type: same_as, input: y}", "S105", "`same_as` makes an input a target"),
    ],
)
def test_what_is_no_other_input_is_told(tmp_path, before, after, code, message):
    text = SPEC.format(x=INPUTS["number"][0], layers="[{Dense: 1}]")
    assert before in text
    found = specc.check(written(tmp_path, text.replace(before, after)))
    assert code in [d.code.id for d in found]
    assert any(message in d.message for d in found)
