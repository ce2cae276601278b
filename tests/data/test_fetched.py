"""The data of the larger examples, where `make data` has fetched it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data_plans import data_plan, everything, feature, reader

from specc.backend.data import open_data
from specc.diagnostics import Log

DATA = Path(__file__).parents[2] / "examples" / "data"


def fetched(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not there: make data")
    return path


def test_the_digits_in_the_repository_are_those_of_uci():
    data = open_data(
        data_plan(
            reader("npz", path=str(DATA / "digits.npz")),
            {"image": ("pixels", feature("image", size=[8, 8], channels=1))},
            {"digit": feature("category", classes=10)},
            validation=0.1,
            test=0.2,
            stratify="digit",
        ),
        Log(),
    )
    assert {name: split.examples for name, split in data.splits.items()} == {
        "train": 1258,
        "validation": 180,
        "test": 359,
    }
    pixels = np.concatenate([everything(split, "image") for split in data.splits.values()])
    assert (pixels.min(), pixels.max()) == (0, 16)
    assert pixels.mean() == pytest.approx(4.884, abs=1e-3)


def test_fashion_mnist_has_its_known_mean_and_counts():
    folder = fetched("fashion_mnist")
    sources = {
        name: reader(
            "idx", images=f"{folder}/{stem}-images-idx3-ubyte.gz", labels=f"{folder}/{stem}-labels-idx1-ubyte.gz"
        )
        for name, stem in (("train", "train"), ("test", "t10k"))
    }
    plan = data_plan(sources, {"image": feature("image")}, {"label": feature("category", classes=10)})
    data = open_data(plan, Log())
    images = data.splits["train"].inputs["image"].array.numpy()
    assert images.shape == (60000, 28, 28, 1)
    assert images.mean() == pytest.approx(72.940, abs=1e-3)
    for split, count in (("train", 6000), ("test", 1000)):
        assert (np.bincount(everything(data.splits[split], "label")) == count).all()


def test_adult_is_read_as_pandas_reads_it():
    path = fetched("adult.csv")
    plan = data_plan(
        reader("csv", path=str(path)),
        {"age": feature("number"), "occupation": feature("category")},
        {"rich": ("class", feature("binary", positive=">50K"))},
        test=0.2,
        stratify="rich",
    )
    data = open_data(plan, Log())
    table = pd.read_csv(path, skipinitialspace=True, na_values="?")
    for split in data.splits.values():
        rows = table.iloc[split.rows]
        assert (everything(split, "age")[:, 0] == rows["age"]).all()
        codes = pd.Categorical(rows["occupation"].fillna(""), data.states["inputs.occupation"]["vocabulary"]).codes
        assert (everything(split, "occupation") == codes).all()
        assert (everything(split, "rich")[:, 0] == (rows["class"] == ">50K")).all()


def test_titanic_without_imputing_says_where_ages_are_missing():
    plan = data_plan(
        reader("csv", path=str(fetched("titanic.csv"))), {"Age": feature("number")}, {"Survived": feature("binary")}
    )
    log = Log()
    with pytest.raises(Exception, match=r"titanic\.csv:7 \(column `Age`\) and 176 other rows is missing"):
        open_data(plan, log)


@pytest.mark.slow
def test_the_photos_all_decode():
    folder = fetched("photos")
    sources = {name: reader("image_folder", path=str(folder / name)) for name in ("train", "validation", "test")}
    plan = data_plan(sources, {"image": feature("image", size=[64, 64])}, {"label": feature("category")})
    data = open_data(plan, Log())
    assert {name: split.examples for name, split in data.splits.items()} == {
        "train": 675,
        "validation": 57,
        "test": 1322,
    }
    assert data.states["targets.label"]["vocabulary"] == ["apple", "melon", "orange", "pear", "satsumas"]
