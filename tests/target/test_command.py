"""`specc validate --target`."""

from __future__ import annotations

import pytest

SPEC = """specc: 1
dataset:
  source: {random: {examples: 64}}
  inputs: {x: {type: tensor, shape: [8, 8, 3]}}
  targets: {y: {type: category, classes: 3}}
  batch_size: 64
model:
  layers:
    - RandomRotation: 0.1
    - Flatten
    - Dense: {units: 3, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam}
"""


def test_without_a_target_nothing_is_asked_of_tpus(cli, write):
    assert cli("validate", write("model.yaml", SPEC)).status == 0


def test_a_target_reports_the_step_that_cannot_run_there(cli, write):
    ended = cli("validate", "--target", "tpu", write("model.yaml", SPEC))
    assert ended.status == 1
    assert "S603 error: `RandomRotation` cannot run on a TPU" in ended.err
    assert "model.yaml:9:7" in ended.err


@pytest.mark.parametrize(("target", "status"), [("tpu", 0), ("tpu:16", 0), ("tpu:48", 1)])
def test_a_target_may_say_how_many_cores_it_has(cli, write, target: str, status: int):
    spec = write("model.yaml", SPEC.replace("    - RandomRotation: 0.1\n", ""))
    ended = cli("validate", "--target", target, spec)
    assert ended.status == status
    assert ("S602" in ended.err) == bool(status)


@pytest.mark.parametrize("typed", [["--target", "gpu"], ["--target", "tpu:none"], ["--target", "tpu:0"], ["--exact"]])
def test_what_is_no_target_is_wrong_usage(cli, write, typed: list[str]):
    assert cli("validate", *typed, write("model.yaml", SPEC)).status == 2


def test_a_dry_run_compiles_the_step_and_takes_it_here(cli, write):
    ended = cli("run", "--dry-run", "--target", "tpu", write("model.yaml", SPEC.replace("RandomRotation: 0.1", "ReLU")))
    assert ended.status == 0, ended.err
    assert ended.out.startswith("one training step compiles for a core of a TPU, one of 8\n")
    assert "one training step on 64 examples: loss" in ended.out


def test_a_dry_run_names_the_step_that_cannot_run_there(cli, write):
    ended = cli("run", "--dry-run", "--target", "tpu:2", write("model.yaml", SPEC))
    assert ended.status == 1
    assert "S603 error: `RandomRotation` cannot run on a TPU" in ended.err


@pytest.mark.parametrize("typed", [["--target", "tpu"], ["--dry-run", "--target", "gpu"]])
def test_a_target_of_a_run_is_for_a_dry_run_and_a_tpu(cli, write, typed: list[str]):
    assert cli("run", *typed, write("model.yaml", SPEC)).status == 2


def test_exactly_means_that_xla_has_compiled_it(cli, write):
    assert cli("validate", "--target", "tpu", "--exact", write("model.yaml", SPEC)).status == 1
    spec = write("model.yaml", SPEC.replace("RandomRotation: 0.1", "RandomFlip"))
    ended = cli("validate", "--target", "tpu", "--exact", spec)
    assert (ended.status, ended.err) == (0, "")


def test_what_only_the_data_tells_is_no_open_shape(cli, write, tmp_path):
    rows = "".join(f"{i % 7},{'abc'[i % 3]}\n" for i in range(64))
    (tmp_path / "t.csv").write_text(f"x,y\n{rows}", encoding="utf-8")
    spec = write(
        "model.yaml",
        "specc: 1\n"
        "dataset:\n"
        "  source: {csv: t.csv}\n"
        "  inputs: {x: {type: number}}\n"
        "  targets: {y: {type: category}}\n"
        "  batch_size: 8\n"
        "model:\n"
        "  layers:\n"
        '    - Dense: {units: "${targets.y.classes * 2}", activation: relu}\n'
        '    - Dense: {units: "${targets.y.classes}", activation: softmax}\n'
        "training: {loss: sparse_categorical_crossentropy, optimizer: adam}\n",
    )
    for typed in (["validate"], ["validate", "--exact"], ["run", "--dry-run"]):
        ended = cli(*typed, "--target", "tpu", spec)
        assert ended.status == 0, ended.err
        assert "S603" not in ended.err
