"""Formats of other runtimes: each is used by its own, without TensorFlow, and told beside the trained network."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from served_networks import Made, export_all, make

from specc import driver
from specc.backend.export import Artefact, demand
from specc.backend.export.compare import ask
from specc.backend.export.serving import in_float32, serve
from specc.backend.export.write import leave
from specc.backend.network import build
from specc.diagnostics import Log, Rejected
from specc.tree import Source

pytestmark = pytest.mark.xdist_group("export")  # one process makes and exports the networks, once

NUMBERS = """
specc: 1
dataset:
  source: {csv: numbers.csv}
  inputs:
    size: {type: number, impute: mean, scale: standard}
    rooms: {type: category, classes: 5, encode: one_hot}
    series: {type: number, column: size, impute: 0}
  targets:
    price: {type: number, scale: standard}
    kind: {type: category, classes: 3}
  split: {test: 0.5}
model:
  layers:
    - Concatenate: {}
      inputs: [size, rooms, series]
    - Rescaling: 0.1
    - Dense: {units: 12, activation: gelu}
      name: hidden
    - Dropout: 0.5
    - Reshape: [6, 2]
    - Bidirectional: {layer: {LSTM: 3}}
      name: read
    - Dense: 1
      name: number
    - Dense: {units: 3, activation: softmax}
      name: choice
      inputs: read
  outputs: {price: number, kind: choice}
training:
  loss: {price: mse, kind: sparse_categorical_crossentropy}
  optimizer: adam
  metrics: {price: [mae], kind: [accuracy]}
  epochs: 1
export: [onnx, openvino, litert, {litert: float16}, {litert: dynamic}, {litert: int8}, {stablehlo: 8}]
"""


def write_numbers(folder: Path, rows: int = 80) -> None:
    draw = np.random.default_rng(3)
    lines = ["size,rooms,price,kind"]
    for row in range(rows):
        size = "" if row % 7 == 3 else f"{draw.normal(50, 20):.2f}"
        lines.append(f"{size},{draw.integers(5)},{draw.normal(3e5, 1e5):.2f},{draw.integers(3)}")
    (folder / "numbers.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(NUMBERS, tmp_path_factory.mktemp("numbers"), write_numbers)


@pytest.fixture(scope="module")
def left(numbers: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artefact]:
    log = Log()
    artefacts = export_all(numbers, tmp_path_factory.mktemp("formats"), log)
    assert [d.message for d in log.diagnostics] == []
    return artefacts


def test_each_leaves_its_file_and_nothing_else(left: dict[str, Artefact]) -> None:
    folder = left["onnx"].path.parent
    assert sorted(p.name for p in folder.iterdir()) == [
        "model-dynamic.tflite",
        "model-float16.tflite",
        "model-int8.tflite",
        "model.onnx",
        "model.tflite",
        "openvino",
        "stablehlo",
    ]
    assert list(left) == [
        "onnx",
        "openvino",
        "litert",
        "litert float16",
        "litert dynamic",
        "litert int8",
        "stablehlo 8",
    ]


def test_a_network_without_texts_takes_raw_fields(numbers: Made, left: dict[str, Artefact]) -> None:
    import onnxruntime

    assert left["onnx"].takes == left["openvino"].takes == ("raw",)
    session = onnxruntime.InferenceSession(left["onnx"].path)
    assert {given.name: given.type for given in session.get_inputs()} == {
        "size": "tensor(float)",
        "rooms": "tensor(int64)",
        "series": "tensor(float)",
    }
    (price,) = session.run(["price"], {"size": [np.float32("nan")], "rooms": [2], "series": [np.float32(4)]})
    assert price.shape == (1, 1)
    assert 1e5 < price[0, 0] < 6e5  # in the units of the data


def test_float32_agrees_and_the_others_keep_to_their_bounds(left: dict[str, Artefact]) -> None:
    for name in ("onnx", "openvino", "litert", "stablehlo 8"):
        assert (left[name].difference <= 1e-5, left[name].bound, left[name].beyond) == (True, 1e-5, 0)
    assert 1e-5 < left["litert float16"].difference <= left["litert float16"].bound == 0.01
    assert left["litert int8"].bound == 0.1
    assert left["litert int8"].difference > left["litert float16"].difference


def test_metrics_are_told_beside_those_of_the_trained_network(numbers: Made, left: dict[str, Artefact]) -> None:
    test = numbers.data.splits["test"]
    inputs, targets = next(iter(test.batches(100)))
    outputs = numbers.model(inputs, training=False)
    mae = float(np.abs(outputs["price"] - targets["price"]).mean())
    accuracy = float((outputs["kind"].numpy().argmax(1) == targets["kind"].numpy()).mean())
    for artefact in left.values():
        figures = artefact.figures
        assert (figures.split, figures.examples) == ("test", 40)
        assert figures.trained == pytest.approx({"price_mae": mae, "kind_accuracy": accuracy}, abs=1e-5)
    assert left["onnx"].figures.artefact == pytest.approx(left["onnx"].figures.trained, abs=1e-5)
    assert left["litert int8"].figures.artefact["price_mae"] != left["onnx"].figures.trained["price_mae"]
    assert left["litert int8"].figures.artefact["price_mae"] == pytest.approx(mae, abs=0.05)


def test_the_manifest_has_what_was_found(left: dict[str, Artefact]) -> None:
    known = left["onnx"].described(left["onnx"].path.parent)
    assert known["path"] == "model.onnx"
    assert known["metrics"]["split"] == "test"
    assert json.loads(json.dumps(known)) == known


def test_texts_and_files_leave_the_network_on_prepared_tensors(table: Made, tmp_path: Path) -> None:
    plan = driver.check(
        replace(table.plan.source, facts=table.data.facts(), sets={"export": ["onnx", "openvino"]}), Log()
    )
    log = Log()
    artefacts = export_all(replace(table, plan=plan), tmp_path, log)
    assert log.diagnostics == []
    assert artefacts["onnx"].takes == artefacts["openvino"].takes == ("prepared",)
    assert artefacts["onnx"].difference <= 1e-5


@pytest.mark.parametrize(
    ("step", "exporter", "lacking", "line"),
    [
        ("LSTM: {units: 4, return_sequences: true}", "litert", "nothing like TensorFlow's `TensorListReserve`", 6),
        ("ops.erfinv: {}", "onnx", "nothing like TensorFlow's `Erfinv`", 6),
        ("ops.erfinv: {}", "stablehlo", "its shapes are fixed, and `series` may have any length", 8),
    ],
)
def test_what_a_format_cannot_hold_is_told_at_its_step(
    step: str, exporter: str, lacking: str, line: int, tmp_path: Path
) -> None:
    spec = f"""specc: 1
