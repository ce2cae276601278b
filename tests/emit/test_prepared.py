"""The script reads, divides and prepares data as specc does: the same examples in each split, value for value."""

from __future__ import annotations

import gzip
import sqlite3
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

from tests.emit.prepared import expect_the_same_examples

ROOT = Path(__file__).parents[2]
ROWS = 60

SPEC = """
specc: 1
name: trial
seed: 5
dataset:
  source: {source}
  inputs: {inputs}
  targets: {targets}
  split: {split}
{more}
model:
  inputs: {{}}
  layers: {layers}
training: {{loss: {loss}, optimizer: adam, epochs: 1}}
"""


def tried(
    folder: Path,
    source: str,
    inputs: str,
    targets: str = "{y: {type: binary}}",
    *,
    split: str = "{test: 0.3}",
    more: str = "",
    layers: str = "[Flatten, {Dense: {units: 1, activation: sigmoid}}]",
    loss: str = "binary_crossentropy",
) -> dict[str, Any]:
    """A spec of one source and its fields, held against specc's own pipeline."""
    text = SPEC.format(
        source=source, inputs=inputs, targets=targets, split=split, more=more, layers=layers, loss=loss
    ).replace("  inputs: {}\n", "")
    (folder / "trial.yaml").write_text(text, encoding="utf-8")
    return expect_the_same_examples(folder / "trial.yaml")


ENDS = "[{Concatenate: {}, inputs: [%s]}, {Dense: {units: 1, activation: sigmoid}}]"


def table(dice: np.random.Generator) -> pd.DataFrame:
    """Rows with gaps, blanks, rare values and dates."""
    return pd.DataFrame(
        {
            "when": [
                str(np.datetime64("2001-02-28T21:15:30") + int(hours) * 3600) for hours in dice.integers(0, 10**5, ROWS)
            ],
            "town": dice.choice(["Aachen", "Bonn", "Köln", "Ulm", "Trier"], ROWS),
            "number": dice.choice([3, 20, 100], ROWS),
            "size": np.where(dice.random(ROWS) < 0.1, np.nan, dice.normal(170, 10, ROWS).round(2)),
            "tags": [" ".join(dice.choice(["red", "green", "blue"], number)) for number in dice.integers(0, 4, ROWS)],
            "text": [
                " ".join(dice.choice(["The", "cat,", "sat", "on", "Mat."], dice.integers(1, 9))) for _ in range(ROWS)
            ],
            "group": dice.integers(0, 9, ROWS),
            "y": dice.choice(["yes", "no"], ROWS),
        }
    )


FIELDS = """
    when: {type: datetime, parts: [year, month, day, dayofyear, weekday, hour, minute, second, hour_sin, month_cos]}
    town: {type: category, vocabulary: [Bonn, Ulm], oov: 3, encode: one_hot}
    number: {type: category, vocabulary: [3, 20], oov: 2, encode: one_hot}
    size: {type: number, impute: median, scale: standard}
    low: {type: number, column: size, impute: 150, clip: [160, 175], scale: minmax}
    tags: {type: category, encode: multi_hot, separator: " ", vocabulary: words.txt, oov: 2}
"""


@pytest.fixture
def dice() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "query", "sql", "pattern"])
def test_tables(tmp_path: Path, dice: np.random.Generator, kind: str) -> None:
    rows = table(dice)
    (tmp_path / "words.txt").write_text("red\n\n green \n", encoding="utf-8")
    database = sqlite3.connect(tmp_path / "rows.db")
    database.execute("create table rows (id integer primary key, " + ", ".join(f'"{n}"' for n in rows) + ")")
    rows.iloc[::-1].assign(id=range(ROWS, 0, -1)).to_sql("rows", database, if_exists="append", index=False)
    database.close()
    match kind:
        case "csv":
            rows.to_csv(tmp_path / "rows.csv.gz", index=False)
            source = "{csv: rows.csv.gz}"
        case "pattern":
            for number in range(3):
                rows[number * 20 : number * 20 + 20].to_csv(tmp_path / f"part{number}.csv", index=False)
            source = '{csv: "part*.csv"}'
        case "parquet":
            rows.to_parquet(tmp_path / "rows.parquet")
            source = "{parquet: rows.parquet}"
        case "jsonl":
            rows.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
            source = "{jsonl: rows.jsonl}"
        case "query":
            source = "{sql: {url: rows.db, query: \"select * from rows where 'a:b' = 'a:b' order by id\"}}"
        case _:
            source = "{sql: {url: rows.db, table: rows}}"
    names = "when, town, number, size, low, tags"
    tried(tmp_path, source, FIELDS, split="{test: 0.2, validation: 0.1, stratify: y}", layers=ENDS % names)


