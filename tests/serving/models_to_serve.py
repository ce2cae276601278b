"""Small runs and SavedModels that are served, and a server as a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import specc

PEOPLE = """
specc: 1
name: people
dataset:
  source: {csv: people.csv}
  inputs:
    age: {type: number, impute: mean, scale: standard}
    hours: {type: number, scale: standard}
    work: {type: category, oov: 1, encode: one_hot}
    sex: {type: category, vocabulary: [female, male], encode: one_hot}
    rooms: {type: category, classes: 4, encode: one_hot}
  targets:
    pay: {type: category, vocabulary: [low, middle, high]}
model:
  layers:
    - Concatenate: {}
      inputs: [age, hours, work, sex, rooms]
    - Dense: {units: 3, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: {Adam: 0.1}, epochs: 2}
export: [saved_model]
"""

PHOTOS = """
specc: 1
name: photos
dataset:
  source: {image_folder: photos}
  inputs: {picture: {type: image, column: image, size: [5, 5], channels: 3}}
  targets: {label: {type: category}}
model:
  layers:
    - GlobalAveragePooling2D
    - Rescaling: 0.004
    - Dense: {units: 2, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: {Adam: 0.1}, epochs: 1}
export: [saved_model]
"""

HOUSES = """
specc: 1
name: houses
dataset:
  source: {csv: people.csv}
  inputs:
    age: {type: number, impute: 0}
    text: {type: text, column: work, vocabulary: 20, length: 4}
  targets:
    hours: {type: number, scale: standard}
    sex: {type: binary, positive: male}
model:
  layers:
    - Embedding: {input_dim: "${inputs.text.classes}", output_dim: 2}
      inputs: text
    - Flatten: {}
      name: words
    - Concatenate: {}
      inputs: [age, words]
      name: all
    - Dense: 1
      name: number
      inputs: all
    - Dense: {units: 1, activation: sigmoid}
      name: either
      inputs: all
  outputs: {hours: number, sex: either}
training: {loss: {hours: mse, sex: binary_crossentropy}, optimizer: adam, epochs: 1}
export: [saved_model]
"""


def write_people(folder: Path) -> None:
    """A table with gaps."""
    draw = np.random.default_rng(3)
    lines = ["age,hours,work,sex,rooms,pay"]
    for row in range(60):
        age = "" if row % 9 == 4 else f"{draw.normal(40, 9):.1f}"
        work, sex, pay = (
            ("farm", "shop", "the mill")[row % 3],
            ("male", "female")[row % 2],
            ("low", "middle", "high")[row % 3],
        )
        lines.append(f"{age},{draw.normal(35, 5):.1f},{work},{sex},{row % 4},{pay}")
    (folder / "people.csv").write_text("\n".join(lines) + "\n")


def write_photos(folder: Path) -> None:
    """Dark pictures and bright ones."""
    for label, light in {"dark": 40, "bright": 220}.items():
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(8):
            (folder / "photos" / label / f"{number}.jpg").write_bytes(jpeg(light + number))


def jpeg(light: int) -> bytes:
    """A grey photograph."""
    found: bytes = tf.io.encode_jpeg(tf.fill([7, 9, 3], tf.constant(light, tf.uint8))).numpy()
    return found


def trained(folder: Path, spec: str) -> Path:
    """A run of a spec, in a folder that holds its data."""
    (folder / "spec.yaml").write_text(spec)
    specc.run(folder / "spec.yaml", out=folder / "run")
    return folder / "run"


class Odd(tf.Module):
    """A model that no spec makes: two versions differ by `factor`."""

    def __init__(self, factor: float) -> None:
        self.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def multiply(self, x: Any) -> Any:
        return {"y": x * self.factor}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "data")])
    def echo(self, data: Any) -> Any:
        return {"same_bytes": data, "length": tf.strings.length(data)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "a"), tf.TensorSpec([None, None], tf.int32, "b")])
    def mixed(self, a: Any, b: Any) -> Any:
        return {"scaled": a * tf.cast(b, tf.float32), "rows": tf.shape(b)[0]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, "turns")])
    def slow(self, turns: Any) -> Any:
        """As many turns of a loop as the largest number says: about a microsecond each."""
        many = tf.reduce_max(turns)
        done = tf.while_loop(lambda i: i < many, lambda i: [i + 1], [tf.constant(0)], parallel_iterations=1)
        return {"done": turns * 0 + done[0]}


def save_odd(path: Path, factor: float = 2.0) -> None:
    """The odd model as a SavedModel."""
    odd = Odd(factor)
    signatures = {"serving_default": odd.multiply, "echo": odd.echo, "mixed": odd.mixed, "slow": odd.slow}
    tf.saved_model.save(odd, str(path), signatures=signatures)


@dataclass(frozen=True)
class Running:
    """A server that is a process: what it said when it was ready."""

    process: subprocess.Popen[str]
    said: str

    @property
    def url(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+", self.said)
        assert found is not None, self.said
        return found[0]

    @property
    def curl(self) -> str:
        """The command that it shows."""
        return self.said.split("\n\n")[1]


@contextmanager
def running(path: Path, *options: str) -> Iterator[Running]:
    """A server at a free port."""
    command = [sys.executable, "-m", "specc", "serve", str(path), "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            if not line:
                raise AssertionError(process.stderr.read())
            said += line
        yield Running(process, said)
    finally:
        process.kill()
        process.communicate()