model:
  inputs: {{series: {{shape: [null, 2]}}}}
  layers:
    - Dense: 3
    - {step}
    - GlobalMaxPooling1D: {{}}
export: [{exporter}]
"""
    log = Log()
    plan = driver.check(Source("spec.yaml", spec), log)
    model = build(plan, log)
    tensors = {"series": np.random.default_rng(0).random((4, 6, 2), np.float32)}
    examples = ask(plan, model, {}, tensors, tensors)
    assert leave(plan, serve(plan, model, {}), examples, tmp_path, log) == {}
    assert list(tmp_path.iterdir()) == []
    assert [(d.code.id, d.span.line) for d in log.sorted()] == [("S612", line)]
    assert lacking in log.sorted()[0].message


def test_a_package_that_is_missing_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = driver.check(Source("spec.yaml", NUMBERS), Log())
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    log = Log()
    with pytest.raises(Rejected):
        demand(plan, log)
    (told,) = log.diagnostics
    assert (told.code.id, told.span.line) == ("S606", NUMBERS.splitlines().index(NUMBERS.splitlines()[-1]) + 1)
    assert "`onnx` needs `tf2onnx`, which is not installed" in told.message
    assert told.help == "pip install 'specc[onnx]'"


@pytest.mark.parametrize(
    ("reader", "needed"), [("csv: t.csv", True), ("parquet: t.parquet", True), ("npz: t.npz", False)]
)
def test_a_script_that_reads_tables_needs_what_reads_them(
    reader: str, needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        f"specc: 1\ndataset:\n  source: {{{reader}}}\n  inputs: {{x: {{type: number}}}}\n"
        "  targets: {y: {type: number}}\nmodel: {layers: [{Dense: 1}]}\n"
        "training: {loss: mse, optimizer: adam}\nexport: [python]\n"
    )
    plan = driver.check(Source("spec.yaml", text), Log())
    monkeypatch.setitem(sys.modules, "pandas", None)
    log = Log()
    if not needed:
        demand(plan, log)
        return
    with pytest.raises(Rejected):
        demand(plan, log)
    (told,) = log.diagnostics
    assert told.message == "`python` needs `pandas`, which is not installed"
    assert told.help == "pip install 'specc[python]'"


def test_a_network_of_sixteen_bits_is_left_in_float32_where_a_format_has_no_others(tmp_path: Path) -> None:
    text = NUMBERS.replace("activation: gelu}", "activation: gelu, dtype: mixed_bfloat16}")
    text = text[: text.index("export:")] + "export: [saved_model, onnx, litert]\n"
    made = make(text, tmp_path, write_numbers)
    assert made.model.get_layer("hidden").compute_dtype == "bfloat16"
    twin = in_float32(made.model)
    assert twin.get_layer("hidden").compute_dtype == "float32"
    assert in_float32(twin) is twin
    log = Log()
    left = export_all(made, tmp_path / "export", log)
    assert [d.message for d in log.diagnostics] == []
    assert list(left) == ["saved_model", "onnx", "litert"]
    figures = left["onnx"].figures
    assert figures.trained == left["saved_model"].figures.trained  # those of the network as it was trained
    assert 0 < abs(figures.artefact["price_mae"] - figures.trained["price_mae"]) < 0.01