@pytest.mark.parametrize("split", ["{test: 0.3, validation: 0.2, group: group}", "{test: 0.2, order: when}"])
def test_rows_are_divided_alike(tmp_path: Path, dice: np.random.Generator, split: str) -> None:
    table(dice).to_csv(tmp_path / "rows.csv", index=False)
    tried(tmp_path, "{csv: rows.csv}", "{size: {type: number, impute: mean}}", split=split)


def test_words_and_sequences(tmp_path: Path, dice: np.random.Generator) -> None:
    table(dice).to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "words.txt").write_text("cat\nmat\n", encoding="utf-8")
    inputs = """
    most: {type: text, column: text, vocabulary: 5}
    listed: {type: text, column: text, vocabulary: [the, cat]}
    filed: {type: text, column: text, vocabulary: words.txt, length: 4, ngrams: 2}
    letters: {type: text, column: text, vocabulary: 9, split: character, standardize: lower}
    tags: {type: category, separator: " ", length: 3, oov: 2, vocabulary: [red, blue]}
"""
    layers = "[{Concatenate: {}, inputs: [most, listed, filed, letters, tags]}, {ops.cast: float32}, {Dense: 1}]"
    tried(tmp_path, "{csv: rows.csv}", inputs, layers=layers, loss="mse")


def test_a_series_with_gaps(tmp_path: Path, dice: np.random.Generator) -> None:
    rows = pd.DataFrame({"t": dice.permutation(90), "v": dice.random(90), "w": dice.random(90)})
    rows.loc[rows["t"] == 40, "v"] = np.nan
    rows.to_csv(tmp_path / "rows.csv", index=False)
    for stride in (1, 3):
        tried(
            tmp_path,
            "{csv: rows.csv}",
            f"{{past: {{type: window, columns: [v, w], past: 6, scale: standard, stride: {stride}}}}}",
            "{next: {type: window, columns: [v], future: 2, scale: minmax}}",
            split="{test: 0.3, order: t}",
            more="  on_error: {skip: 0.2}",
            layers="[Flatten, {Dense: 2}, {Reshape: [2, 1]}]",
            loss="mse",
        )


def picture(dice: np.random.Generator, mode: str, height: int, width: int) -> Image.Image:
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    smooth = np.cumsum(np.cumsum(dice.normal(0, 3, shape), axis=0), axis=1)
    return Image.fromarray(np.uint8(np.clip(smooth + 128, 0, 255)), mode)


@pytest.mark.parametrize(("channels", "resize"), [(1, "stretch"), (3, "crop"), (4, "pad")])
def test_photographs(tmp_path: Path, dice: np.random.Generator, channels: int, resize: str) -> None:
    forms = [("jpg", "RGB"), ("png", "RGBA"), ("png", "L"), ("bmp", "RGB"), ("webp", "RGBA"), ("jpg", "L")]
    for number in range(24):
        folder = tmp_path / "photos" / ("no", "yes")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        height, width = dice.integers(20, 300, 2)
        ending, mode = forms[number % 6]
        held = Image.Exif()
        held[0x0112] = int(dice.integers(1, 9))
        picture(dice, mode, height, width).save(folder / f"{number}.{ending}", exif=held)
    inputs = f"{{image: {{type: image, size: [12, 16], channels: {channels}, resize: {resize}}}}}"
    tried(tmp_path, "{image_folder: photos}", inputs, "{y: {type: binary, column: label}}")


