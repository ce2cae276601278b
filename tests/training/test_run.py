"""A run from its spec to its directory: what is in it, that it can be had again, and what is refused on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml

from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.backend.training.loop import Feed, Fit
from specc.backend.training.steps import Steps
from specc.diagnostics import Diagnostic, Log, Refusal, Rejected
from specc.plan import Plan
from tests.training.conftest import BLOBS, Write, blobs, planned

SPLIT = {"validation": 0.2, "test": 0.2}


def rejected(plan: Plan, out: Path | None) -> Diagnostic:
    with pytest.raises(Rejected) as raised:
        run(plan, out, Log())
    (found,) = raised.value.log.sorted()
    return found


def test_a_run_directory_holds_all_that_is_promised(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(100), BLOBS), dataset__split=SPLIT)
    done = run(plan, tmp_path / "run", Log())
    assert done.path == tmp_path / "run"
    assert {p.name for p in done.path.iterdir()} == {
        "spec.yaml",
        "manifest.json",
        "metrics.json",
        "history.csv",
        "checkpoints",
        "model.keras",
    }
    manifest = json.loads((done.path / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert manifest["seed"] == 11
    assert manifest["steps"] == 3 * 4  # 60 examples to train on, 16 a batch
    assert manifest["data"]["rows"] == {"train": 60, "validation": 20, "test": 20}
    assert manifest["parameters"] == {"total": 6 * 12 + 12 + 12 * 3 + 3, "trainable": 123}
    assert manifest["versions"]["keras"] == keras.__version__
    assert manifest["strategy"]["devices"] == ["cpu:0"] or manifest["hardware"]["devices"] != ["CPU:0"]


def test_metrics_are_those_of_the_saved_model_on_each_split(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(100), BLOBS), dataset__split=SPLIT)
    done = run(plan, tmp_path / "run", Log())
    saved = keras.saving.load_model(tmp_path / "run" / "model.keras")
    splits = open_data(plan, Log()).splits
    for split in ("validation", "test"):
        inputs, targets = next(iter(splits[split].batches(20)))
        answers = saved.predict(inputs, verbose=0)["y"]
        found = done.metrics[split]
        assert found["accuracy"] == pytest.approx(np.mean(answers.argmax(-1) == targets["y"].numpy()))
        loss = -np.log(answers[np.arange(20), targets["y"].numpy()]).mean()
        assert found["loss"] == pytest.approx(loss, rel=1e-4)
    assert done.metrics["train"] == {name: done.history[name][-1] for name in ("loss", "accuracy")}


def test_the_spec_of_a_run_trains_the_same_network_from_anywhere(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shuffled = BLOBS.replace("shuffle: false", "shuffle: true").replace(
        "- Dense: {units: 3", "- Dropout: 0.3\n    - Dense: {units: 3"
    )
    first = run(planned(write(blobs(100), shuffled), training__epochs=2), tmp_path / "run", Log())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = run(planned(tmp_path / "run" / "spec.yaml"), None, Log())
    assert again.path == Path("runs/blobs-1")
    assert again.history == first.history
    for a, b in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_seed_is_another_network(write: Write, tmp_path: Path) -> None:
    path = write(blobs(50), BLOBS)
    histories = [
        run(planned(path, seed=seed, training__epochs=1), tmp_path / f"{seed}", Log()).history for seed in (1, 2)
    ]
    assert histories[0] != histories[1]


def test_how_many_steps_a_call_takes_changes_nothing(write: Write, tmp_path: Path) -> None:
    path = write(blobs(100), BLOBS)
    one, many = (run(planned(path, runtime__steps_per_call=steps), tmp_path / f"{steps}", Log()) for steps in (1, 5))
    for name, values in one.history.items():
        assert many.history[name] == pytest.approx(values, rel=1e-6)
    for a, b in zip(one.model.get_weights(), many.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_dry_run_leaves_nothing_and_says_what_it_tried(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(blobs(100), BLOBS)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = run(planned(path, dataset__split=SPLIT), None, Log(), dry_run=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert done.path is None
    assert "60 train" in done.checked[0]
    assert int(done.model.optimizer.iterations) == 1


def test_a_directory_that_holds_something_is_left_alone(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(20), BLOBS))
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").write_text("years of work")
    with pytest.raises(Refusal, match="holds something already"):
        run(plan, tmp_path / "taken", Log())
    assert [p.name for p in (tmp_path / "taken").iterdir()] == ["thesis.tex"]


def test_a_spec_without_training_or_data_cannot_be_run(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("specc: 1\nmodel: {inputs: {x: {shape: [2]}}, layers: [{Dense: 1}]}\n")
    log = Log()
    with pytest.raises(Rejected):
        run(planned(path), tmp_path / "run", log)
    assert [d.code.id for d in log.sorted()] == ["S104", "S104"]


def test_a_target_that_is_no_class_of_the_output_is_found_when_it_comes(write: Write, tmp_path: Path) -> None:
    arrays = blobs(50) | {"y": np.where(np.arange(50) == 40, 7, 1).astype("int32")}
    text = BLOBS.replace("{type: category, classes: 3}", "{type: tensor, shape: [], dtype: int32}")
    path = write(arrays, text)
    found = rejected(planned(path), tmp_path / "run")
    assert found.code.id == "S504"
    assert "7" in found.message
    assert path.read_text().splitlines()[found.span.line - 1].strip().startswith("loss:")


def test_a_word_beyond_an_embedding_is_blamed_on_the_embedding(write: Write, tmp_path: Path) -> None:
    words = np.full((40, 4), 3, "int32")
    words[33, 2] = 6
    path = write(
        {"words": words, "y": np.zeros(40, "int32")},
        """
        dataset:
          source: {npz: data.npz}
          inputs: {words: {type: tensor, shape: [4], dtype: int32}}
          targets: {y: {type: binary}}
        model:
          layers:
            - ops.multiply: {x2: 2}  # what the data holds itself is told before training
            - Embedding: {input_dim: 10, output_dim: 2}
            - Flatten
            - Dense: {units: 1, activation: sigmoid}
        training: {loss: binary_crossentropy, optimizer: sgd}
        """,
    )
    found = rejected(planned(path), tmp_path / "run")
    assert found.code.id == "S504"
    assert "12" in found.message
    assert "Embedding" in path.read_text().splitlines()[found.span.line - 1]


def test_a_batch_that_does_not_fit_in_memory_is_blamed_on_its_step(write: Write, tmp_path: Path) -> None:
    path = write(
        {"x": np.zeros((400, 4), "float32"), "y": np.zeros(400, "float32")},
        """
        dataset:
          source: {npz: data.npz}
          inputs: {x: {type: tensor, shape: [4]}}
          targets: {y: {type: number}}
          batch_size: 400
        model:
          layers:
            - Dense: 8
            - Reshape: [8, 1]
            - UpSampling1D: 100_000_000
              name: far_too_much
            - GlobalAveragePooling1D
        training: {loss: mse, optimizer: sgd}
        """.replace("_000", "000"),
    )
    found = rejected(planned(path), tmp_path / "run")
    assert found.code.id == "S604"
    assert "far_too_much" in found.message
    assert "400" in found.help


@pytest.mark.parametrize(
    ("training", "line", "code"),
    [
        ({"optimizer": {"SGD": {"learning_rate": 0.1, "clipnorm": 1.0, "clipvalue": 1.0}}}, "optimizer", "S105"),
        ({"loss": {"SparseCategoricalCrossentropy": {"axis": 5}}}, "loss", "S401"),
        (
            {"metrics": [{"IoU": {"num_classes": 3, "target_class_ids": [7], "sparse_y_pred": False}}]},
            "metrics",
            "S105",
        ),
    ],
    ids=["optimizer", "loss", "metric"],
)
def test_what_keras_refuses_is_told_at_its_place(
    training: dict[str, Any], line: str, code: str, write: Write, tmp_path: Path
) -> None:
    text = yaml.safe_load(f"specc: 1\n{BLOBS}")
    text["training"] |= training
    path = write(blobs(20), "name: x")
    path.write_text(yaml.safe_dump(text))
    found = rejected(planned(path), tmp_path / "run")
    assert found.code.id == code
    assert found.span.pointer.startswith(f"/training/{line}")
    assert not (tmp_path / "run").exists()


def test_the_training_step_is_traced_once_whatever_the_batches(write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(57), BLOBS), dataset__split=SPLIT)  # an uneven batch at the end of each epoch
    log = Log()
    split = open_data(plan, log).splits["train"]
    model = build(plan, log)
    steps = Steps(tf.distribute.get_strategy(), model, compile_model(model, plan, log), log)
    feed = Feed(
        lambda epoch, step, cut: split.stream(16, seed=0, shuffle=True, epoch=epoch, step=step), split.examples, 16
    )
    Fit(steps, feed, epochs=3).run()
    assert split.examples % 16
    assert steps.train.experimental_get_tracing_count() == 1


# In a process of its own: what this one has held would count for its children.
JUDGE = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "specc", "run", *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


def test_the_manifest_has_the_most_memory_that_was_held(write: Write, tmp_path: Path) -> None:
    spec, out = write(blobs(100), BLOBS), tmp_path / "run"
    judged = subprocess.run([sys.executable, "-c", JUDGE, spec, "--out", out], check=True, stdout=subprocess.PIPE)
    peak = json.loads((out / "manifest.json").read_text())["peak_memory"]
    assert 0.8 * int(judged.stdout) < peak["process"] <= int(judged.stdout)
    assert ("gpu" in peak) is bool(tf.config.list_physical_devices("GPU"))


def test_tensorflow_says_nothing_of_its_own_while_a_mask_is_turned(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", words=np.arange(64).reshape(16, 4) % 5, y=np.arange(16) % 2)
    (tmp_path / "m.yaml").write_text(
        "specc: 1\n"
        "dataset:\n"
        "  source: {npz: data.npz}\n"
        "  inputs: {words: {type: tensor, shape: [4], dtype: int32}}\n"
        "  targets: {y: {type: category, classes: 2}}\n"
        "model:\n"
        "  layers:\n"
        "    - Embedding: {input_dim: 5, output_dim: 3, mask_zero: true}\n"
        "    - LSTM: 4\n"
        "    - Dense: {units: 2, activation: softmax}\n"
        "training: {loss: sparse_categorical_crossentropy, optimizer: sgd, epochs: 1}\n"
    )
    quiet = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    words = [sys.executable, "-m", "specc", "run", "m.yaml"]
    done = subprocess.run(words, cwd=tmp_path, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.partition(" ")[0] for line in done.stderr.splitlines() if line] == ["m:", "epoch"]
