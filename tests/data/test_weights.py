"""How much an example counts: a column of numbers, each at least 0, given beside inputs and targets."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from data_plans import data_plan, feature, place, reader, told

from specc.backend.data import open_data
from specc.diagnostics import Log
from specc.kinds.features._weight import Weight
from specc.plan import Field


def plan_of(tmp_path, weights):
    lines = [f"{row},{weight},{row % 2}" for row, weight in enumerate(weights)]
    (tmp_path / "a.csv").write_text("\n".join(["x,share,y", *lines]) + "\n")
    plan = data_plan(reader("csv", path=str(tmp_path / "a.csv")), {"x": feature("number")}, {"y": feature("binary")})
    weight = Field("weight", "share", Weight(), place(20), place(120))
    return replace(plan, dataset=replace(plan.dataset, weight=weight))


def test_a_batch_brings_the_weights_of_its_examples(tmp_path):
    weights = np.random.default_rng(0).uniform(0, 3, 50).round(3)
    split = open_data(plan_of(tmp_path, weights), Log()).splits["train"]
    for inputs, _, given in split.stream(8, seed=1, shuffle=True).take(14):
        rows = inputs["x"].numpy()[:, 0].astype(int)
        np.testing.assert_allclose(given, weights[rows], rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ("", "S503", "the weight of a.csv:9 (column `share`) is missing"),
        ("-0.5", "S504", "the weight -0.5 of a.csv:9 (column `share`) is below 0"),
        ("much", "S503", "`much` in a.csv:9 (column `share`) is not a number"),
        ("inf", "S503", "the number in a.csv:9 (column `share`) is infinite"),
    ],
)
def test_what_is_no_weight_is_told_with_file_and_line(tmp_path, value, code, message):
    weights = ["1"] * 7 + [value] + ["2"] * 5
    assert [found[:3] for found in told(open_data, plan_of(tmp_path, weights))] == [(code, 20, message)]


def test_a_column_of_weights_that_is_not_there_is_told_at_its_name(tmp_path):
    plan = plan_of(tmp_path, [1, 2])
    weight = replace(plan.dataset.weight, column="shares")
    (found,) = told(open_data, replace(plan, dataset=replace(plan.dataset, weight=weight)))
    assert found[:3] == ("S502", 120, "a.csv has no column `shares`")


def test_examples_of_weight_0_teach_nothing(cli, write):
    generator = np.random.default_rng(3)
    x = generator.normal(size=400)
    wrong = generator.random(400) < 0.5
    lines = [f"{one},{-5 if bad else 2 * one},{int(not bad)}" for one, bad in zip(x, wrong, strict=True)]
    path = write("a.csv", "\n".join(["x,y,trust", *lines]) + "\n")
    spec = write(
        "spec.yaml",
        """
specc: 1
dataset:
  source: {csv: a.csv}
  inputs: {x: {type: number}}
  targets: {y: {type: number}}
  weight: trust
  batch_size: 50
model: {layers: [Dense: 1]}
training: {loss: mse, optimizer: {Adam: 0.1}, epochs: 60}
""",
    )
    run = path.parent / "run"
    ended = cli("run", spec, "--out", run)
    assert ended.status == 0, ended.err
    ended = cli("predict", run, write("ask.csv", "x\n1\n-3\n"))
    answers = [float(line.split(",")[1]) for line in ended.out.splitlines()[1:]]
    np.testing.assert_allclose(answers, [2, -6], atol=0.05)
    assert json.loads((run / "metrics.json").read_text())["train"]["loss"] < 0.01
