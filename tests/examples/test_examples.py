"""The examples, on the data that they name: a few steps of each; in full, with their figures, by `make test-all`.

An example whose data was not fetched (`make data`) is passed over; the digits are in the repository.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.signal
import soundfile
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import specc
from specc.backend.data import open_data
from specc.diagnostics import Log

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA = {
    "digits": "digits.npz",
    "fashion_mnist": "fashion_mnist/t10k-labels-idx1-ubyte.gz",
    "adult": "adult.csv",
    "photos": "photos/test",
    "traffic": "traffic.csv",
    "imdb": "imdb/test.csv",
    "prompts": "prompts/fr",
    "movielens": "movielens.tsv",
    "houses": "houses.csv",
    "engine": "engine/FordA_TEST.tsv",
    "brown": "brown.csv",
    "cifar10": "cifar10/test.npz",
}


def example(name: str) -> Path:
    if not (EXAMPLES / "data" / DATA[name]).exists():
        pytest.skip(f"the data of {name} is not here; `make data` fetches it")
    return EXAMPLES / f"{name}.yaml"


def test_every_example_is_tried_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(DATA)


@pytest.mark.parametrize("name", DATA)
def test_an_example_takes_a_few_steps(name: str, tmp_path: Path) -> None:
    # A window of traffic takes eight days without a gap, in every split.
    few = {"dataset.limit": 3200 if name == "traffic" else 400, "training.epochs": 1}
    run = specc.run(example(name), out=tmp_path / "run", sets=few)
    assert np.isfinite(run.metrics["train"]["loss"])
    assert (tmp_path / "run" / "export" / "saved_model" / "saved_model.pb").exists()


@pytest.mark.slow
def test_the_digits_are_read_with_an_accuracy_of_98_percent(tmp_path: Path) -> None:
    run = specc.run(example("digits"), out=tmp_path / "run")
    assert run.metrics["test"]["accuracy"] >= 0.98


@pytest.mark.slow
def test_clothes_are_told_apart_with_an_accuracy_of_91_5_percent(tmp_path: Path) -> None:
    run = specc.run(example("fashion_mnist"), out=tmp_path / "run")
    assert run.metrics["test"]["accuracy"] >= 0.915


@pytest.mark.slow
def test_small_photographs_are_told_apart_with_an_accuracy_of_80_percent(tmp_path: Path) -> None:
    run = specc.run(example("cifar10"), out=tmp_path / "run")
    assert run.metrics["test"]["accuracy"] >= 0.80


@pytest.mark.slow
def test_fruit_is_told_apart_better_than_by_always_saying_apple(tmp_path: Path) -> None:
    run = specc.run(example("photos"), out=tmp_path / "run")
    assert run.metrics["test"]["accuracy"] >= 0.65  # always apple: 0.42


@pytest.mark.slow
def test_languages_are_told_better_than_by_a_logistic_regression_on_the_spectra_of_scipy(tmp_path: Path) -> None:
    path = example("prompts")
    data = open_data(specc.plan(path), Log())
    files = data.sources[""].files
    sounds = np.zeros((len(files), 2400))
    for row, file in enumerate(files):
        sound = soundfile.read(file)[0][:2400]
        sounds[row, : len(sound)] = sound
    spectra = scipy.signal.stft(sounds, 8000, "hann", 200, 120, 256, boundary=None, padded=False)[2]
    means = np.log(np.abs(spectra) ** 2 + 1e-10).mean(axis=2)
    languages = np.array([file.parent.name for file in files])
    learn = np.concatenate([data.splits["train"].rows, data.splits["validation"].rows])
    judge = data.splits["test"].rows
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(means[learn], languages[learn])
    run = specc.run(path, out=tmp_path / "run")
    assert run.metrics["test"]["accuracy"] > regression.score(means[judge], languages[judge])  # 0.937


@pytest.mark.slow
def test_incomes_are_told_better_than_by_a_logistic_regression_on_the_same_split(tmp_path: Path) -> None:
    path = example("adult")
    plan = specc.plan(path)
    splits = open_data(plan, Log()).splits
    assert plan.dataset is not None
    table = pd.read_csv(EXAMPLES / "data" / "adult.csv", skipinitialspace=True)
    columns = [field.column for field in plan.dataset.inputs]
    numbers = [c for c in columns if pd.api.types.is_numeric_dtype(table[c])]
    rest = [c for c in columns if c not in numbers]
    regression = make_pipeline(
        make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), rest)),
        LogisticRegression(max_iter=1000),
    )
    # The regression may learn from the rows that the network is validated on as well.
    learn = np.concatenate([splits["train"].rows, splits["validation"].rows])
    rich = table["class"] == ">50K"
    regression.fit(table.loc[learn, columns], rich[learn])
    judge = splits["test"].rows
    baseline = regression.score(table.loc[judge, columns], rich[judge])
    run = specc.run(path, out=tmp_path / "run")
    told = run.metrics["test"]["accuracy"]
    print(f"right of {told:.4f}; the regression of {baseline:.4f}")
    assert told > baseline


@pytest.mark.slow
def test_traffic_is_foretold_better_than_by_the_same_hours_a_week_before(tmp_path: Path) -> None:
    run = specc.run(example("traffic"), out=tmp_path / "run")
    table = pd.read_csv(EXAMPLES / "data" / "traffic.csv").sort_values("datetime")
    count = table["traffic_volume"].reset_index(drop=True)
    test = count[-round(0.2 * len(count)) :]
    # Of every hour of the test with a week before it and a day after it, all counted.
    whole = test.rolling(168 + 24).count().shift(-24) == 168 + 24
    naive = [(test.shift(-ahead) - test.shift(168 - ahead)).abs()[whole].mean() for ahead in range(1, 25)]
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["data"]["rows"]["test"] == whole.sum()
    told = run.metrics["test"]["loss"] * manifest["features"]["targets.day"]["spread"][0]
    print(f"wrong by {told:.0f} cars an hour; the week before by {np.mean(naive):.0f}")
    assert told < 0.92 * np.mean(naive)


@pytest.mark.slow
def test_reviews_are_understood_as_well_as_by_a_logistic_regression_over_tf_idf(tmp_path: Path) -> None:
    path = example("imdb")
    train, test = (pd.read_csv(EXAMPLES / "data" / "imdb" / f"{name}.csv") for name in ("train", "test"))
    regression = make_pipeline(TfidfVectorizer(max_features=20_000), LogisticRegression(max_iter=200))
    baseline = regression.fit(train.review, train.positive).score(test.review, test.positive)
    run = specc.run(path, out=tmp_path / "run")
    told = run.metrics["test"]["accuracy"]
    print(f"right of {told:.4f}; the regression of {baseline:.4f}")
    assert told >= max(0.87, baseline - 0.005)


@pytest.mark.slow
def test_stars_are_foretold_better_than_by_what_each_person_gives_and_each_film_gets(tmp_path: Path) -> None:
    path = example("movielens")
    splits = open_data(specc.plan(path), Log()).splits
    table = pd.read_csv(EXAMPLES / "data" / "movielens.tsv", sep="\t")
    learn = np.concatenate([splits["train"].rows, splits["validation"].rows])
    judge = splits["test"].rows
    pairs, stars = table[["user_id:token", "item_id:token"]], table["rating:float"]
    ridge = make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge(3.0)).fit(pairs.loc[learn], stars[learn])
    baseline = root_mean_squared_error(stars[judge], ridge.predict(pairs.loc[judge]))  # 0.935
    run = specc.run(path, out=tmp_path / "run")
    told = run.metrics["test"]["root_mean_squared_error"]
    print(f"wrong by {told:.4f} stars; the ridge by {baseline:.4f}")
    assert told <= min(0.925, baseline - 0.01)


@pytest.mark.slow
def test_prices_of_houses_are_foretold_better_than_by_boosted_trees(tmp_path: Path) -> None:
    path = example("houses")
    plan = specc.plan(path)
    splits = open_data(plan, Log()).splits
    assert plan.dataset is not None
    table = pd.read_csv(EXAMPLES / "data" / "houses.csv")
    learn, judge = splits["train"].rows, splits["test"].rows
    numbers = [field.column for field in plan.dataset.inputs if field.feature.numeric]
    kinds = [field.column for field in plan.dataset.inputs if not field.feature.numeric]
    table[numbers] = table[numbers].fillna(table.loc[learn, numbers].median())
    table[kinds] = table[kinds].fillna("none")
    sizes = ["GrLivArea", "LotArea", "TotalBsmtSF", "1stFlrSF"]
    table[sizes] = np.log1p(table[sizes])
    price = np.log1p(table["SalePrice"])

    def error(regression: Any) -> float:
        encoded = make_column_transformer(
            (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), kinds), sparse_threshold=0
        )
        fitted = make_pipeline(encoded, regression).fit(table.loc[learn], price[learn])
        return float(root_mean_squared_error(price[judge], fitted.predict(table.loc[judge])))

    trees, ridge = error(GradientBoostingRegressor(random_state=0)), error(Ridge(10.0))
    run = specc.run(path, out=tmp_path / "run")
    told = np.sqrt(run.metrics["test"]["mean_squared_logarithmic_error"])
    determined = 1 - told**2 / price[judge].var(ddof=0)
    print(f"wrong by {told:.4f}, R² {determined:.4f}; boosted trees by {trees:.4f}, ridge by {ridge:.4f}")
    assert determined >= 0.86
    assert told < trees
    assert told < ridge + 0.003


@pytest.mark.slow
def test_faults_of_engines_are_heard_better_than_by_the_nearest_neighbour(tmp_path: Path) -> None:
    path = example("engine")
    train, test = (
        pd.read_csv(EXAMPLES / "data" / "engine" / f"FordA_{part}.tsv", sep="\t", header=None).to_numpy()
        for part in ("TRAIN", "TEST")
    )
    nearest = KNeighborsClassifier(1).fit(train[:, 1:], train[:, 0]).score(test[:, 1:], test[:, 0])
    run = specc.run(path, out=tmp_path / "run")
    told = run.metrics["test"]["accuracy"]
    print(f"right of {told:.4f}; the nearest neighbour of {nearest:.4f}")
    assert told >= max(0.9, nearest + 0.2)


@pytest.mark.slow
def test_words_are_tagged_better_than_by_the_tag_that_each_has_most_often(tmp_path: Path) -> None:
    path = example("brown")
    splits = open_data(specc.plan(path), Log()).splits
    table = pd.read_csv(EXAMPLES / "data" / "brown.csv", keep_default_na=False)
    sentences = [
        list(zip(words.lower().split(), tags.split(), strict=True))[:50]
        for words, tags in zip(table["words"], table["base_tags"], strict=True)
    ]
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for row in np.concatenate([splits["train"].rows, splits["validation"].rows]):
        for word, tag in sentences[row]:
            seen[word][tag] += 1
    most = {word: tags.most_common(1)[0][0] for word, tags in seen.items()}
    judged = [pair for row in splits["test"].rows for pair in sentences[row]]
    baseline = np.mean([most.get(word, "nn") == tag for word, tag in judged])

    run = specc.run(path, out=tmp_path / "run")
    right = counted = 0
    for inputs, targets in splits["test"].batches(512):
        there = np.asarray(inputs["words"]) != 0
        told = np.argmax(run.model.predict_on_batch(inputs)["tags"], axis=-1)
        right += (told == np.asarray(targets["tags"]))[there].sum()
        counted += there.sum()
    print(f"right of {right / counted:.4f}; the most frequent tag of {baseline:.4f}")
    assert counted == len(judged)
    # What pads a sentence is in no figure.
    assert run.metrics["test"]["accuracy"] == pytest.approx(right / counted, abs=1e-4)
    assert right / counted >= max(0.93, baseline + 0.02)
