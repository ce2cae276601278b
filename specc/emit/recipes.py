"""Functions that an emitted script is given where it needs them, each as the text that it is written as.

They do what specc does with the same field, in NumPy: what one trained with, the other can be asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

RECIPES: dict[str, str] = {
    "numbers": '''
def numbers(values, fill=None, clip=None, center=0.0, spread=1.0):
    """Measurements as a column: cut to two bounds, gaps filled, brought to a scale."""
    values = np.asarray(values, "float32")
    if clip is not None:
        values = np.clip(values, *clip)
    if fill is not None:
        values = np.where(np.isnan(values), np.float32(fill), values)
    return ((values - np.float32(center)) / np.float32(spread))[:, None]
''',
    "scaled": '''
def scaled(values, center=0.0, spread=1.0):
    """A series with each column brought to a scale."""
    return (values - np.float32(center)) / np.float32(spread)
''',
    "bins": '''
def bins(values, bounds, fill=None, clip=None):
    """The number of the bin that each measurement lies in."""
    return np.searchsorted(np.float32(bounds), numbers(values, fill, clip)[:, 0], side="right").astype("int32")
''',
    "learn_numbers": '''
def learn_numbers(values, impute=None, clip=None, scale=None, bins=None):
    """What the training rows tell of a measurement: what fills gaps, and its scale or its bins."""
    values = np.asarray(values, "float32").astype("float64")
    values = values if clip is None else np.clip(values, *clip)
    fill = {"mean": np.nanmean, "median": np.nanmedian}.get(impute, lambda _: impute)(values)
    learnt = {} if fill is None else {"fill": float(fill)}
    values = values if fill is None else np.where(np.isnan(values), fill, values)
    if bins is not None:
        learnt["bounds"] = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])).tolist()
    if scale == "standard":
        learnt |= {"center": float(values.mean()), "spread": float(values.std()) or 1.0}
    if scale == "minmax":
        learnt |= {"center": float(values.min()), "spread": float(np.ptp(values)) or 1.0}
    return learnt
''',
    "learn_windows": '''
def learn_windows(values, scale):
    """The scale of each column of a series, over the windows of the training rows."""
    values = values.reshape(-1, values.shape[-1]).astype("float64")
    if scale == "minmax":
        return {"center": values.min(axis=0).tolist(), "spread": (np.ptp(values, axis=0) + 0.0).tolist()}
    return {"center": values.mean(axis=0).tolist(), "spread": values.std(axis=0).tolist()}
''',
    "indices": '''
def indices(values, vocabulary, oov=0):
    """The place of each value in a vocabulary; unknown ones have the place behind it, if there is one."""
    places = {value: place for place, value in enumerate(vocabulary)}
    if isinstance(vocabulary[0], str):
        values = [str(value).strip() for value in decoded(values)]
    unknown = len(vocabulary) if oov else None
    return np.array([places[value] if oov == 0 else places.get(value, unknown) for value in values], "int32")
''',
    "chosen": '''
def chosen(rows, places):
    """Some of the rows."""
    return {field: values[places] for field, values in rows.items()}
''',
    "parted": '''
def parted(text, separator):
    """The values of a text."""
    pieces = text.split(None if separator == " " else separator)
    return [piece.strip() for piece in pieces if piece.strip()]
''',
    "sequences": '''
def sequences(values, vocabulary, length, separator, oov=0):
    """Several values each, in order, as places that count from 1; 0 pads."""
    found = np.zeros((len(values), length), "int32")
    for row, text in enumerate(decoded(values)):
        places = indices(parted(text, separator)[:length], vocabulary, oov)
        found[row, : len(places)] = places + 1
    return found
''',
    "sets": '''
def sets(values, vocabulary, separator, oov=0):
    """A vector with a 1 at the place of each of several values."""
    found = np.zeros((len(values), len(vocabulary) + oov), "float32")
    for row, text in enumerate(decoded(values)):
        found[row, indices(parted(text, separator), vocabulary, oov)] = 1
    return found
''',
    "one_hot": '''
def one_hot(values, vocabulary, oov=0):
    """A vector with a 1 at the place of each value."""
    return np.eye(len(vocabulary) + oov, dtype="float32")[indices(values, vocabulary, oov)]
''',
    "decoded": '''
def decoded(values):
    """Texts, whether they come as text or as bytes."""
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]
''',
    "learn_vocabulary": '''
def learn_vocabulary(values, most=None):
    """The values of the training rows, sorted: as numbers where all are whole; with `most`, the most frequent."""
    counts = Counter(value.strip() if isinstance(value, str) else int(value) for value in values)
    whole = all(value == "" or str(value).removeprefix("-").isdecimal() for value in counts)
    entries = sorted(counts, key=lambda value: (value != "", int(value or 0)) if whole else value)
    if most is not None:
        kept = set(sorted(entries, key=lambda value: -counts[value])[:most])
        entries = [value for value in entries if value in kept]
    return {"vocabulary": entries}
''',
    "yes": '''
def yes(values, positive=None):
    """1 for the positive value and 0 for any other, as a column."""
    if np.asarray(values).dtype.kind in "OSU":
        values = [value.strip() for value in decoded(values)]
        known = ("1", "true", "yes") if positive is None else (str(positive),)
        values = [(value.lower() if positive is None else value) in known for value in values]
    elif positive is not None:
        values = np.asarray(values, "float32") == np.float32(positive)
    return np.asarray(values, "float32")[:, None]
''',
    "words": '''
def words(values, vocabulary, length, **how):
    """Texts as the numbers of their words; 0 pads, 1 is any unknown word."""
    vectorization = layers.TextVectorization(output_sequence_length=length, vocabulary=vocabulary, **how)
    return np.asarray(vectorization(np.array(decoded(values), dtype=object)), "int32")
''',
    "learn_words": '''
def learn_words(values, most=None, length=None, **how):
    """The most frequent words of the training rows, and a length that holds 95 % of them whole."""
    vectorization = layers.TextVectorization(max_tokens=most, **how)
    vectorization.adapt(np.array(values, dtype=object))
    if length is None:
        lengths = np.count_nonzero(np.asarray(vectorization(np.array(values, dtype=object))), axis=1)
        length = max(1, int(np.quantile(lengths, 0.95, method="higher")))
    return {"vocabulary": [str(word) for word in vectorization.get_vocabulary()[2:]], "length": length}
''',
    "windows": '''
def windows(values, first, length, before, after):
    """Rows of a series as windows, an example for each row that has so many `before` it and `after` it."""
    views = np.lib.stride_tricks.sliding_window_view(np.asarray(values, "float32"), length, axis=0)
    start = before + first
    return np.moveaxis(views[start : len(values) - after - before + start], -1, 1)
''',
    "read_idx": '''
def read_idx(path):
    """The array of an IDX file, plain or packed."""
    data = Path(path).read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\\x1f\\x8b" else data
    shape = np.frombuffer(data, ">u4", data[3], 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
''',
    "read_pictures": '''
def read_pictures(folder, size, color_mode, crop=False):
    """The pictures of a folder of folders, one a class, and the names of their classes."""
    endings = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
    paths = sorted(path for path in Path(folder).glob("*/**/*") if path.suffix.lower() in endings)
    options = {"target_size": size, "color_mode": color_mode, "interpolation": "bilinear", "keep_aspect_ratio": crop}
    pictures = [keras.utils.img_to_array(keras.utils.load_img(path, **options)) for path in paths]
    return np.stack(pictures), np.array([path.relative_to(folder).parts[0] for path in paths], dtype=object)
''',
    "divided": '''
def divided(rows, parts, seed):
    """The rows of each split, drawn at random."""
    generator = np.random.PCG64([seed, zlib.crc32(b"split")])
    order = np.argsort(generator.random_raw(rows), kind="stable")
    return dealt(order, parts)
''',
    "divided_by_class": '''
def divided_by_class(classes, parts, seed):
    """The rows of each split, drawn at random within each class."""
    generator = np.random.PCG64([seed, zlib.crc32(b"split")])
    order = np.argsort(generator.random_raw(len(classes)), kind="stable")
    _, codes = np.unique(np.array(classes).astype(str), return_inverse=True)
    by_class = [dealt(order[codes[order] == code], parts) for code in range(codes.max() + 1)]
    return {name: np.sort(np.concatenate([rows[name] for rows in by_class])) for name in by_class[0]}
''',
    "divided_by_group": '''
def divided_by_group(groups, parts, seed):
    """The rows of each split; rows of one group stay together."""
    names, codes, counts = np.unique(np.array(groups).astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(np.random.PCG64([seed, zlib.crc32(b"split")]).random_raw(len(names)), kind="stable")
    owner = np.full(len(names), "train", dtype=object)
    left = {name: round(len(codes) * part) for name, part in parts.items()}
    for group in order:
        fitting = [name for name in left if left[name] >= counts[group] / 2]
        if fitting:
            owner[group] = fitting[0]
            left[fitting[0]] -= counts[group]
    return {name: np.flatnonzero(owner[codes] == name) for name in ("train", *parts)}
''',
    "divided_in_order": '''
def divided_in_order(order, parts):
    """The rows of each split: the first ones are for training, the last ones for the test."""
    rows = np.argsort(order, kind="stable")
    test = len(rows) - int(len(order) * parts.get("test", 0) + 0.5)
    validation = test - int(len(order) * parts.get("validation", 0) + 0.5)
    found = {"train": rows[:validation], "validation": rows[validation:test], "test": rows[test:]}
    return {name: places for name, places in found.items() if len(places)}
''',
    "dealt": '''
def dealt(order, parts):
    """Rows in some order, so many of them to each split, and the rest for training."""
    found, start = {}, 0
    for name, part in parts.items():
        size = int(len(order) * part + 0.5)
        found[name] = np.sort(order[start : start + size])
        start += size
    return {"train": np.sort(order[start:])} | found
''',
}
"""By the name of the function."""

NEEDS = {"np.": "numpy", "pd.": "pandas", "Counter(": "Counter", "Path(": "Path", "gzip.": "gzip", "zlib.": "zlib"}
"""What a text that has the key in it imports."""

IMPORTS = {
    "numpy": "import numpy as np",
    "pandas": "import pandas as pd",
    "h5py": "import h5py",
    "tensorflow": "import tensorflow as tf",
    "Counter": "from collections import Counter",
    "Path": "from pathlib import Path",
    "gzip": "import gzip",
    "glob": "import glob",
    "json": "import json",
    "zlib": "import zlib",
}
STANDARD = ("Counter", "Path", "gzip", "glob", "json", "zlib")
"""Those of Python's own library."""


def needed(said: str) -> list[str]:
    """The recipes that a text uses, and those that they use, each after what it needs."""
    found: dict[str, None] = {}
    waiting: Iterable[str] = _used(said)
    for name in waiting:
        found.update(dict.fromkeys([*needed(RECIPES[name].partition(":")[2]), name]))
    return list(found)


def _used(said: str) -> Iterator[str]:
    for name in RECIPES:
        start = said.find(f"{name}(")
        while start >= 0:
            if start == 0 or not (said[start - 1].isalnum() or said[start - 1] in "_."):
                yield name
                break
            start = said.find(f"{name}(", start + 1)
