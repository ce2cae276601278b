"""What a spec is told when it is aimed at a TPU: by the checker alone, and by XLA on this machine."""

from __future__ import annotations

from contextlib import suppress

import pytest

from specc import driver
from specc.diagnostics import Log, Rejected
from specc.tree import Source

HEAD = "specc: 1\nmodel:\n  inputs: {image: {shape: [16, 16, 3]}}\n  layers:\n"


def network(*steps: str) -> str:
    """A network of these steps on pictures."""
    return HEAD + "".join(f"    - {step}\n" for step in steps)


TRAINED = """specc: 1
dataset:
  source: {random: {examples: 64}}
  inputs: {x: {type: tensor, shape: [12, 6]}}
  targets: {y: {type: category, classes: 3}}
  batch_size: 32
model:
  layers:
STEPS
    - Dense: {units: 3, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: adam
  metrics: [accuracy]
"""


def told(text: str, cores: int = 8) -> list[tuple[str, int]]:
    """The codes and lines that the checker reports for a TPU."""
    log = Log()
    with suppress(Rejected):
        driver.check(Source("spec.yaml", text), log, tpu_cores=cores)
    return [(found.code.id, found.span.line) for found in log.sorted()]


def compiled(text: str, cores: int = 8) -> list[tuple[str, int, str]]:
    """What XLA has against it, where the checker is not asked about TPUs."""
    log = Log()
    with suppress(Rejected):
        driver.compile_for_tpu(driver.check(Source("spec.yaml", text), log), cores, log)
    return [(found.code.id, found.span.line, found.message) for found in log.sorted()]


def line(text: str, part: str) -> int:
    return next(number for number, content in enumerate(text.splitlines(), 1) if part in content)


FIT = [
    network(
        "Conv2D: {filters: 4, kernel_size: 3, use_bias: false}", "BatchNormalization", "ReLU", "GlobalAveragePooling2D"
    ),
    network("RandomFlip", "Resizing: {height: 8, width: 8}", "Flatten", "Dense: 3"),
]
UNFIT = {
    "RandomRotation: 0.1": network("RandomRotation: 0.1", "Flatten", "Dense: 3"),
    "Pipeline": network("Pipeline: {layers: [RandomFlip, {RandomZoom: 0.2}]}", "Flatten", "Dense: 3"),
    "RandomCrop": network("RandomCrop: {height: 6, width: 6}", "Flatten", "Dense: 3"),
    "ops.i0": network("Flatten", "Dense: 3", "ops.i0"),
}


@pytest.mark.parametrize("text", FIT, ids=["convolutions", "augmentation"])
def test_what_runs_on_a_tpu_is_told_nothing(text: str):
    assert told(text) == []


@pytest.mark.parametrize("step", UNFIT)
def test_what_a_tpu_cannot_do_is_told_at_its_step(step: str):
    text = UNFIT[step]
    assert told(text) == [("S603", line(text, step))]


@pytest.mark.parametrize("step", UNFIT)
def test_xla_says_so_too(step: str):
    text = UNFIT[step]
    assert [(code, at) for code, at, _ in compiled(text)] == [("S603", line(text, step))]


def test_shapes_that_values_decide_are_told_once_and_xla_says_so_too():
    text = network("Flatten", 'ops.cast: {dtype: "int32"}', "ops.unique", "ops.square")
    assert told(text) == [("S603", line(text, "unique"))]
    assert [(code, at) for code, at, _ in compiled(text)] == [("S603", line(text, "unique"))]


def test_an_input_of_any_length_is_told():
    text = "specc: 1\nmodel:\n  inputs: {x: {shape: [null, 4]}}\n  layers:\n    - LSTM: 3\n    - Dense: 2\n"
    assert told(text) == [("S603", 3)]


def test_text_in_the_network_is_told_where_it_comes_in_and_where_it_is_made():
    text = "specc: 1\nmodel:\n  inputs: {x: {shape: [1], dtype: string}}\n  layers:\n    - Identity\n"
    assert told(text) == [("S603", 3)]


def test_a_batch_that_cores_cannot_share_is_told_with_one_that_they_can():
    text = TRAINED.replace("STEPS", "    - Flatten")
    assert told(text) == []
    assert told(text, cores=12) == [("S602", line(text, "batch_size"))]
    assert told(text.replace("  batch_size: 32\n", ""), cores=12) == [("S602", line(text, "dataset:"))]


NETWORKS = {
    "dense": ["Flatten", "Dense: {units: 8, activation: relu}", "BatchNormalization", "Dropout: 0.3"],
    "recurrent": ["LSTM: 8"],
    "attention": ["MultiHeadAttention: {num_heads: 2, key_dim: 3}", "LayerNormalization", "Flatten"],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_whole_training_step_compiles_where_nothing_is_told(name: str):
    text = TRAINED.replace("STEPS", "\n".join(f"    - {step}" for step in NETWORKS[name]))
    assert told(text) == []
    assert compiled(text) == []
