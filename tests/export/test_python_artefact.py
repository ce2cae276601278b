"""A run as plain Keras Python: with its weights beside it, it answers as trained, from raw fields too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from specc.cli.entry import status as main

pytestmark = pytest.mark.xdist_group("export")

TABLE = """
specc: 1
name: table
dataset:
  source: {csv: table.csv}
  inputs:
    age: {type: number, scale: minmax}
    income: {type: number, impute: median, scale: standard, clip: [0, 50000]}
    tall: {type: number, column: height, bins: 4}
    size: {type: number, column: height, bins: [160, 170, 180]}
    town: {type: category, oov: 1, encode: one_hot}
    kind: {type: category, vocabulary: [x, y, z]}
    code: {type: category, oov: 1}
    tags: {type: category, encode: multi_hot, separator: " ", oov: 1}
    words: {type: category, separator: " ", length: 4, oov: 1}
    review: {type: text, vocabulary: 20}
    both: {type: tensor, columns: [a, b]}
  targets:
    happy: {type: binary}
    price: {type: number, scale: standard}
    grade: {type: category}
  split: {validation: 0.1, test: 0.3, stratify: happy}
  weight: age
model:
  layers:
    - Embedding: {input_dim: 20, output_dim: 3, mask_zero: true}
      inputs: review
    - GlobalAveragePooling1D:
      name: text
    - Embedding: {input_dim: "${inputs.words.classes}", output_dim: 3}
      inputs: words
    - Flatten:
      name: row
    - ops.stack: {axis: -1}
      inputs: [tall, size, code, kind]
    - ops.cast: float32
      name: numbers
    - Concatenate:
      inputs: [age, income, text, row, numbers, town, tags, both]
    - Dense: 8
      name: body
    - Dense: {units: 1, activation: sigmoid}
      name: h
    - Dense: 1
      inputs: body
      name: p
    - Dense: {units: "${targets.grade.classes}", activation: softmax}
      inputs: body
      name: g
  outputs: {happy: h, price: p, grade: g}
training:
  loss: {happy: binary_crossentropy, price: mse, grade: sparse_categorical_crossentropy}
  optimizer: adam
  metrics: {happy: [accuracy], grade: [accuracy]}
  epochs: 1
export: [python]
"""

SERIES = """
specc: 1
name: series
dataset:
  source: {csv: series.csv}
  inputs: {past: {type: window, columns: [v, w], past: 6, scale: standard}}
  targets: {next: {type: window, columns: [v], future: 2, scale: minmax}}
  split: {validation: 0.1, test: 0.3, order: t}
model:
  layers: [Flatten, {Dense: 2}, {Reshape: [2, 1]}]
training: {loss: mse, optimizer: adam, epochs: 1}
export: [python]
"""

FILES = """
name: files
specc: 1
dataset:
  source: {csv: files.csv}
  inputs:
    picture: {type: image, size: [6, 6], channels: 3, resize: crop}
    sound: {type: audio, rate: 4000, seconds: 0.2, as: mel}
    when: {type: datetime, parts: [weekday, hour_sin]}
    town: {type: category, oov: 3, vocabulary: [Aachen], encode: one_hot}
  targets: {rich: {type: binary}}
  split: {test: 0.4}
model:
  layers:
    - Flatten:
      inputs: picture
      name: pixels
    - Flatten:
      inputs: sound
      name: energy
    - Concatenate:
      inputs: [pixels, energy, when, town]
    - Dense: {units: 1, activation: sigmoid}
training: {loss: binary_crossentropy, optimizer: adam, epochs: 1}
export: [python]
"""

PICTURES = """
specc: 1
name: pictures
dataset:
  source: {npz: pictures.npz}
  inputs: {image: {type: image, size: [4, 4], channels: 1}}
  targets: {mask: {type: image, size: [4, 4], classes: 3, ignore_class: 255}}
  split: {test: 0.3}
  augment: [{RandomFlip: horizontal}]
model:
  layers: [{Conv2D: {filters: 3, kernel_size: 1, activation: softmax}}]
