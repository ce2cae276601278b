"""Features: the arithmetic of scikit-learn and pandas, learnt from plain arrays, done by TensorFlow."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from data_plans import ORIGIN, feature, learned
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

import specc.backend  # noqa: F401  (TensorFlow, quietly)
from specc.diagnostics import Refusal
from specc.kinds import words
from specc.kinds.features._columns import BLANKS


def prepared(kind, column, rows=None):
    """What the network gets of a column, after learning from some of its rows, or from all."""
    values = kind.read(np.asarray(column), ORIGIN)
    state = json.loads(json.dumps(learned(kind, values if rows is None else values[rows])))
    values = kind.read(values, ORIGIN, state)
    raw = kind.raw(state)
    tensor = kind.prepare(tf, tf.constant(values, raw.dtype), state).numpy()
    expected = kind.tensor(state)
    assert tensor.dtype.name == expected.dtype
    assert tensor.shape == (len(values), *expected.shape[1:])
    assert (tensor.astype(kind.kept(state)).astype(tensor.dtype) == tensor).all() or np.isnan(tensor).any()
    assert tuple(kind.facts(state)["shape"]) == tensor.shape[1:]
    return tensor


def refused(kind, column):
    """Code, message and help of a column that a feature will not read, or not learn from."""
    with pytest.raises(Refusal) as refusal:
        learned(kind, kind.read(np.asarray(column), ORIGIN))
    return refusal.value.code.id, refusal.value.message, refusal.value.help


def objects(*values):
    return np.array(values, dtype=object)


def test_every_feature_of_the_first_issue_is_there():
    assert set(words("features")) >= {"binary", "category", "image", "number", "tensor"}


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (feature("number", impute="mean", scale="standard", clip=[0, 5]), objects("1", "", "7")),
        (feature("category", oov=2), objects("b", "a", "ü", "")),
        (feature("category", vocabulary=[5, 3], encode="one_hot"), np.array([3, 5, 3])),
        (feature("category", classes=4), np.array([3, 0, 3])),
        (feature("binary"), objects("Yes", "no")),
        (feature("binary", positive=3), np.array([3, 2])),
        (feature("image", size=[4, 4], resize="crop"), np.arange(96, dtype=np.uint8).reshape(2, 8, 6)),
        (feature("tensor", shape=[2]), np.ones((3, 2))),
        (feature("number", bins=2, impute="median"), objects("1", "", "7")),
        (feature("category", encode="multi_hot", separator=",", oov=1), objects("b, a", "", "ü,ü")),
        (feature("category", length=3, separator=" "), objects("b a  c d", "ü")),
        (feature("text", length=3, ngrams=2), objects("The film, again!", "", "ÄÖ\u00a0ü  x")),
        (feature("text", split="character", standardize="none"), objects("añ 😀", "x")),
        (feature("datetime", parts=["year", "weekday", "hour_sin"]), objects("2024-02-29", "1999-12-31T23:59Z")),
        (feature("image", classes=3, size=[2, 2]), np.arange(32).reshape(2, 4, 4) % 3),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, np.ndarray) else "",
)
def test_what_is_saved_and_served_does_what_training_did(kind, column, tmp_path):
    values = kind.read(column, ORIGIN)
    state = learned(kind, values)
    raw = kind.raw(state)
    module = tf.Module()
    module.prepare = tf.function(
        lambda batch: kind.prepare(tf, batch, state), input_signature=[tf.TensorSpec(raw.shape, raw.dtype)]
    )
    tf.saved_model.save(module, str(tmp_path))
    served = tf.saved_model.load(str(tmp_path)).prepare(tf.constant(values, raw.dtype))
    np.testing.assert_array_equal(served, kind.prepare(tf, tf.constant(values, raw.dtype), state))


# --- number

measurements = st.lists(st.floats(-1000, 1000, width=32) | st.just(math.nan), min_size=2, max_size=40).filter(
    lambda values: sum(not math.isnan(v) for v in values) >= 1
)


@settings(max_examples=40, deadline=None)
@given(measurements, st.sampled_from(["mean", "median", 3.5]), st.sampled_from(["standard", "minmax", "none"]))
def test_number_imputes_and_scales_as_scikit_learn_does(values, impute, scale):
    column = np.array(values, np.float32)
    how = {"strategy": impute} if isinstance(impute, str) else {"strategy": "constant", "fill_value": impute}
    expected = SimpleImputer(**how).fit_transform(column.astype(np.float64)[:, None])
    if scale != "none":
        expected = {"standard": StandardScaler, "minmax": MinMaxScaler}[scale]().fit_transform(expected)
    # Where the deviation is tiny beside the mean, float32 cannot hold the difference that it is divided by.
    tolerance = 1e-5 + 1e-6 * abs(column[~np.isnan(column)]).max() / max(np.nanstd(column), 1e-6)
    if scale == "none" or np.nanstd(column) > 1e-3 or not np.ptp(expected):
        ours = prepared(feature("number", impute=impute, scale=scale), column)
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=tolerance)


def test_number_cuts_to_its_bounds_before_it_learns():
    column = [-100.0, 1.0, 2.0, 3.0, 100.0]
    ours = prepared(feature("number", clip=[0, 4], scale="standard"), column)
    np.testing.assert_allclose(ours, StandardScaler().fit_transform(np.clip(column, 0, 4)[:, None]), rtol=1e-6)


def test_number_imputes_what_it_cut():
    assert prepared(feature("number", clip=[0, 1], impute="mean"), [5.0, math.nan]).tolist() == [[1], [1]]


def test_number_reads_texts_integers_booleans_and_what_json_gives():
    expected = [[1.0], [2.0], [0.5]]
    kind = feature("number", impute=0)
    assert prepared(kind, objects("1", "2.0", "5e-1")).tolist() == expected
    assert prepared(kind, np.array(["1", "2", "0.5"])).tolist() == expected
    assert prepared(kind, np.array([b"1", b"2", b".5"])).tolist() == expected
    assert prepared(kind, objects(1, 2, 0.5)).tolist() == expected
    assert prepared(kind, objects(1, None, "3")).tolist() == [[1], [0], [3]]
    assert prepared(kind, np.array([[1], [2]])).tolist() == [[1], [2]]
    assert prepared(kind, [True, False]).tolist() == [[1], [0]]


def test_number_that_never_changes_becomes_zero():
    for scale in ("standard", "minmax"):
        assert prepared(feature("number", scale=scale), np.full(3, 0.1)).tolist() == [[0], [0], [0]]


def test_number_goes_back_to_the_units_of_the_data():
    column = np.array([3.0, 5.0, 10.0], np.float32)
    for scale in ("standard", "minmax", "none"):
        kind = feature("number", scale=scale)
        state = learned(kind, kind.read(column, ORIGIN))
        there = kind.prepare(tf, tf.constant(column), state)
        np.testing.assert_allclose(kind.restore(tf, there, state).numpy()[:, 0], column, rtol=1e-6)


@pytest.mark.parametrize(
    ("properties", "column", "message", "remedy"),
    [
        ({}, objects("1", "two", "3", "x"), "`two` in table.csv:3 and 1 other row is not a number", "`missing`"),
        ({}, objects("1_000"), "`1_000` in table.csv:2 is not a number", "`type: category`"),
        ({}, objects("1", "", ""), "the value in table.csv:3 and 1 other row is missing", "`impute: median`"),
        ({}, [1.0, math.nan], "the value in table.csv:3 is missing", "`impute: median`"),
        ({}, [1.0, math.inf], "the number in table.csv:3 is infinite", ""),
        ({}, objects("1e999"), "the number in table.csv:2 is infinite", ""),
        ({}, [1e300], "the number in table.csv:2 is beyond float32", ""),
        (
            {"impute": "mean"},
            objects("", ""),
            "every training row lacks this value",
            "",
        ),
        ({}, np.zeros((3, 8, 8)), "an example of this column is an array of shape (8, 8)", "`type: image`"),
        ({}, np.zeros(3, complex), "`number` cannot read values of the NumPy dtype complex128", ""),
    ],
)
def test_number_says_which_row_it_cannot_read(properties, column, message, remedy):
    code, told, help = refused(feature("number", **properties), column)
    assert code == "S503"
    assert told.startswith(message)
    assert remedy in help


def test_number_with_bounds_in_the_wrong_order_is_refused():
    with pytest.raises(Refusal) as refusal:
        feature("number", clip=[1, 0])
    assert (refusal.value.code.id, refusal.value.argument) == ("S105", "clip")


# --- category

some_texts = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=1, max_size=50
)


@settings(max_examples=40, deadline=None)
@given(some_texts.filter(lambda values: not all(not v.strip(BLANKS).strip("0123456789") for v in values)))
def test_category_numbers_texts_as_scikit_learn_does(values):
    column = objects(*values)
    bare = objects(*(value.strip(BLANKS) for value in values))[:, None]
    expected = OrdinalEncoder().fit_transform(bare)[:, 0]
    assert prepared(feature("category"), column).tolist() == expected.tolist()
    vectors = OneHotEncoder(sparse_output=False).fit_transform(bare)
    assert prepared(feature("category", encode="one_hot"), column).tolist() == vectors.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50))
def test_category_numbers_integers_as_pandas_does(values):
    column = np.array(values, np.int64)
    assert prepared(feature("category"), column).tolist() == pd.factorize(column, sort=True)[0].tolist()


def test_category_sorts_texts_that_are_whole_numbers_as_numbers():
    kind = feature("category")
    assert learned(kind, kind.read(objects("10", "9", "", "-1"), ORIGIN))["vocabulary"] == ["", "-1", "9", "10"]


def test_category_with_classes_takes_the_values_as_indices():
    kind = feature("category", classes=3)
    for column in (np.array([2, 0, 1], np.uint8), np.array([2.0, 0.0, 1.0]), objects("2", "0", "1.0")):
        assert prepared(kind, column).tolist() == [2, 0, 1]
    assert kind.facts() == {"classes": 3, "shape": []}


def test_category_with_a_list_takes_its_order_and_its_kind():
    assert prepared(feature("category", vocabulary=["lo", "hi"]), objects("hi", "lo")).tolist() == [1, 0]
    assert prepared(feature("category", vocabulary=[7, 3]), objects("3", "7")).tolist() == [1, 0]
    assert prepared(feature("category", vocabulary=["7", "3"]), np.array([3, 7])).tolist() == [1, 0]
    assert feature("category", vocabulary=["lo", "hi"]).facts() == {
        "classes": 2,
        "vocabulary": ["lo", "hi"],
        "shape": [],
    }


def test_category_gives_unknown_values_the_indices_after_the_vocabulary():
    kind = feature("category", oov=1)
    column = objects("a", "b", "a", "zebra", "")
    assert prepared(kind, column, rows=slice(0, 3)).tolist() == [0, 1, 0, 2, 2]
    vectors = prepared(feature("category", oov=1, encode="one_hot"), column, rows=slice(0, 3))
    assert vectors.tolist() == np.eye(3)[[0, 1, 0, 2, 2]].tolist()
    assert prepared(feature("category", classes=2, oov=1), [0, 1, 2, -5]).tolist() == [0, 1, 2, 2]


def test_category_spreads_unknown_values_over_several_indices():
    column = objects("known", *(f"unknown {i}" for i in range(200)))
    for kind, some in ((feature("category", oov=4), column), (feature("category", oov=4), np.arange(201))):
        spread = prepared(kind, some, rows=slice(0, 1))
        assert set(spread[1:]) == {1, 2, 3, 4}


def test_category_keeps_the_most_frequent_values_in_their_order():
    column = objects(*"cccbbaaaad")
    kind = feature("category", max_vocabulary=2, oov=1)
    assert learned(kind, kind.read(column, ORIGIN))["vocabulary"] == ["a", "c"]
    assert prepared(kind, column).tolist() == [1, 1, 1, 2, 2, 0, 0, 0, 0, 2]


def test_category_breaks_ties_of_frequency_in_the_order_of_values():
    kind = feature("category", max_vocabulary=2, oov=1)
    assert learned(kind, objects(*"dcba"))["vocabulary"] == ["a", "b"]


def test_category_takes_a_number_from_json_for_a_text_that_was_learnt():
    kind = feature("category")
    state = learned(kind, kind.read(objects("1", "2", "3"), ORIGIN))
    assert kind.read(np.array([3, 1]), ORIGIN, state).tolist() == ["3", "1"]
    assert kind.read(objects(3, 1), ORIGIN, state).tolist() == ["3", "1"]


def test_category_takes_a_text_from_csv_for_a_number_that_was_learnt():
    kind = feature("category")
    state = learned(kind, kind.read(np.array([4, 5]), ORIGIN))
    assert kind.read(objects("5", "4"), ORIGIN, state).tolist() == [5, 4]


def test_category_refuses_when_served_what_it_was_not_trained_on():
    for kind, column, other in (
        (feature("category"), objects("a"), tf.constant(["b"])),
        (feature("category"), np.array([1]), tf.constant([2], tf.int64)),
        (feature("category", classes=3), np.array([1]), tf.constant([3], tf.int64)),
    ):
        state = learned(kind, kind.read(column, ORIGIN))
        with pytest.raises(tf.errors.InvalidArgumentError, match="was not trained on"):
            tf.function(lambda batch, kind=kind, state=state: kind.prepare(tf, batch, state))(other)


@pytest.mark.parametrize(
    ("properties", "column", "code", "message", "remedy"),
    [
        ({"classes": 3}, [0, 3, 7], "S504", "3 in table.csv:3 and 1 other row is outside 0…2", "`classes: 8`"),
        ({"classes": 3}, [1, 2, 3], "S504", "3 in table.csv:4 is outside 0…2", "count from 1"),
        ({"classes": 3}, [-1, 1], "S504", "-1 in table.csv:2 is outside 0…2", "`vocabulary: auto`"),
        ({"classes": 3}, objects("cat"), "S503", "`cat` in table.csv:2 is not a number", ""),
        ({"classes": 3}, objects("1", ""), "S503", "the value in table.csv:3 is missing", ""),
        ({"classes": 3}, [0.5], "S503", "0.5 in table.csv:2 is not a whole number", "`type: number`"),
        ({}, [1e300], "S503", "1e+300 in table.csv:2 is not a whole number", ""),
        (
            {"vocabulary": ["cat", "dog"]},
            objects("cat", "dgo"),
            "S504",
            "`dgo` in table.csv:3 is not in `vocabulary`",
            "`dog`",
        ),
        ({"vocabulary": ["cat", "dog"]}, objects("cat", ""), "S503", "the value in table.csv:3 is missing", "`oov: 1`"),
        (
            {"vocabulary": "auto", "classes": 2},
            objects(*"abc"),
            "S504",
            "the training rows hold 3 different values",
            "`classes: 3`",
        ),
        ({}, np.array([b"\xff"]), "S503", "the bytes of this column are not UTF-8 text", ""),
    ],
)
def test_category_says_which_row_it_cannot_take(properties, column, code, message, remedy):
    told = refused(feature("category", **properties), column)
    assert told[0] == code
    assert told[1].startswith(message)
    assert remedy in told[2]


def test_category_says_which_row_holds_what_training_has_not_seen():
    kind = feature("category")
    values = kind.read(objects("cat", "dog", "cow"), ORIGIN)
    with pytest.raises(Refusal) as refusal:
        kind.read(values, ORIGIN, learned(kind, values[:2]))
    assert refusal.value.code.id == "S504"
    assert refusal.value.message == "`cow` in table.csv:4 was not in the training rows"


@pytest.mark.parametrize(
    ("properties", "argument"),
    [
        ({"vocabulary": ["a", 1]}, "vocabulary"),
        ({"vocabulary": ["a", "b"], "classes": 3}, "classes"),
        ({"vocabulary": ["a"], "max_vocabulary": 3}, "max_vocabulary"),
        ({"classes": 3, "max_vocabulary": 3}, "max_vocabulary"),
        ({"max_vocabulary": 3}, "max_vocabulary"),
    ],
)
def test_category_whose_properties_contradict_one_another_is_refused(properties, argument):
    with pytest.raises(Refusal) as refusal:
        feature("category", **properties)
    assert (refusal.value.code.id, refusal.value.argument) == ("S105", argument)


# --- binary


@pytest.mark.parametrize(
    ("properties", "column"),
    [
        ({}, objects("Yes", "no", "TRUE", "0")),
        ({}, [1, 0, 1, 0]),
        ({}, [True, False, True, False]),
        ({}, [1.0, 0.0, 1.0, 0.0]),
        ({"positive": "ill"}, objects("ill", "well", "ill", "dead")),
        ({"positive": 4}, [4, 2, 4, 3]),
        ({"positive": 4}, objects("4", "2", "4", "3")),
        ({"positive": "4"}, [4, 2, 4, 3]),
        ({"positive": 0}, [0, 1, 0, 2]),
        ({"positive": False}, objects("false", "true", "false", "true")),
    ],
)
def test_binary_is_one_for_yes_and_zero_for_no(properties, column):
    assert prepared(feature("binary", **properties), column).tolist() == [[1], [0], [1], [0]]


@pytest.mark.parametrize(
    ("properties", "column", "message", "remedy"),
    [
        ({}, objects("1", "maybe"), "`maybe` in table.csv:3 is neither 0 nor 1", "`positive: maybe`"),
        ({}, [0, 1, 2], "`2` in table.csv:4 is neither", "`positive: 2`"),
        ({}, objects("1", ""), "the value in table.csv:3 is missing", ""),
        ({"positive": 1}, [1, math.nan], "the value in table.csv:3 is missing", ""),
        (
            {"positive": "malignent"},
            objects("malignant", "benign"),
            "no training row has the value `malignent`",
            "malignant",
        ),
        ({"positive": 3}, [1, 2], "no training row has the value `3`", "the values are `1`, `2`"),
    ],
)
def test_binary_says_which_row_it_cannot_take(properties, column, message, remedy):
    code, told, help = refused(feature("binary", **properties), column)
    assert code == "S503"
    assert told.startswith(message)
    assert remedy in help


def test_binary_takes_the_other_kind_of_column_once_it_has_learnt():
    kind = feature("binary")
    words, figures = (
        learned(kind, kind.read(objects("1", "0"), ORIGIN)),
        learned(kind, kind.read(np.array([1, 0]), ORIGIN)),
    )
    assert kind.read(np.array([1, 0]), ORIGIN, words).tolist() == ["1", "0"]
    assert kind.read(objects("1", "0"), ORIGIN, figures).tolist() == [1, 0]


# --- tensor


@pytest.mark.parametrize(
    ("properties", "column"),
    [
        ({}, np.arange(6, dtype=np.float32).reshape(3, 2)),
        ({"shape": [2], "dtype": "int32"}, np.arange(6).reshape(3, 2)),
        ({"dtype": "uint8"}, np.arange(6.0).reshape(3, 2)),
        ({"dtype": "bool"}, np.array([0, 1, 1])),
        ({"shape": []}, np.arange(3.0)),
        ({"shape": [1]}, np.arange(3)),
        ({"shape": []}, np.arange(3).reshape(3, 1)),
        ({"dtype": "float64"}, np.arange(3)),
        ({"dtype": "int64"}, objects("1", "2", "3")),
    ],
)
def test_tensor_is_as_given(properties, column):
    ours = prepared(feature("tensor", **properties), column)
    np.testing.assert_array_equal(ours.ravel().astype(float), np.ravel(column).astype(float))


@pytest.mark.parametrize(
    ("properties", "column", "code", "message", "remedy"),
    [
        (
            {"shape": [3]},
            np.zeros((2, 4)),
            "S503",
            "an example of this column has shape [4], and [3] is declared",
            "`shape: [4]`",
        ),
        ({}, np.array([[1.0], [math.nan]]), "S503", "table.csv:3 holds NaN or an infinity", ""),
        (
            {"dtype": "uint8"},
            np.array([[1], [256]]),
            "S504",
            "table.csv:3 holds values that uint8 cannot",
            "`dtype: int64`",
        ),
        ({"dtype": "uint8"}, np.array([[1], [-1]]), "S504", "table.csv:3 holds values that uint8 cannot", ""),
        ({"dtype": "uint64"}, np.array([-1]), "S504", "table.csv:2 holds values that uint64 cannot", ""),
        ({"dtype": "int32"}, np.array([1.5]), "S504", "table.csv:2 holds values that int32 cannot", "`dtype: float32`"),
        ({"dtype": "float16"}, np.array([1e6]), "S504", "table.csv:2 holds values that float16 cannot", ""),
        ({}, objects("x"), "S503", "`x` in table.csv:2 is not a number", ""),
    ],
)
def test_tensor_says_which_row_it_cannot_take(properties, column, code, message, remedy):
    told = refused(feature("tensor", **properties), column)
    assert told[0] == code
    assert told[1].startswith(message)
    assert remedy in told[2]