@pytest.mark.parametrize(
    ("source", "resize"),
    [("{csv: rows.csv}", "stretch"), ("{parquet: rows.parquet}", "pad"), ("{npz: rows.npz}", "crop")],
)
def test_pictures_and_masks(tmp_path: Path, dice: np.random.Generator, source: str, resize: str) -> None:
    images = dice.integers(0, 256, (20, 9, 14, 3), np.uint8)
    masks = dice.choice([0, 1, 2, 255], (20, 9, 14)).astype("uint8")
    np.savez(tmp_path / "rows.npz", image=images, mask=masks, grey=dice.random((20, 30)))
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
        saved = Image.fromarray(mask, "P" if number % 2 else "L")
        if number % 2:
            saved.putpalette(dice.integers(0, 256, 768, np.uint8).tobytes())
        saved.save(tmp_path / f"m{number}.png")
    names = pd.DataFrame({"image": [f"{n}.png" for n in range(20)], "mask": [f"m{n}.png" for n in range(20)]})
    names.to_csv(tmp_path / "rows.csv", index=False)
    bytes_ = names.map(lambda name: (tmp_path / name).read_bytes())
    bytes_.to_parquet(tmp_path / "rows.parquet")
    tried(
        tmp_path,
        source,
        f"{{image: {{type: image, size: [8, 8], channels: 3, resize: {resize}}}}}",
        f"{{mask: {{type: image, size: [8, 8], classes: 256, resize: {resize}}}}}",
        layers="[{Conv2D: {filters: 256, kernel_size: 1, activation: softmax}}]",
        loss="sparse_categorical_crossentropy",
    )
    flat = "{grey: {type: image, size: [5, 6], channels: 1}}"
    tried(
        tmp_path,
        "{npz: rows.npz}",
        flat,
        "{image: {type: tensor, shape: [9, 14, 3]}}",
        layers="[Flatten, {Dense: 378}, {Reshape: [9, 14, 3]}]",
        loss="mse",
    )


def sound(path: Path, dice: np.random.Generator, rate: int, seconds: float, ending: str) -> None:
    waves = np.cumsum(dice.normal(0, 0.05, (int(rate * seconds), 2)), axis=0)
    waves = 0.9 * waves / np.abs(waves).max()
    if ending == "wav":
        with wave.open(str(path), "wb") as file:
            file.setparams((2, 2, rate, 0, "NONE", ""))
            file.writeframes(np.int16(waves * 32767).tobytes())
    else:
        soundfile.write(path, waves, rate)


@pytest.mark.parametrize("form", ["waveform", "spectrogram", "mel"])
def test_sounds(tmp_path: Path, dice: np.random.Generator, form: str) -> None:
    for number in range(12):
        folder = tmp_path / "sounds" / ("no", "yes")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        ending = ("wav", "flac", "ogg")[number % 3]
        rate = (8000, 11025, 44100, 16000)[number % 4]
        sound(folder / f"{number}.{ending}", dice, rate, float(dice.uniform(0.1, 0.6)), ending)
    inputs = f"{{audio: {{type: audio, rate: 16000, seconds: 0.3, as: {form}}}}}"
    tried(tmp_path, "{audio_folder: sounds}", inputs, "{y: {type: binary, column: label}}")
    np.savez(
        tmp_path / "rows.npz", audio=dice.integers(-9999, 9999, (20, 3000, 2), np.int16), y=dice.integers(0, 2, 20)
    )
    tried(tmp_path, "{npz: rows.npz}", inputs)


def test_folders_of_texts(tmp_path: Path, dice: np.random.Generator) -> None:
    for number in range(20):
        folder = tmp_path / "texts" / ("no", "yes")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        words = " ".join(dice.choice(["ja", "nein", "größer", "klein"], 6))
        (folder / f"{number}.txt").write_text(words, encoding="utf-8-sig" if number % 3 else "utf-8")
    inputs = "{text: {type: text, vocabulary: 6, length: 5}}"
    layers = "[{ops.cast: float32}, {Dense: {units: 1, activation: sigmoid}}]"
    tried(tmp_path, "{text_folder: texts}", inputs, "{y: {type: binary, column: label}}", layers=layers)


