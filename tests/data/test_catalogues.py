"""Data sets that libraries keep on this machine, as those libraries themselves give them. Nothing is downloaded."""

from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from data_plans import data_plan, feature, reader, told

from specc.backend.data import open_data
from specc.diagnostics import Log, Refusal
from specc.kinds import word
from specc.kinds.readers import ROWS

RANDOM = np.random.default_rng(0)


def opened(reader, fields=(), /, **arguments):
    return word("readers", reader)(**arguments).open(dict.fromkeys(fields), 0)


def columns(table, names):
    chunks = list(table.chunks())
    assert all(len(chunk[name]) <= ROWS for chunk in chunks for name in names)
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in names}


def refused(reader, fields=(), /, **arguments):
    with pytest.raises(Refusal) as refusal:
        list(opened(reader, fields, **arguments).chunks())
    return refusal.value.code.id, refusal.value.message, refusal.value.help


# --- keras


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of Keras's."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def idx(array):
    return gzip.compress(bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes())


def pictures(count, *shape):
    return RANDOM.integers(0, 256, (count, *shape), np.uint8), RANDOM.integers(0, 10, count).astype(np.uint8)


LOAD = """\
import sys, numpy, keras
(a, b), (c, d) = getattr(keras.datasets, sys.argv[1]).load_data()
numpy.savez(sys.argv[2], a=a, b=b, c=c, d=d)
"""


def test_clothes_are_those_that_keras_gives(cache, tmp_path):
    (cache / "fashion-mnist").mkdir()
    for start, count in (("train", 60000), ("t10k", 10000)):
        x, y = pictures(count, 28, 28)
        (cache / "fashion-mnist" / f"{start}-images-idx3-ubyte.gz").write_bytes(idx(x))
        (cache / "fashion-mnist" / f"{start}-labels-idx1-ubyte.gz").write_bytes(idx(y))
    command = [sys.executable, "-c", LOAD, "fashion_mnist", str(tmp_path / "theirs.npz")]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "KERAS_HOME": str(cache.parent)})
    theirs = np.load(tmp_path / "theirs.npz")
    for part, x, y in (("train", "a", "b"), ("test", "c", "d")):
        table = opened("keras", "xy", name="fashion_mnist", part=part)
        ours = columns(table, "xy")
        np.testing.assert_array_equal(ours["x"], theirs[x])
        np.testing.assert_array_equal(ours["y"], theirs[y])
        assert table.rows == len(theirs[x])


def test_digits_are_the_arrays_of_the_archive(cache):
    x, y = pictures(30, 28, 28)
    np.savez(cache / "mnist.npz", x_train=x[:20], y_train=y[:20], x_test=x[20:], y_test=y[20:])
    ours = columns(opened("keras", "xy", name="mnist", part="test"), "xy")
    np.testing.assert_array_equal(ours["x"], x[20:])
    np.testing.assert_array_equal(ours["y"], y[20:])


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_houses_are_shuffled_and_divided_as_keras_does(cache, name):
    x, y = RANDOM.normal(size=(51, 13)), np.arange(51.0)
    np.savez(cache / f"{name}.npz", x=x, y=y)
    # As the source of Keras does it.
    order = np.arange(51)
    np.random.RandomState(113).shuffle(order)
    for part, chosen in (("train", order[:40]), ("test", order[40:])):
        ours = columns(opened("keras", "xy", name=name, part=part), "xy")
        np.testing.assert_array_equal(ours["y"], y[chosen])
        np.testing.assert_array_equal(ours["x"], x[chosen])


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_things_are_unpickled_to_pictures_with_their_channels_last(cache, name, protocol):
    x, y = pictures(12, 32, 32, 3)
    folder = cache / {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}[name]
    folder.mkdir()
    files = {"test_batch": range(10, 12)} | {f"data_batch_{i}": range(2 * i - 2, 2 * i) for i in range(1, 6)}
    files = files if name == "cifar10" else {"train": range(10), "test": range(10, 12)}
    label = b"labels" if name == "cifar10" else b"fine_labels"
    for file, rows in files.items():
        flat = x[rows].transpose(0, 3, 1, 2).reshape(len(rows), -1)
        (folder / file).write_bytes(pickle.dumps({b"data": flat, label: y[rows].tolist()}, protocol))
    for part, rows in (("train", slice(0, 10)), ("test", slice(10, 12))):
        ours = columns(opened("keras", "xy", name=name, part=part), "xy")
        np.testing.assert_array_equal(ours["x"], x[rows])
        np.testing.assert_array_equal(ours["y"], y[rows])


class Bomb:
    def __reduce__(self):
        return print, ("run",)


