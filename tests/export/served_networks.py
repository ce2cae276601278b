"""Small networks over every kind of feature, their data, and what it takes to export them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc import driver
from specc.backend.data import Data, open_data
from specc.backend.export import Artefact, export
from specc.backend.network import build
from specc.diagnostics import Log
from specc.plan import Plan
from specc.tree import Source

TABLE = """
specc: 1
seed: 5
dataset:
  source: {csv: table.csv}
  inputs:
    plain: {type: number}
    filled: {type: number, column: gaps, impute: mean, scale: standard}
    clipped: {type: number, column: gaps, impute: -1, clip: [-1, 1], scale: minmax}
    word: {type: category, vocabulary: auto, encode: one_hot, oov: 2}
    whole: {type: category, classes: 4, encode: one_hot}
    listed: {type: category, column: word, vocabulary: [ä b, "", c], encode: one_hot}
    truth: {type: binary}
    chosen: {type: binary, column: kind, positive: low}
    picture: {type: image, column: file, size: [6, 7], channels: 3, resize: pad}
  targets:
    price: {type: number, scale: standard}
    kind: {type: category, vocabulary: auto}
    yes: {type: binary, column: truth}
  split: {validation: 0.2, test: 0.2}
model:
  layers:
    - Flatten: {}
      name: pixels
      inputs: picture
    - Rescaling: 0.004
      name: scaled
    - Concatenate: {}
      inputs: [plain, filled, clipped, word, whole, listed, truth, chosen, scaled]
    - GaussianNoise: 0.9
    - Dense: {units: 16, activation: relu}
    - Dropout: 0.5
      name: hidden
    - Dense: 1
      name: number
      inputs: hidden
    - Dense: {units: 3, activation: softmax}
      name: choice
      inputs: hidden
    - Dense: {units: 1, activation: sigmoid}
      name: either
      inputs: hidden
  outputs: {price: number, kind: choice, yes: either}
training:
  loss: {price: mse, kind: sparse_categorical_crossentropy, yes: binary_crossentropy}
  optimizer: adam
  metrics: {kind: [accuracy], yes: [AUC]}
  epochs: 1
export: [saved_model, keras]
"""

ARRAYS = """
specc: 1
dataset:
  source: {npz: arrays.npz}
  inputs:
    bytes: {type: image, size: [4, 4], channels: 1}
    floats: {type: image, size: [8, 8]}
    ready: {type: tensor, shape: [5]}
    ints: {type: tensor, dtype: int32}
  targets:
    vector: {type: tensor}
model:
  layers:
    - RandomFlip: horizontal
      name: flipped
      inputs: bytes
    - Flatten: {}
      name: a
    - GlobalAveragePooling2D: {}
      name: b
      inputs: floats
    - Embedding: {input_dim: 9, output_dim: 2}
      inputs: ints
    - GRU: 4
      name: c
    - Concatenate: {}
      inputs: [a, b, ready, c]
    - Dense: 2
export: [saved_model]
"""


@dataclass(frozen=True)
class Made:
    """A spec, checked, with its data and a network that has not been trained."""

    plan: Plan
    data: Data
    model: keras.Model


def write_table(folder: Path, rows: int = 60) -> None:
    """`table.csv` with gaps, text beyond ASCII and pictures beside it."""
    draw = np.random.default_rng(1)
    lines = ["plain,gaps,word,whole,truth,file,price,kind"]
    for row in range(rows):
        name = f"{row % 5}.{['jpg', 'png'][row % 2]}"
        pixels = tf.cast(draw.integers(0, 256, (9, 5 + row % 3, 3)), tf.uint8)
        encoded = tf.io.encode_png(pixels) if name.endswith("png") else tf.io.encode_jpeg(pixels)
        (folder / name).write_bytes(encoded.numpy())
        gaps = "" if row % 4 == 1 else f"{draw.normal(10, 30):.3f}"
        kind = ["low", "middle", "high"][row % 3]
        word = ["ä b", "", "c"][draw.integers(3)]
        price = f"{draw.normal(3e5, 1e5):.2f}"
        truth = ["yes", "no"][draw.integers(2)]
        lines.append(f"{draw.normal():.4f},{gaps},{word},{draw.integers(4)},{truth},{name},{price},{kind}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_arrays(folder: Path, rows: int = 30) -> None:
    draw = np.random.default_rng(2)
    arrays: dict[str, Any] = {
        "bytes": draw.integers(0, 256, (rows, 6, 3), np.uint8),
        "floats": draw.random((rows, 64)) * 16,
        "ready": draw.normal(size=(rows, 5)),
        "ints": draw.integers(0, 9, (rows, 3)),
        "vector": draw.normal(size=(rows, 2)),
    }
    np.savez(folder / "arrays.npz", **arrays)


def make(text: str, folder: Path, write: Callable[[Path], None]) -> Made:
    """Check a spec that stands in a folder with its data, open that and build the network."""
    write(folder)
    log = Log()
    source = Source(str(folder / "spec.yaml"), text)
    plan = driver.check(source, log)
    data = open_data(plan, log)
    plan = driver.check(Source(source.path, text, facts=data.facts()), log)
    return Made(plan, data, build(plan, log))


def export_all(made: Made, directory: Path, log: Log) -> dict[str, Artefact]:
    """What a run exports at its end."""
    splits = made.data.splits
    return export(made.plan, made.model, made.data.states, splits, splits.__getitem__, directory, log)