training: {loss: sparse_categorical_crossentropy, optimizer: adam, metrics: [accuracy], epochs: 1}
"""


def write(folder: Path) -> None:
    dice = np.random.default_rng(0)
    rows = ["age,income,height,town,kind,tags,words,review,happy,price,a,b,grade,code"]
    for _ in range(200):
        cells = [
            dice.integers(18, 90),
            "" if dice.random() < 0.1 else round(float(dice.normal(3e4, 1e4)), 2),
            round(float(dice.normal(170, 10)), 1),
            dice.choice(["Aachen", "Köln", " Bonn", ""]),
            dice.choice(["x", "y", "z"]),
            " ".join(dice.choice(["red", "green", "blue"], dice.integers(0, 4))),
            " ".join(dice.choice(["NN", "VB", "DT"], dice.integers(1, 6))),
            " ".join(dice.choice(["The;", "cat", "sat", "on", "a", "mat.", "Dog!"], dice.integers(1, 9))),
            dice.choice(["yes", "no"]),
            round(float(dice.normal(100, 20)), 2),
            dice.random(),
            dice.random(),
            dice.integers(1, 6),
            dice.choice(["10", "2", "33"]),
        ]
        rows.append(",".join(map(str, cells)))
    (folder / "table.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    series = ["t,v,w", *(f"{t},{dice.random()},{dice.random()}" for t in dice.permutation(100))]
    (folder / "series.csv").write_text("\n".join(series) + "\n", encoding="utf-8")
    image, mask = dice.integers(0, 256, (60, 4, 4), np.uint8), dice.choice([0, 1, 2, 255], (60, 4, 4)).astype("uint8")
    np.savez(folder / "pictures.npz", image=image, mask=mask)
    rows = ["picture,sound,when,town,rich"]
    for number in range(30):
        Image.fromarray(dice.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / f"{number}.jpg")
        soundfile.write(folder / f"{number}.wav", dice.uniform(-0.5, 0.5, 3000), 8000, subtype="PCM_16")
        town = ("Aachen", "Bonn", "Ulm")[number % 3]
        rows.append(f"{number}.jpg,{number}.wav,2024-02-{number % 28 + 1:02}T{number % 24:02}:00,{town},{number % 2}")
    (folder / "files.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for name, text in (("table", TABLE), ("series", SERIES), ("pictures", PICTURES), ("files", FILES)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("python")
    write(made)
    return made


def artefact(run: Path) -> dict[str, object]:
    described: dict[str, object] = json.loads((run / "manifest.json").read_text())["artefacts"]["python"]
    return described


@pytest.mark.parametrize("name", ["table", "series", "files"])
def test_it_answers_from_raw_fields_as_the_trained_network(folder: Path, name: str) -> None:
    assert main(["run", str(folder / f"{name}.yaml"), "--out", str(folder / f"{name}-run")]) == 0
    found = artefact(folder / f"{name}-run")
    assert found["takes"] == ["raw", "prepared"]
    assert found["largest_difference"] <= 2e-6
    there = folder / f"{name}-run" / "export" / "python"
    assert sorted(path.name for path in there.iterdir()) == ["model.py", "model.weights.h5"]
    assert "specc" not in (there / "model.py").read_text(encoding="utf-8")
    assert name == "files" or "LEARNT = {" in (there / "model.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["table", "series"])
def test_what_is_emitted_trains_by_itself(folder: Path, name: str) -> None:
    """It reads, learns, divides and prepares the data, and comes to as good a network."""
    assert main(["emit", str(folder / f"{name}.yaml"), "--output", str(folder / f"{name}.py")]) == 0
    said = by_itself(folder, name)
    assert ("happy_accuracy" if name == "table" else "loss") in said
    assert (folder / f"{name}.keras").exists()


def by_itself(folder: Path, name: str) -> str:
    program = f"import sys; sys.modules['specc'] = None; import runpy; runpy.run_path('{name}.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


def test_a_finished_run_is_written_on_demand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = PICTURES.replace("  augment: [{RandomFlip: horizontal}]\n", "")
    (folder / "masks.yaml").write_text(text, encoding="utf-8")
    assert main(["run", str(folder / "masks.yaml"), "--out", str(folder / "masks-run")]) == 0
    capsys.readouterr()
    assert main(["export", str(folder / "masks-run"), "--format", "python"]) == 0
    assert "answers as trained on 18 examples" in capsys.readouterr().out
    assert main(["emit", str(folder / "masks.yaml"), "--output", str(folder / "masks.py")]) == 0
    assert "accuracy" in by_itself(folder, "masks")


def test_pictures_and_masks_are_changed_together(folder: Path) -> None:
    assert main(["emit", str(folder / "pictures.yaml"), "--output", str(folder / "pictures.py")]) == 0
    assert "accuracy" in by_itself(folder, "pictures")