def test_what_would_run_code_when_it_is_unpickled_is_refused(cache, capsys):
    (cache / "cifar-100-python").mkdir()
    (cache / "cifar-100-python" / "train").write_bytes(pickle.dumps({b"data": Bomb()}))
    code, message, _ = refused("keras", name="cifar100")
    assert (code, message) == (
        "S503",
        "what Keras keeps of cifar100 is damaged: it holds `builtins.print`, which is no array",
    )
    assert capsys.readouterr().out == ""


def test_what_keras_has_not_fetched_is_told_with_the_call_that_fetches_it(cache):
    code, message, help = refused("keras", name="mnist")
    assert (code, message) == ("S501", f"Keras has not fetched mnist: there is no `{cache / 'mnist.npz'}`")
    assert help == "once: `keras.datasets.mnist.load_data()`"
    (cache / "mnist.npz").write_bytes(b"PK\3\4 cut off")
    assert refused("keras", name="mnist")[0] == "S503"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_words_are_the_numbers_that_keras_has_for_them(cache, name):
    texts = [RANDOM.integers(1, 60, RANDOM.integers(0, 9)).tolist() for _ in range(50)]
    x, y = np.empty(50, object), RANDOM.integers(0, 2, 50)
    x[:] = texts
    parts = {"x_train": x[:30], "y_train": y[:30], "x_test": x[30:], "y_test": y[30:]}
    np.savez(cache / f"{name}.npz", **(parts if name == "imdb" else {"x": x, "y": y}))
    load = """\
import sys, pickle, numpy as np
from unittest import mock
import keras
from importlib import import_module
module = import_module("keras.src.datasets." + sys.argv[1])
with mock.patch.object(module, "get_file", lambda **given: sys.argv[2]):
    (a, b), (c, d) = module.load_data()
pickle.dump((list(map(list, a)), b.tolist(), list(map(list, c)), d.tolist()), open(sys.argv[3], "wb"))
"""
    out = cache / "theirs"
    subprocess.run([sys.executable, "-c", load, name, str(cache / f"{name}.npz"), str(out)], check=True)
    theirs = pickle.loads(out.read_bytes())
    for part, (x, y) in {"train": theirs[:2], "test": theirs[2:]}.items():
        read = columns(opened("keras", ["x", "y"], name=name, part=part), ["x", "y"])
        assert [text.tolist() for text in read["x"]] == x
        assert read["y"].tolist() == y


def test_words_are_read_as_a_text(cache):
    x = np.empty(12, object)
    x[:] = [[4, 5, 6][: 1 + row % 3] for row in range(12)]
    np.savez(cache / "reuters.npz", x=x, y=np.arange(12) % 2)
    source = reader("keras", name="reuters")
    fields = {"x": feature("text", vocabulary=10, length=4)}, {"y": feature("category", classes=2)}
    data = open_data(data_plan(source, *fields), Log())
    assert data.states["inputs.x"]["vocabulary"] == ["1", "7", "8", "2"]
    (cache / "reuters.npz").write_bytes((cache / "reuters.npz").read_bytes()[:200])
    assert refused("keras", name="reuters")[0] == "S503"
    np.savez(cache / "reuters.npz", x=np.array([Bomb()], object), y=np.arange(1))
    assert refused("keras", name="reuters")[0] == "S503"
    assert refused("keras", name="imdb")[:2] == (
        "S501",
        f"Keras has not fetched imdb: there is no `{cache / 'imdb.npz'}`",
    )


# --- huggingface

