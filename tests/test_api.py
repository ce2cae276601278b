"""The public API: `check`, `plan`, `build`, `run`."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import specc

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits.yaml"


def test_every_public_name_is_there_and_documented():
    for name in specc.__all__:
        assert name == "__version__" or inspect.getdoc(getattr(specc, name)), name


def test_check_gives_what_is_wrong_and_raises_nothing(tmp_path: Path):
    spec = tmp_path / "bad.yaml"
    spec.write_text("specc: 1\nmodel:\n  inputs: {x: {shape: [4]}}\n  layers: [Dens: 3]\n")
    assert specc.check(DIGITS) == []
    assert [(d.code.id, d.span.path, d.span.line) for d in specc.check(spec)] == [("S102", str(spec), 4)]
    assert [d.code.id for d in specc.check(tmp_path / "gone.yaml")] == ["S501"]


def test_plan_gives_shapes_and_takes_parameters_and_overrides():
    plan = specc.plan(DIGITS, params={"width": 8}, sets={"training.epochs": 3})
    assert plan.network.step("conv_bn.conv2d").outputs[0].shape == (None, 8, 8, 8)
    assert plan.training.phases[0].epochs == 3


def test_plan_raises_what_is_wrong_all_at_once(tmp_path: Path):
    spec = tmp_path / "bad.yaml"
    spec.write_text(
        "specc: 1\nmodel:\n  inputs: {x: {shape: [4]}}\n  layers: [{Dense: {unit: 3}}, {Dense: {unit: 3}}]\n"
    )
    with pytest.raises(specc.Rejected) as rejected:
        specc.plan(spec)
    assert [d.code.id for d in rejected.value.log.sorted()] == ["S103", "S103"]
    assert f"{spec}:4" in str(rejected.value)


def test_build_gives_the_keras_model_that_the_plan_describes():
    plan, model = specc.plan(DIGITS), specc.build(DIGITS)
    assert model.count_params() == plan.network.weights
    assert model.compiled
    assert model({"image": np.zeros((2, 8, 8, 1), "float32")})["digit"].shape == (2, 10)


def test_build_reads_the_data_that_the_network_depends_on(tmp_path: Path):
    (tmp_path / "data.csv").write_text("x,kind\n" + "".join(f"{i},{'abc'[i % 3]}\n" for i in range(30)))
    spec = tmp_path / "kinds.yaml"
    spec.write_text(
        "specc: 1\n"
        "dataset:\n"
        "  source: {csv: data.csv}\n"
        "  inputs: {x: {type: number}}\n"
        "  targets: {kind: {type: category, vocabulary: auto}}\n"
        'model:\n  layers: [Dense: {units: "${targets.kind.classes}", activation: softmax}]\n'
        "training: {loss: sparse_categorical_crossentropy, optimizer: adam, epochs: 1}\n"
    )
    assert specc.build(spec).output["kind"].shape == (None, 3)


def test_run_leaves_a_run_behind_and_says_what_came_of_it(tmp_path: Path):
    run = specc.run(DIGITS, out=tmp_path / "run", params={"width": 4}, sets={"training.epochs": 1, "export": ["keras"]})
    assert run.path == tmp_path / "run"
    assert set(run.metrics) == {"train", "validation", "test"}
    assert len(run.history["loss"]) == 1
    assert (run.path / "model.keras").is_file()
    assert run.artefacts["keras"].path.is_file()
