"""Data from disk into batches: specc beside what one would write by hand, on the same files.

usage: data.py [--runs N] [--share PART] [csv | images | text | array …]

A comparison is a set of files and the ways to read it, each in a process of its own, in turn; medians of so many runs
(3), on a part of the rows where one is stated. `first` counts from the start of reading to the end of the first epoch,
all that is learnt from the data included; `epoch` is the second epoch; `peak` the memory of the process less what it
took once TensorFlow was loaded. Both are examples a second by the clock; the ratios are told by the time of the
processor as well, since the clock also tells how busy the machine is.

    csv      1,000,000 rows of 14 numbers and 6 categories into batches of 1,024, numbers scaled and categories numbered
    images   10,000 photographs of 500 x 375 into 224 x 224, batches of 32
    text     50,000 film reviews into 200 word numbers each, batches of 256
    array    60,000 pictures of 28 x 28 in memory, shuffled, batches of 128

Images and text are those of the examples: `python scripts/fetch_data.py photos imdb`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "data"
NUMBERS = [f"n{i}" for i in range(14)]
CATEGORIES = [f"c{i}" for i in range(6)]


# --- the files


def make_csv(folder: Path, share: float) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv

    generator, count = np.random.default_rng(0), round(1_000_000 * share)
    columns: dict[str, Any] = {name: generator.normal(size=count).round(4) for name in NUMBERS}
    for i, name in enumerate(CATEGORIES):
        columns[name] = generator.choice([f"value-{k}" for k in range(20 * (i + 1))], count)
    columns["y"] = generator.integers(2, size=count)
    table = pa.table(columns)
    pyarrow.csv.write_csv(table, folder / "table.csv")
    pyarrow.csv.write_csv(table.slice(0, count // 10), folder / "tenth.csv")


def make_images(folder: Path, share: float) -> None:
    """Photographs of fruit, each so often that there are enough."""
    from PIL import Image

    there = sorted((EXAMPLES / "photos" / "train").rglob("*.jp*g"))
    for number in range(round(10_000 * share)):
        source = there[number % len(there)]
        target = folder / source.parent.name / f"{number}.jpg"
        target.parent.mkdir(exist_ok=True)
        if number < len(there):
            Image.open(source).convert("RGB").resize((500, 375)).save(target, quality=90)
        else:
            first = folder / source.parent.name / f"{number % len(there)}.jpg"
            target.write_bytes(first.read_bytes())


def make_text(folder: Path, share: float) -> None:
    import pandas as pd

    parts = [pd.read_csv(EXAMPLES / "imdb" / f"{name}.csv") for name in ("train", "test")]
    # Those that praise a film come after those that do not.
    reviews = pd.concat(parts).sample(frac=share, random_state=0)
    reviews.to_csv(folder / "reviews.csv", index=False)


def make_array(folder: Path, share: float) -> None:
    import numpy as np

    generator, count = np.random.default_rng(0), round(60_000 * share)
    np.save(folder / "x.npy", generator.integers(256, size=(count, 28, 28), dtype=np.uint8))
    np.save(folder / "y.npy", generator.integers(10, size=count))


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

    table = pd.read_csv(folder / "tenth.csv")
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


def images_specc(folder: Path, cache: str = "auto") -> Callable[[], int]:
    """As it is without a word about caching: decoded once, where there is room."""
    return specc(
        "  source: {image_folder: .}\n  inputs: {image: {type: image, size: [224, 224]}}\n"
        f"  targets: {{label: {{type: category}}}}\n  batch_size: 32\n  cache: {cache}",
        "image",
        folder,
    )


def images_specc_no_cache(folder: Path) -> Callable[[], int]:
    """Decoded in every epoch."""
    return images_specc(folder, cache="none")


def images_keras(folder: Path) -> Callable[[], int]:
    """Rougher pictures: of those that shrink, Keras looks at four pixels for each that comes of them."""
    import keras

    return counted(keras.utils.image_dataset_from_directory(str(folder), image_size=(224, 224), verbose=False))


def images_smoothed(folder: Path) -> Callable[[], int]:
    """The pictures that specc gives: every pixel counts."""
    import tensorflow as tf

    files = sorted(str(path) for path in folder.rglob("*.jpg"))
    classes = sorted({Path(file).parent.name for file in files})
    labels = [classes.index(Path(file).parent.name) for file in files]

    def read(file: Any, label: Any) -> Any:
        picture = tf.io.decode_jpeg(tf.io.read_file(file), channels=3)
        return tf.image.resize(picture, (224, 224), antialias=True), label

    slices = tf.data.Dataset.from_tensor_slices((files, labels)).shuffle(len(files))
    return counted(slices.map(read, num_parallel_calls=tf.data.AUTOTUNE).batch(32).prefetch(tf.data.AUTOTUNE))


def text_specc(folder: Path) -> Callable[[], int]:
    return specc(
        "  source: {csv: reviews.csv}\n  inputs: {review: {type: text, vocabulary: 20000, length: 200}}\n"
        "  targets: {positive: {type: binary}}\n  batch_size: 256",
        "review",
        folder,
    )


def text_vectorization(folder: Path) -> Callable[[], int]:
    import keras
    import pandas as pd
    import tensorflow as tf

    table = pd.read_csv(folder / "reviews.csv")
    texts, labels = table["review"].to_list(), table["positive"].to_numpy("float32")
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


COMPARISONS: dict[str, tuple[Callable[[Path, float], None], tuple[Callable[[Path], Callable[[], int]], ...]]] = {
    "csv": (make_csv, (csv_specc, csv_pandas, csv_make_csv_dataset, csv_feature_space)),
    "images": (make_images, (images_specc, images_specc_no_cache, images_keras, images_smoothed)),
    "text": (make_text, (text_specc, text_vectorization)),
    "array": (make_array, (array_specc, array_slices)),
}


def measure(way: str, folder: Path) -> dict[str, float]:
    """One way, here: examples a second of the first epoch with all that comes before it, and of the second epoch."""
    import specc.backend  # noqa: F401  (TensorFlow, quietly)

    before = peak()
    began = now()
    epoch = globals()[way](folder)
    rows = epoch()
    middle = now()
    epoch()
    ended = now()
    rates = {}
    for number, clock in enumerate(("clock", "processor")):
        rates[f"first, {clock}"] = rows / (middle[number] - began[number])
        rates[f"epoch, {clock}"] = rows / (ended[number] - middle[number])
    return rates | {"peak": peak() - before}


def now() -> tuple[float, float]:
    """By the clock, and by what the processor did for this process."""
    return time.perf_counter(), time.process_time()


def peak() -> float:
    """Megabytes at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rows(names: Sequence[str], runs: int, share: float) -> Iterator[str]:
    for name in names:
        make, ways = COMPARISONS[name]
        with tempfile.TemporaryDirectory(prefix=f"specc-{name}-") as made:
            folder = Path(made)
            make(folder, share)
            found: dict[str, list[dict[str, float]]] = {}
            for _ in range(runs):
                for one in ways:
                    command = [sys.executable, __file__, "--way", one.__name__, made]
                    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
                    out = subprocess.run(command, env=quiet, text=True, capture_output=True)
                    if out.returncode:
                        sys.exit(f"{one.__name__} failed:\n{out.stderr}")
                    found.setdefault(one.__name__, []).append(json.loads(out.stdout.splitlines()[-1]))
            middle = {
                way: {what: statistics.median(run[what] for run in of) for what in of[0]} for way, of in found.items()
            }
            ours = middle[ways[0].__name__]
            for way, of in middle.items():
                ratios = " | ".join(f"{ours[what] / of[what]:.2f}" for what in of if what != "peak")
                rates = f"{of['first, clock']:,.0f} | {of['epoch, clock']:,.0f}"
                yield f"| {way} | {rates} | {ratios} | {of['peak']:,.0f} MB |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Data from disk into batches, by specc and by hand.")
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *COMPARISONS])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--way", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        print(json.dumps(measure(asked.way[0], Path(asked.way[1]))))
        return
    print(
        "| way | first | epoch | specc ÷ it: first, clock | epoch, clock | first, processor | epoch, processor | peak |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows(asked.names or list(COMPARISONS), asked.runs, asked.share):
        print(row, flush=True)


if __name__ == "__main__":
    main()