@pytest.mark.parametrize("kind", ["hdf5", "tfrecord", "packed", "npy", "idx", "random"])
def test_arrays(tmp_path: Path, dice: np.random.Generator, kind: str) -> None:
    x, y = dice.normal(0, 1, (40, 6)).astype("float32"), dice.integers(0, 2, 40)
    inputs, targets = "{x: {type: tensor, shape: [6]}}", "{y: {type: category, classes: 2, encode: one_hot}}"
    match kind:
        case "hdf5":
            with h5py.File(tmp_path / "rows.h5", "w") as file:
                file["x"], file["y"] = x, y
            source = "{hdf5: rows.h5}"
        case "npy":
            np.save(tmp_path / "x.npy", x)
            np.save(tmp_path / "y.npy", y)
            source = "{npy: {path: {x: x.npy, y: y.npy}}}"
        case "idx":
            for name, array in (("x", np.uint8(x * 9 + 99)), ("y", np.uint8(y))):
                head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
            source = "{idx: {images: x.gz, labels: y.gz}}"
            inputs = inputs.replace("shape", "column: image, shape")
            targets = targets.replace("classes", "column: label, classes")
        case "random":
            source = "{random: {examples: 40}}"
            more = "n: {type: number, clip: [0, 3]}, i: {type: image, size: [2, 3], channels: 1}"
            inputs = f"{{x: {{type: tensor, shape: [6]}}, {more}}}"
        case _:
            path = tmp_path / ("rows.tfrecord.gz" if kind == "packed" else "rows.tfrecord")
            options = tf.io.TFRecordOptions(compression_type="GZIP" if kind == "packed" else "")
            with tf.io.TFRecordWriter(str(path), options) as writer:
                for row, number in zip(x, y, strict=True):
                    one = tf.train.Example()
                    one.features.feature["x"].float_list.value.extend(row.tolist())
                    one.features.feature["y"].int64_list.value.append(int(number))
                    writer.write(one.SerializeToString())
            source = f"{{tfrecord: {path.name}}}"
    chosen = ", inputs: x" if kind == "random" else ""
    layers = f"[{{Dense: {{units: 2, activation: softmax}}{chosen}}}]"
    tried(tmp_path, source, inputs, targets, layers=layers, loss="categorical_crossentropy")


def test_what_hugging_face_saved(tmp_path: Path, dice: np.random.Generator) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra `huggingface` is not installed")
    rows = {"text": dice.choice(["a b", "b c d"], 30).tolist(), "x": dice.random((30, 4)).tolist(), "y": [0, 1] * 15}
    whole = datasets.Dataset.from_dict(rows)
    datasets.DatasetDict({"train": whole, "test": whole.select(range(9))}).save_to_disk(tmp_path / "saved")
    (tmp_path / "files").mkdir()
    whole.to_parquet(tmp_path / "files" / "train-0.parquet")
    inputs = "{x: {type: tensor, shape: [4]}, text: {type: text, vocabulary: 4, length: 4}}"
    layers = "[{Concatenate: {}, inputs: [x, text]}, {Dense: {units: 1, activation: sigmoid}}]"
    for folder in ("saved", "files"):
        tried(tmp_path, f"{{huggingface: {{path: {folder}, split: train}}}}", inputs, layers=layers)


TINY = """
import sys, numpy as np, tensorflow_datasets as tfds

class Tiny(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image, label = tfds.features.Image(shape=(8, 6, 3)), tfds.features.ClassLabel(num_classes=2)
        features = tfds.features.FeaturesDict({"image": image, "label": label})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(40):
            yield i, {"image": np.random.default_rng(i).integers(0, 256, (8, 6, 3), np.uint8), "label": i % 2}

Tiny(data_dir=sys.argv[1]).download_and_prepare()
"""


@pytest.mark.slow
def test_what_tensorflow_datasets_prepared(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_datasets", reason="the extra `tfds` is not installed")
    subprocess.run([sys.executable, "-c", TINY, str(tmp_path)], check=True, capture_output=True)
    source = f'{{tfds: {{name: tiny, split: "train[5:]", data_dir: {tmp_path}}}}}'
    inputs = "{image: {type: image, size: [8, 6], channels: 3}}"
    tried(tmp_path, source, inputs, "{label: {type: binary}}")


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_data_of_every_example(path: Path) -> None:
    """`make data` fetches it."""
    fetched = {"adult": "adult.csv", "brown": "brown.csv", "digits": "digits.npz", "houses": "houses.csv"}
    fetched |= {"movielens": "movielens.tsv", "traffic": "traffic.csv"}
    if not (path.parent / "data" / fetched.get(path.stem, path.stem)).exists():
        pytest.skip("its data is not there: make data")
    expect_the_same_examples(path)
