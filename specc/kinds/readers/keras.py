"""`keras`: the data sets of `keras.datasets` that Keras has fetched before, from its cache."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specc.codes import S501, S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import Skip, Table, alike, in_chunks
from specc.kinds.readers._values import objects

CIFAR = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}

HOUSES = ("boston_housing", "california_housing")

WORDS = ("imdb", "reuters")

KEPT = 0.2
"""What Keras keeps of houses and news for a test, unless it is asked for more."""

SHUFFLE = 113
"""The seed by which Keras shuffles them."""

START, RARE, FIRST = 1, 2, 3
"""What begins a text, what stands for a word that is left out, and what is added to the numbers of words: as Keras does
where nothing else is asked for."""


DAMAGED = (TypeError, pickle.UnpicklingError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True)
class Keras:
    """A data set of `keras.datasets`, from Keras's cache: fields `x` and `y`; nothing is downloaded."""

    name: str = argument(
        "which: pictures of digits, clothes or things; houses and their prices; words of reviews or of news",
        {"enum": ["mnist", "fashion_mnist", *CIFAR, *HOUSES, *WORDS]},
    )
    part: str = argument("which of its two parts", {"enum": ["train", "test"]}, default="train")

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        files, columns = self._read(_cache())
        rows = alike({name: len(array) for name, array in columns.items()}, f"the arrays of {self.name}")
        wanted = {name: array for name, array in columns.items() if name in fields}
        origin = Origin(lambda row: f"{self.name} {self.part}, row {row}", files[0].parent)
        return Table(tuple(columns), rows, files, origin, in_chunks(wanted, rows))

    def _read(self, cache: Path) -> tuple[tuple[Path, ...], dict[str, Array]]:
        try:
            if self.name == "mnist":
                path = self._there(cache / "mnist.npz")
                with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                    return (path,), {name: arrays[f"{name}_{self.part}"] for name in "xy"}
            if self.name == "fashion_mnist":
                return self._clothes(cache / "fashion-mnist")
            if self.name in HOUSES:
                return self._houses(cache / f"{self.name}.npz")
            if self.name in WORDS:
                return self._words(cache / f"{self.name}.npz")
            return self._things(cache)
        except (OSError, EOFError, KeyError, ValueError, struct.error, zlib.error, *DAMAGED) as error:
            told = f"what Keras keeps of {self.name} is damaged: {' '.join(str(error).split())}"
            raise Refusal(S503, told, f"remove it from {cache} and fetch it anew: {self._call}", "name") from error

    @property
    def _call(self) -> str:
        return f"`keras.datasets.{self.name}.load_data()`"

    def _there(self, path: Path) -> Path:
        if not path.exists():
            told = f"Keras has not fetched {self.name}: there is no `{path}`"
            raise Refusal(S501, told, f"once: {self._call}", "name")
        return path

    def _clothes(self, folder: Path) -> tuple[tuple[Path, ...], dict[str, Array]]:
        start = {"train": "train", "test": "t10k"}[self.part]
        labels = self._there(folder / f"{start}-labels-idx1-ubyte.gz")
        pictures = self._there(folder / f"{start}-images-idx3-ubyte.gz")
        y = np.frombuffer(gzip.decompress(labels.read_bytes()), np.uint8, offset=8)
        x = np.frombuffer(gzip.decompress(pictures.read_bytes()), np.uint8, offset=16).reshape(len(y), 28, 28)
        return (labels, pictures), {"x": x, "y": y}

    def _houses(self, path: Path) -> tuple[tuple[Path, ...], dict[str, Array]]:
        with self._there(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            x, y = arrays["x"], arrays["y"]
        order = np.arange(len(x))
        np.random.RandomState(SHUFFLE).shuffle(order)
        end = int(len(x) * (1 - KEPT))
        chosen = order[:end] if self.part == "train" else order[end:]
        return (path,), {"x": x[chosen], "y": y[chosen]}

    def _words(self, path: Path) -> tuple[tuple[Path, ...], dict[str, Array]]:
        """Texts as arrays of numbers, of each text its own."""
        with self._there(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            parts = {part: f"_{part}" for part in ("train", "test")} if self.name == "imdb" else {"": ""}
            y = {part: arrays[f"y{ending}"] for part, ending in parts.items()}
            x = {part: _pickled(arrays.zip, f"x{ending}.npy") for part, ending in parts.items()}
        # The greatest number of all is one that Keras leaves out.
        most = max((max(text, default=0) for texts in x.values() for text in texts), default=0)
        part = self.part if self.name == "imdb" else ""
        generator = np.random.RandomState(SHUFFLE)
        if part == "test":
            generator.shuffle(np.arange(len(x["train"])))  # Keras shuffles one part after the other.
        order = np.arange(len(x[part]))
        generator.shuffle(order)
        if not part:
            end = int(len(order) * (1 - KEPT))
            order = order[:end] if self.part == "train" else order[end:]
        texts = [np.array([START - FIRST, *x[part][row]], np.int64) for row in order]
        numbers = [np.where(text < most, text + FIRST, RARE) for text in texts]
        return (path,), {"x": objects(numbers), "y": y[part][order]}

    def _things(self, cache: Path) -> tuple[tuple[Path, ...], dict[str, Array]]:
        name = CIFAR[self.name]
        # Where Keras unpacks it has changed from release to release.
        places = [cache / f"{name}-target" / name, cache / name]
        folder = self._there(next((place for place in places if place.is_dir()), places[0]))
        batches = [f"data_batch_{i}" for i in range(1, 6)] if self.part == "train" else ["test_batch"]
        files = [folder / batch for batch in batches] if self.name == "cifar10" else [folder / self.part]
        stored = [_Arrays(io.BytesIO(self._there(file).read_bytes()), encoding="bytes").load() for file in files]
        label = b"labels" if self.name == "cifar10" else b"fine_labels"
        x = np.concatenate([part[b"data"] for part in stored]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return tuple(files), {"x": x, "y": np.concatenate([part[label] for part in stored]).astype(np.uint8)}


def _pickled(archive: zipfile.ZipFile, name: str) -> Array:
    """An array of objects in NumPy's archive, made by none but `_Arrays`."""
    with archive.open(name) as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        found: Array = _Arrays(file).load()
    return found


class _Arrays(pickle.Unpickler):
    """Reads what was pickled of arrays, lists and texts, and can make nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np.zeros(0).__reduce__()[0]  # where that function lives has changed
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):
            return lambda text, encoding: text.encode(encoding)
        raise ValueError(f"it holds `{module}.{name}`, which is no array")


def _cache() -> Path:
    """Where Keras keeps what it fetches."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"
