"""The SavedModel takes raw fields by name and answers by target name as the trained network does, without specc."""

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
from served_networks import Made, export_all, make
from tensorflow.core.protobuf import saved_model_pb2

from specc import driver
from specc.backend.export import Artefact
from specc.backend.export.compare import ask
from specc.backend.export.serving import portable, serve
from specc.backend.export.write import leave
from specc.backend.network import build
from specc.diagnostics import Log
from specc.tree import Source

TOOL = Path(sys.executable).with_name("saved_model_cli")


def served_by(artefact: Artefact) -> Any:
    return tf.saved_model.load(str(artefact.path)).signatures["serving_default"]


def asked(serve: Any, raw: dict[str, Any]) -> dict[str, np.ndarray]:
    dtypes = {name: spec.dtype for name, spec in serve.structured_input_signature[1].items()}
    answers = serve(**{name: tf.constant(raw[name], dtype) for name, dtype in dtypes.items()})
    return {name: tensor.numpy() for name, tensor in answers.items()}


def test_it_takes_the_raw_fields_by_name_in_their_own_dtypes(exported: dict[str, Artefact]) -> None:
    takes = served_by(exported["saved_model"]).structured_input_signature[1]
    assert {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in takes.items()} == {
        "plain": ("float32", [None]),
        "filled": ("float32", [None]),
        "clipped": ("float32", [None]),
        "word": ("string", [None]),
        "whole": ("int64", [None]),
        "listed": ("string", [None]),
        "truth": ("string", [None]),
        "chosen": ("string", [None]),
        "picture": ("string", [None]),
    }


def test_its_answers_are_those_of_the_pipeline_and_the_network(table: Made, exported: dict[str, Artefact]) -> None:
    split = table.data.splits["train"]
    answers = asked(served_by(exported["saved_model"]), split.raw(slice(None)))
    inputs, _ = next(iter(split.batches(split.examples)))
    expected = {name: tensor.numpy() for name, tensor in table.model(inputs, training=False).items()}
    assert answers.keys() == expected.keys() == {"price", "kind", "yes"}
    for name in ("kind", "yes"):
        np.testing.assert_allclose(answers[name], expected[name], atol=1e-6)
    np.testing.assert_allclose(answers["kind"].sum(axis=1), 1, atol=1e-6)


def test_a_scaled_number_is_answered_in_its_own_units(table: Made, exported: dict[str, Artefact]) -> None:
    split = table.data.splits["train"]
    answers = asked(served_by(exported["saved_model"]), split.raw(slice(None)))
    inputs, _ = next(iter(split.batches(split.examples)))
    lines = Path(table.plan.source.path).with_name("table.csv").read_text(encoding="utf-8").splitlines()[1:]
    prices = np.array([float(line.split(",")[6]) for line in lines])[split.rows]
    expected = table.model(inputs, training=False)["price"].numpy() * prices.std() + prices.mean()
    np.testing.assert_allclose(answers["price"], expected, rtol=1e-6)


def test_a_batch_of_one_is_answered_like_the_same_row_among_many(table: Made, exported: dict[str, Artefact]) -> None:
    serve = served_by(exported["saved_model"])
    raw = table.data.splits["test"].raw(slice(None))
    many = asked(serve, raw)
    one = asked(serve, {name: values[3:4] for name, values in raw.items()})
    for name, answer in one.items():
        np.testing.assert_allclose(answer[0], many[name][3], rtol=1e-6)


def test_noise_and_dropout_are_off(table: Made, exported: dict[str, Artefact]) -> None:
    serve = served_by(exported["saved_model"])
    raw = table.data.splits["test"].raw(slice(None))
    first, second = asked(serve, raw), asked(serve, raw)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    inputs, _ = next(iter(table.data.splits["test"].batches(4)))
    trained = [table.model(inputs, training=True)["yes"].numpy() for _ in range(2)]
    assert not np.array_equal(*trained)


