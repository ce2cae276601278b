"""Training begins with the weights of another network, for the layers that have a name of its own."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from specc.backend.run import run
from specc.backend.training.progress import Lines
from specc.diagnostics import Log, Rejected
from tests.training.conftest import Write, blobs, planned

SPEC = """
seed: 11
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [6]}}
  targets: {y: {type: category, classes: 3}}
  batch_size: 16
model:
  layers:
    - layers:
        - Dense: {units: 12, activation: relu}
        - BatchNormalization
      name: body
    - GaussianNoise: 0.1
    - Dense: {units: 3, activation: softmax}
      name: head
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: 0.01}
  epochs: 2
"""
OTHER = SPEC.replace("name: head", "name: answer").replace("seed: 11", "seed: 12").replace("epochs: 2", "epochs: 1")


@pytest.fixture
def base(write: Write, tmp_path: Path) -> keras.Model:
    model = run(planned(write(blobs(57), SPEC, "base")), tmp_path / "base", Log()).model
    model.save_weights(tmp_path / "base.weights.h5")
    return model


@pytest.mark.parametrize("path", ["base", "base/model.keras", "base.weights.h5"])
def test_layers_of_the_same_name_begin_with_its_weights(
    base: keras.Model, write: Write, tmp_path: Path, path: str
) -> None:
    # A learning rate of 0: what is begun with is what is left; but for moving averages, which are frozen.
    given: dict[str, Any] = {"training__start_from": path, "training__optimizer": {"SGD": 0.0}}
    text = OTHER.replace("      name: body\n", "      name: body\n      freeze: true\n")
    text = text.replace("training:\n", f"training:\n  start_from: {path}\n")
    said = StringIO()
    del given["training__start_from"]
    done = run(planned(write(blobs(57), text), **given), tmp_path / "run", Log(), progress=Lines(said))
    for name in ("body.dense", "body.batch_normalization"):
        for a, b in zip(done.model.get_layer(name).get_weights(), base.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(done.model.get_layer("answer").get_weights()[0], base.get_layer("head").get_weights()[0])
    told = f"2 layers begin with the weights of `{tmp_path / path}`; afresh: `answer`"
    assert told in said.getvalue()
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["start_from"] == {
        "path": str(tmp_path / path),
        "layers": ["body.dense", "body.batch_normalization"],
        "afresh": ["answer"],
    }
    # The spec of the run leads to the same file, wherever it lies.
    again = planned(tmp_path / "run" / "spec.yaml").training
    assert again is not None
    assert again.start_from is not None
    assert again.start_from[0] == str(tmp_path / path)
    assert any(
        "2 layers begin" in line for line in run(planned(tmp_path / "spec.yaml"), None, Log(), dry_run=True).checked
    )


def test_layers_within_layers_have_theirs(write: Write, tmp_path: Path) -> None:
    rest = SPEC.partition("    - Dense: {units: 3")
    layers = "    - Reshape: [3, 2]\n    - Bidirectional: {layer: {LSTM: {units: 4}}}\n      name: rnn\n"
    text = SPEC.partition("    - layers:")[0] + layers + rest[1] + rest[2]
    base = run(planned(write(blobs(57), text, "base")), tmp_path / "base", Log()).model
    text = text.replace("training:\n", "training:\n  start_from: base\n").replace("{Adam: 0.01}", "{SGD: 0.0}")
    done = run(planned(write(blobs(57), text.replace("seed: 11", "seed: 9"))), tmp_path / "run", Log()).model
    for a, b in zip(done.get_weights(), base.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("change", "path", "code", "line"),
    [
        (("units: 12", "units: 11"), "base", "S302", 11),
        (("name: body", "name: trunk"), "base", "S105", 18),
        (("", ""), "nowhere", "S501", 18),
        (("", ""), "data.npz", "S501", 18),
        (("", ""), "base.yaml", "S501", 18),
    ],
)
@pytest.mark.usefixtures("base")
def test_what_cannot_be_begun_with_is_told_at_its_place(
    write: Write, tmp_path: Path, change: tuple[str, str], path: str, code: str, line: int
) -> None:
    text = OTHER.replace(*change) if change[0] else OTHER
    text = text.replace("training:\n", f"training:\n  start_from: {path}\n")
    with pytest.raises(Rejected) as rejected:
        run(planned(write(blobs(57), text)), tmp_path / "run", Log())
    found = rejected.value.log.sorted()
    assert {d.code.id for d in found} == {code}
    assert found[0].span.line == line
    assert not (tmp_path / "run").exists()


def test_what_is_gone_on_with_begins_with_its_checkpoint(base: keras.Model, write: Write, tmp_path: Path) -> None:
    text = OTHER.replace("training:\n", "training:\n  start_from: base\n")
    plan = planned(write(blobs(57), text))
    first = run(plan, tmp_path / "run", Log())
    (tmp_path / "base" / "model.keras").unlink()
    again = run(plan, tmp_path / "run", Log(), resume=True)
    for a, b in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert base.count_params() == again.model.count_params()
