"""Data from disk into batches: specc beside what one would write by hand, on the same files.

usage: data.py [RUNS]            every comparison, medians of so many runs (3)
       data.py WAY FOLDER        one way, in this process; prints JSON

A comparison is a set of files and the ways to read it, each in a process of its own, in turn. `first` counts from the
start of reading to the end of the first epoch, all that is learnt from the data included; `epoch` is the second epoch;
`peak` the memory of the process less what it took once TensorFlow was loaded.

    csv      1,000,000 rows of 14 numbers and 6 categories into batches of 1,024, numbers scaled and categories numbered
    images   10,000 photographs of 500 x 375 into 224 x 224, batches of 32
    text     50,000 film reviews into 200 word numbers each, batches of 256
    array    60,000 pictures of 28 x 28 in memory, shuffled, batches of 128
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "data"
CSV_ROWS, PHOTOS = 1_000_000, 10_000
NUMBERS = [f"n{i}" for i in range(14)]
CATEGORIES = [f"c{i}" for i in range(6)]


# --- the files


def make_csv(folder: Path) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    generator = np.random.default_rng(0)
    columns: dict[str, Any] = {name: generator.normal(size=CSV_ROWS).round(4) for name in NUMBERS}
    for i, name in enumerate(CATEGORIES):
        columns[name] = generator.choice([f"value-{k}" for k in range(20 * (i + 1))], CSV_ROWS)
    columns["y"] = generator.integers(2, size=CSV_ROWS)
    pyarrow.csv.write_csv(pa.table(columns), folder / "table.csv")


def make_images(folder: Path) -> None:
    """Photographs of fruit, each so often that there are enough."""
    from PIL import Image

    there = sorted((EXAMPLES / "photos" / "train").rglob("*.jp*g"))
    for number in range(PHOTOS):
        source = there[number % len(there)]
        target = folder / source.parent.name / f"{number}.jpg"
        target.parent.mkdir(exist_ok=True)
        if number < len(there):
            Image.open(source).convert("RGB").resize((500, 375)).save(target, quality=90)
        else:
            first = folder / source.parent.name / f"{number % len(there)}.jpg"
            target.write_bytes(first.read_bytes())


def make_text(folder: Path) -> None:
    (folder / "reviews.jsonl").write_bytes((EXAMPLES / "imdb" / "reviews.jsonl").read_bytes())


def make_array(folder: Path) -> None:
    import numpy as np

    generator = np.random.default_rng(0)
    np.save(folder / "x.npy", generator.integers(256, size=(60_000, 28, 28), dtype=np.uint8))
    np.save(folder / "y.npy", generator.integers(10, size=60_000))


# --- the ways: each gives a function that runs one epoch over batches


def specc(dataset: str, first: str, folder: Path) -> Callable[[], int]:
    from specc import driver
    from specc.backend.data import open_data
    from specc.diagnostics import Log

    (folder / "spec.yaml").write_text(
        f"specc: 1\ndataset:\n{dataset}\nmodel:\n  layers:\n    - Identity:\n      inputs: {first}\n"
    )
    log = Log()
    plan = driver.check(driver.open_spec(str(folder / "spec.yaml"), log), log)
    assert plan.dataset is not None
    split, size = open_data(plan, log).splits["train"], plan.dataset.batch_size
    batches = iter(split.stream(size, seed=0, shuffle=True))

    def epoch() -> int:
        for _ in range(split.steps(size)):
            next(batches)
        return split.examples

    return epoch


def counted(batches: Any) -> Callable[[], int]:
    def epoch() -> int:
        rows = 0
        for batch in batches:
            while isinstance(batch, (tuple, list, dict)):
                batch = next(iter(batch.values())) if isinstance(batch, dict) else batch[-1]
            rows += int(batch.shape[0])
        return rows

    return epoch


def csv_specc(folder: Path) -> Callable[[], int]:
    numbers = "\n".join(f"    {name}: {{type: number, scale: standard}}" for name in NUMBERS)
    categories = "\n".join(f"    {name}: {{type: category, oov: 1}}" for name in CATEGORIES)
    return specc(
        f"  source: {{csv: table.csv}}\n  inputs:\n{numbers}\n{categories}\n"
        "  targets: {y: {type: binary}}\n  batch_size: 1024",
        NUMBERS[0],
        folder,
    )


def csv_pandas(folder: Path) -> Callable[[], int]:
    import pandas as pd
    import tensorflow as tf

    table = pd.read_csv(folder / "table.csv")
    scaled = (table[NUMBERS] - table[NUMBERS].mean()) / table[NUMBERS].std()
    columns = {name: scaled[name].to_numpy("float32")[:, None] for name in NUMBERS}
    columns |= {name: table[name].astype("category").cat.codes.to_numpy("int32") for name in CATEGORIES}
    slices = tf.data.Dataset.from_tensor_slices((columns, table["y"].to_numpy("float32")))
    return counted(slices.shuffle(100_000).batch(1024).prefetch(tf.data.AUTOTUNE))


def csv_make_csv_dataset(folder: Path) -> Callable[[], int]:
    """Raw: nothing is scaled or numbered."""
    import tensorflow as tf

    return counted(
        tf.data.experimental.make_csv_dataset(
            str(folder / "table.csv"), 1024, label_name="y", num_epochs=1, shuffle_buffer_size=100_000
        )
    )


def csv_feature_space(folder: Path) -> Callable[[], int]:
    """On a tenth of the rows: all would take an hour."""
    import keras
    import pandas as pd
    import tensorflow as tf

    table = pd.read_csv(folder / "table.csv", nrows=CSV_ROWS // 10)
    labels = table.pop("y").to_numpy("float32")
    slices = tf.data.Dataset.from_tensor_slices((dict(table), labels))
    space = keras.utils.FeatureSpace(
        dict.fromkeys(NUMBERS, "float_normalized")
        | {
            name: keras.utils.FeatureSpace.string_categorical(num_oov_indices=1, output_mode="int")
            for name in CATEGORIES
        },
        output_mode="dict",
    )
    space.adapt(slices.map(lambda x, _: x).batch(1024))
    prepared = slices.shuffle(100_000).batch(1024).map(lambda x, y: (space(x), y), num_parallel_calls=tf.data.AUTOTUNE)
    return counted(prepared.prefetch(tf.data.AUTOTUNE))


def images_specc(folder: Path) -> Callable[[], int]:
    return specc(
        "  source: {image_folder: .}\n  inputs: {image: {type: image, size: [224, 224]}}\n"
        "  targets: {label: {type: category}}\n  batch_size: 32\n  cache: none",
        "image",
        folder,
    )


def images_keras(folder: Path) -> Callable[[], int]:
    import keras

    return counted(keras.utils.image_dataset_from_directory(str(folder), image_size=(224, 224), verbose=False))


def text_specc(folder: Path) -> Callable[[], int]:
    return specc(
        "  source: {jsonl: reviews.jsonl}\n  inputs: {text: {type: text, vocabulary: 20000, length: 200}}\n"
        "  targets: {label: {type: binary}}\n  batch_size: 256",
        "text",
        folder,
    )


def text_vectorization(folder: Path) -> Callable[[], int]:
    import keras
    import tensorflow as tf

    rows = [json.loads(line) for line in (folder / "reviews.jsonl").read_text(encoding="utf-8").splitlines()]
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    slices = tf.data.Dataset.from_tensor_slices((texts, labels))
    words = keras.layers.TextVectorization(20000, output_sequence_length=200)
    words.adapt(slices.map(lambda x, _: x).batch(1024))
    prepared = slices.shuffle(50_000).batch(256).map(lambda x, y: (words(x), y), num_parallel_calls=tf.data.AUTOTUNE)
    return counted(prepared.prefetch(tf.data.AUTOTUNE))


def array_specc(folder: Path) -> Callable[[], int]:
    return specc(
        "  source: {npy: {path: {x: x.npy, y: y.npy}}}\n  inputs: {x: {type: image}}\n"
        "  targets: {y: {type: category, classes: 10}}\n  batch_size: 128",
        "x",
        folder,
    )


def array_slices(folder: Path) -> Callable[[], int]:
    import numpy as np
    import tensorflow as tf

    x, y = np.load(folder / "x.npy").astype("float32")[..., None], np.load(folder / "y.npy").astype("int32")
    slices = tf.data.Dataset.from_tensor_slices((x, y))
    return counted(slices.shuffle(60_000).batch(128).prefetch(tf.data.AUTOTUNE))


COMPARISONS: dict[str, tuple[Callable[[Path], None], tuple[Callable[[Path], Callable[[], int]], ...]]] = {
    "csv": (make_csv, (csv_specc, csv_pandas, csv_make_csv_dataset, csv_feature_space)),
    "images": (make_images, (images_specc, images_keras)),
    "text": (make_text, (text_specc, text_vectorization)),
    "array": (make_array, (array_specc, array_slices)),
}


def measure(way: str, folder: Path) -> dict[str, float]:
    """One way, here: examples a second of the first epoch with all that comes before it, and of the second."""
    import specc.backend  # noqa: F401  (TensorFlow, quietly)

    before = peak()
    began = time.perf_counter()
    epoch = globals()[way](folder)
    rows = epoch()
    middle = time.perf_counter()
    epoch()
    ended = time.perf_counter()
    return {"first": rows / (middle - began), "epoch": rows / (ended - middle), "peak": peak() - before}


def peak() -> float:
    """Megabytes at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rows(runs: int) -> Iterator[str]:
    for name, (make, ways) in COMPARISONS.items():
        with tempfile.TemporaryDirectory(prefix=f"specc-{name}-") as made:
            folder = Path(made)
            make(folder)
            found: dict[str, list[dict[str, float]]] = {}
            for _ in range(runs):
                for way in ways:
                    command = [sys.executable, __file__, way.__name__, made]
                    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
                    out = subprocess.run(command, env=quiet, check=True, text=True, capture_output=True)
                    found.setdefault(way.__name__, []).append(json.loads(out.stdout.splitlines()[-1]))
            middle = {
                way: {what: statistics.median(run[what] for run in of) for what in of[0]} for way, of in found.items()
            }
            ours = middle[ways[0].__name__]
            for way, of in middle.items():
                ratios = f"{ours['first'] / of['first']:.2f} | {ours['epoch'] / of['epoch']:.2f}"
                yield f"| {way} | {of['first']:,.0f} | {of['epoch']:,.0f} | {ratios} | {of['peak']:,.0f} MB |"


def main(runs: int = 3) -> None:
    print("| way | examples/s, first | examples/s, epoch | specc is faster: first | epoch | peak |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows(runs):
        print(row, flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
    else:
        main(*map(int, sys.argv[1:]))