def test_pictures_and_tensors_from_arrays_are_served_too(arrays: Made, exported_arrays: Artefact) -> None:
    assert (exported_arrays.examples, exported_arrays.difference < 1e-6) == (30, True)
    serve = served_by(exported_arrays)
    takes = serve.structured_input_signature[1]
    assert {name: (spec.dtype.name, spec.shape.as_list()) for name, spec in takes.items()} == {
        "bytes": ("uint8", [None, 6, 3]),
        "floats": ("float32", [None, 64]),
        "ready": ("float32", [None, 5]),
        "ints": ("int32", [None, 3]),
    }
    inputs, _ = next(iter(arrays.data.splits["train"].batches(30)))
    answers = asked(serve, arrays.data.splits["train"].raw(slice(None)))
    np.testing.assert_allclose(answers["vector"], arrays.model(inputs, training=False)["vector"], atol=1e-6)


def test_the_tool_of_tensorflow_shows_it_and_runs_it(arrays: Made, exported_arrays: Artefact, tmp_path: Path) -> None:
    path = str(exported_arrays.path)
    shown = run_tool("show", "--dir", path, "--tag_set", "serve", "--signature_def", "serving_default")
    assert all(f"inputs['{name}']" in shown for name in ("bytes", "floats", "ready", "ints"))
    assert "outputs['vector']" in shown
    raw = arrays.data.splits["train"].raw(slice(0, 2))
    np.savez(tmp_path / "raw.npz", **raw)
    given = ";".join(f"{name}={tmp_path / 'raw.npz'}[{name}]" for name in raw)
    run_tool(
        *("run", "--dir", path, "--tag_set", "serve", "--signature_def", "serving_default"),
        *("--inputs", given, "--outdir", str(tmp_path)),
    )
    inputs, _ = next(iter(arrays.data.splits["train"].batches(2)))
    expected = arrays.model(inputs, training=False)["vector"]
    np.testing.assert_allclose(np.load(tmp_path / "vector.npy"), expected, atol=1e-6)


def run_tool(*arguments: str) -> str:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([str(TOOL), *arguments], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_the_keras_artefact_is_loaded_by_plain_keras(
    table: Made, exported: dict[str, Artefact], tmp_path: Path
) -> None:
    inputs, _ = next(iter(table.data.splits["test"].batches(5)))
    np.savez(tmp_path / "inputs.npz", **{name: tensor.numpy() for name, tensor in inputs.items()})
    script = """
import json, sys
sys.modules["specc"] = None
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1])
answers = model.predict(dict(np.load(sys.argv[2])), verbose=0)
print(json.dumps({name: answer.tolist() for name, answer in answers.items()}))
"""
    command = [sys.executable, "-P", "-c", script, str(exported["keras"].path), str(tmp_path / "inputs.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    expected = table.model(inputs, training=False)
    for name, answer in json.loads(done.stdout.splitlines()[-1]).items():
        np.testing.assert_allclose(answer, expected[name], atol=1e-6)


def test_without_a_dataset_the_network_is_served_on_prepared_tensors(tmp_path: Path) -> None:
    spec = """
specc: 1
model:
  inputs: {x: {shape: [3]}, steps: {shape: [null, 2]}}
  layers:
    - LSTM: 4
      name: rnn
      inputs: steps
    - Concatenate: {}
      inputs: [x, rnn]
    - Dense: 2
      name: out
  outputs: [out]
export: [saved_model, keras]
"""
    log = Log()
    plan = driver.check(Source("spec.yaml", spec), log)
    model = build(plan, log)
    draw = np.random.default_rng(0)
    tensors = {"x": draw.random((4, 3), np.float32), "steps": draw.random((4, 6, 2), np.float32)}
    examples = ask(plan, model, {}, tensors, tensors)
    artefacts = leave(plan, serve(plan, model, {}), examples, tmp_path, log)
    assert artefacts.keys() == {"saved_model", "keras"}
    answers = asked(served_by(artefacts["saved_model"]), tensors)
    np.testing.assert_allclose(answers["out"], model(tensors)["out"], atol=1e-6)


@pytest.mark.parametrize("setting", ["auto", True, False])
def test_a_recurrent_layer_is_traced_without_cudnn_and_then_left_as_it_was(setting: Any) -> None:
    inner = keras.layers.LSTM(2, use_cudnn=setting)
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.Bidirectional(inner)])
    recurrent = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.LSTM)]
    assert len(recurrent) == 2
    with portable(model):
        assert [layer.use_cudnn for layer in recurrent] == [False, False]
    assert [layer.use_cudnn for layer in recurrent] == [setting, setting]