ROWS_OF_TABLE = {
    "text": [f"row {i}" for i in range(3000)],
    "number": [i / 4 for i in range(3000)],
    "label": [i % 3 for i in range(3000)],
    "vector": [[i, i + 1, i + 2] for i in range(3000)],
    "ragged": [[0] * (i % 3) for i in range(3000)],
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    datasets = pytest.importorskip("datasets", reason="the extra `huggingface` is not installed")
    folder = tmp_path_factory.mktemp("hub")
    train = datasets.Dataset.from_dict(ROWS_OF_TABLE)
    train = train.cast_column("label", datasets.ClassLabel(names=["a", "b", "c"]))
    test = train.select(range(10))
    datasets.DatasetDict({"train": train, "test": test}).save_to_disk(folder / "several")
    train.save_to_disk(folder / "one")
    (folder / "parquet").mkdir()
    train.to_parquet(folder / "parquet" / "train-00000-of-00001.parquet")
    test.to_parquet(folder / "parquet" / "test-00000-of-00001.parquet")
    return folder


@pytest.mark.parametrize(
    ("folder", "split", "rows"),
    [
        ("several", "train", range(3000)),
        ("several", "test", range(10)),
        ("several", "train[10:20]", range(10, 20)),
        ("one", "train", range(3000)),
        ("one", "train[:10%]", range(300)),
        ("parquet", "test", range(10)),
        ("parquet", "train[-7:]", range(2993, 3000)),
    ],
)
def test_a_folder_of_hugging_face_gives_its_rows(hub, folder, split, rows):
    names = ["text", "number", "label", "vector"]
    table = opened("huggingface", names, path=str(hub / folder), split=split)
    assert (table.rows, set(table.names)) == (len(rows), set(ROWS_OF_TABLE))
    ours = columns(table, names)
    for name in names:
        np.testing.assert_array_equal(ours[name], np.array(ROWS_OF_TABLE[name])[rows])
    assert all(path.is_file() for path in table.files)


def test_pictures_of_hugging_face_are_arrays(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the extra `huggingface` is not installed")
    stack = RANDOM.integers(0, 256, (5, 8, 6, 3), np.uint8)
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    rows = {"image": list(stack), "label": list(range(5))}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "pictures")
    source = reader("huggingface", path=str(tmp_path / "pictures"))
    plan = data_plan(source, {"image": feature("image")}, {"label": feature("category", classes=5)})
    ((inputs, _),) = open_data(plan, Log()).splits["train"].batches(5)
    np.testing.assert_array_equal(inputs["image"], stack)


def test_what_is_no_column_of_one_shape_is_refused(hub):
    code, message, _ = refused("huggingface", ["ragged"], path=str(hub / "one"))
    assert (code, message) == ("S503", "examples of `ragged` differ in shape: [0] and [1], among others")


def test_a_split_or_a_data_set_that_there_is_not_is_told(hub):
    assert refused("huggingface", path=str(hub / "several"), split="tests")[0:3:2] == ("S501", "did you mean `test`?")
    assert refused("huggingface", path=str(hub / "parquet"), split="dev")[0] == "S503"
    assert refused("huggingface", path=str(hub / "nothing"))[0] == "S501"
    code, message, _ = refused("huggingface", name="nobody/nothing-of-this-name")
    assert (code, message.partition(":")[0]) == (
        "S501",
        "`nobody/nothing-of-this-name` cannot be loaded without a download",
    )
    assert refused("huggingface")[0] == "S105"


# --- tfds

MAKE = """\
import sys, numpy as np, tensorflow_datasets as tfds

class Tiny(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({
            "image": tfds.features.Image(shape=(8, 6, 3)),
            "label": tfds.features.ClassLabel(num_classes=4),
            "text": tfds.features.Text(),
            "size": np.float32,
            "ragged": tfds.features.Sequence(np.int64),
        }))

    def _split_generators(self, manager):
        return {"train": self._generate_examples(0, 1500), "test": self._generate_examples(1500, 1600)}

    def _generate_examples(self, start, end):
        for i in range(start, end):
            image = np.random.default_rng(i).integers(0, 256, (8, 6, 3), np.uint8)
            yield i, {"image": image, "label": i % 4, "text": f"row {i}é", "size": i / 2, "ragged": [0] * (i % 3)}

Tiny(data_dir=sys.argv[1]).download_and_prepare()
rows = list(tfds.as_numpy(tfds.builder("tiny", data_dir=sys.argv[1]).as_dataset(split="train[100:1300]",
    shuffle_files=False, read_config=tfds.ReadConfig(interleave_cycle_length=1))))
np.savez(sys.argv[1] + "/theirs.npz", image=np.stack([r["image"] for r in rows]),
    label=np.array([r["label"] for r in rows]), size=np.array([r["size"] for r in rows]),
    text=np.array([r["text"].decode() for r in rows]))
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    pytest.importorskip("tensorflow_datasets", reason="the extra `tfds` is not installed")
    folder = tmp_path_factory.mktemp("tfds")
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.slow
def test_tensorflow_datasets_gives_its_rows(prepared):
    names = ["image", "label", "text", "size"]
    table = opened("tfds", names, name="tiny", split="train[100:1300]", data_dir=str(prepared))
    assert (table.rows, set(table.names)) == (1200, {*names, "ragged"})
    ours, theirs = columns(table, names), np.load(prepared / "theirs.npz")
    for name in names:
        np.testing.assert_array_equal(ours[name], theirs[name])
    assert all(path.is_file() for path in table.files)


@pytest.mark.slow
def test_what_tensorflow_datasets_cannot_give_is_told(prepared):
    place = str(prepared)
    assert refused("tfds", name="tine", data_dir=place)[0:3:2] == ("S501", "did you mean `tiny`?")
    assert refused("tfds", name="tiny", split="dev", data_dir=place)[0] == "S501"
    assert refused("tfds", ["ragged"], name="tiny", data_dir=place)[0] == "S503"
    source = reader("tfds", name="tiny", data_dir=place)
    plan = data_plan(source, {"image": feature("image")}, {"labl": feature("category")})
    assert told(open_data, plan)[0][0] == "S502"
