"""The metrics beside an artefact are those of the run: what is masked, or is to be ignored, counts in neither."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from specc import driver
from specc.backend.run import run
from specc.diagnostics import Log
from specc.tree import Source

SPEC = """
specc: 1
dataset:
  source: {csv: words.csv}
  inputs: {words: {type: text, length: 6, standardize: lower}}
  targets: {tags: {type: category, separator: " ", length: 6, oov: 1}}
  split: {test: 0.3}
model:
  layers:
    - Embedding: {input_dim: "${inputs.words.classes}", output_dim: 4, mask_zero: true}
    - Dense: {units: "${targets.tags.classes}", activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam, metrics: [accuracy], epochs: 2}
export: [saved_model, keras]
"""


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "ignoring"])
def test_what_does_not_count_in_training_does_not_in_an_artefact(loss: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    lines = ["words,tags"]
    for _ in range(60):
        count = generator.integers(1, 6)
        words = generator.integers(8, size=count)
        lines.append(f"{' '.join(f'w{word}' for word in words)},{' '.join('ab'[word % 2] for word in words)}")
    (tmp_path / "words.csv").write_text("\n".join(lines) + "\n")
    path = tmp_path / "spec.yaml"
    text = SPEC.replace(", mask_zero: true", "") if loss == "ignoring" else SPEC
    ignoring = "{SparseCategoricalCrossentropy: {ignore_class: 0}}" if loss == "ignoring" else loss
    path.write_text(text.replace("loss: sparse_categorical_crossentropy", f"loss: {ignoring}"))
    source = Source(str(path), path.read_text())
    plan = driver.check(source, Log())

    done = run(plan, tmp_path / "run", Log(), replan=lambda facts: driver.check(replace(source, facts=facts), Log()))

    written = json.loads((tmp_path / "run" / "manifest.json").read_text())["artefacts"]
    assert written
    for artefact in written.values():
        figures = artefact["metrics"]
        assert figures["artefact"]["accuracy"] == pytest.approx(done.metrics["test"]["accuracy"], abs=1e-6)
        assert figures["trained"]["accuracy"] == pytest.approx(done.metrics["test"]["accuracy"], abs=1e-6)