PEOPLE = """
specc: 1
dataset:
  source: {csv: people.csv}
  inputs:
    age: {type: number, impute: mean}
    work: {type: category, vocabulary: [office, field], encode: one_hot}
    hours: {type: category, classes: 4, encode: one_hot}
  targets: {TARGET}
model:
  layers:
    - Concatenate: {}
      inputs: [age, work, hours]
    - Dense: UNITS
training: {loss: LOSS, optimizer: adam, epochs: 1}
export: [saved_model]
"""


@pytest.mark.parametrize(
    ("target", "units", "loss", "name"),
    [
        ("{pay: {type: category, vocabulary: [low, high, none]}}", "3", "sparse_categorical_crossentropy", "classify"),
        ("{pay: {type: binary, positive: high}}", "1", "binary_crossentropy", "classify"),
        ("{sum: {type: number, scale: standard}}", "1", "mse", "regress"),
    ],
)
def test_examples_are_answered_as_serving_asks(target: str, units: str, loss: str, name: str, tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        lines = [
            f"{i * 7 % 50},{['office', 'field'][i % 2]},{i % 4},{['low', 'high', 'none'][i % 3]},{i}" for i in range(12)
        ]
        (folder / "people.csv").write_text("\n".join(["age,work,hours,pay,sum", *lines]), encoding="utf-8")

    logits = loss if name == "regress" else f"{{{loss}: {{from_logits: true}}}}"
    text = PEOPLE.replace("{TARGET}", target).replace("UNITS", units).replace("LOSS", logits)
    made = make(text, tmp_path, write)
    log = Log()
    artefact = export_all(made, tmp_path / "export", log)["saved_model"]
    assert log.diagnostics == []
    written = saved_model_pb2.SavedModel.FromString((artefact.path / "saved_model.pb").read_bytes())
    assert written.meta_graphs[0].signature_def[name].method_name == f"tensorflow/serving/{name}"
    signatures = tf.saved_model.load(str(artefact.path)).signatures
    answers = signatures[name](
        inputs=tf.constant([example(age=30.0, work="field", hours=2), example(work="office", hours=0)])
    )
    served = signatures["serving_default"](
        age=tf.constant([30.0, np.nan]), work=tf.constant(["field", "office"]), hours=tf.constant([2, 0], tf.int64)
    )
    (raw,) = (answer.numpy() for answer in served.values())
    if name == "regress":
        np.testing.assert_allclose(answers["outputs"], raw[:, 0], rtol=1e-6)
        return
    classes = [b"low", b"high", b"none"] if units == "3" else [b"0", b"1"]
    assert answers["classes"].numpy().tolist() == [classes, classes]
    second = 1 / (1 + np.exp(-raw))
    expected = tf.nn.softmax(raw) if units == "3" else np.concatenate([1 - second, second], axis=1)
    np.testing.assert_allclose(answers["scores"], expected, rtol=1e-5)


def example(**fields: Any) -> bytes:
    """A serialized `tf.train.Example`."""
    kinds = {
        float: lambda v: {"float_list": tf.train.FloatList(value=[v])},
        int: lambda v: {"int64_list": tf.train.Int64List(value=[v])},
        str: lambda v: {"bytes_list": tf.train.BytesList(value=[v.encode()])},
    }
    features = {name: tf.train.Feature(**kinds[type(value)](value)) for name, value in fields.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
