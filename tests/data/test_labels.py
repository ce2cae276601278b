"""Bins of numbers, several categories in one field, and vocabularies in files, judged by scikit-learn and Keras."""

from __future__ import annotations

import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from data_plans import ORIGIN, feature, learned
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import KBinsDiscretizer, MultiLabelBinarizer

import specc.backend  # noqa: F401  (TensorFlow, quietly)
from specc.diagnostics import Refusal


def objects(*values):
    made = np.empty(len(values), object)
    made[:] = values
    return made


def prepared(kind, column, rows=None):
    """What the network gets of a column, after learning from some of its rows, or from all."""
    values = kind.read(column, ORIGIN)
    state = json.loads(json.dumps(learned(kind, values if rows is None else values[rows])))
    values = kind.read(values, ORIGIN, state)
    tensor = kind.prepare(tf, tf.constant(values, kind.raw(state).dtype), state).numpy()
    assert tensor.dtype.name == kind.tensor(state).dtype
    assert tensor.shape == (len(values), *kind.tensor(state).shape[1:])
    assert (tensor.astype(kind.kept(state)) == tensor).all()
    assert tuple(kind.facts(state)["shape"]) == tensor.shape[1:]
    return tensor


# --- bins

# TensorFlow takes a number as small as 1e-39 for 0.
measurements = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=2, max_size=60)


@pytest.mark.filterwarnings("ignore:Bins whose width")
@settings(max_examples=60, deadline=None)
@given(measurements, st.integers(2, 6))
def test_bins_of_equal_share_are_those_of_scikit_learn(values, bins):
    column = np.array(values, np.float32)
    judge = KBinsDiscretizer(bins, encode="ordinal", strategy="quantile", quantile_method="linear", subsample=None)
    # It merges bins that are too narrow; here those without any width.
    edges = np.quantile(column.astype(np.float64), np.linspace(0, 1, bins + 1))
    assume((np.diff(edges) > 1e-7 * (1 + abs(edges[1:]))).all())
    # It counts in hundredths, which now and then puts a bound a rounding beside the value that it falls on.
    assume((np.percentile(column.astype(np.float64), np.linspace(0, 100, bins + 1)) == edges).all())
    expected = judge.fit_transform(column.astype(np.float64)[:, None])[:, 0]
    np.testing.assert_array_equal(prepared(feature("number", bins=bins), column), expected)


@settings(max_examples=60, deadline=None)
@given(measurements, st.lists(st.floats(-1e6, 1e6).map(lambda b: round(b, 4)), min_size=1, max_size=8, unique=True))
def test_bins_with_bounds_are_those_of_numpy_and_keras(values, bounds):
    bounds = sorted(bounds)
    assume(len({np.float32(b) for b in bounds}) == len(bounds))
    column = np.array(values, np.float32)
    ours = prepared(feature("number", bins=bounds), column)
    np.testing.assert_array_equal(ours, np.digitize(column.astype(np.float64), bounds))
    if all(float(np.float32(b)) == b for b in bounds):
        np.testing.assert_array_equal(ours, keras.layers.Discretization(bounds)(column))


def test_bins_know_how_many_they_are_and_what_each_holds():
    kind = feature("number", bins=[18, 65.5])
    assert kind.facts() == {"shape": [], "classes": 3, "vocabulary": ["below 18", "18 to 65.5", "65.5 and above"]}
    assert feature("number", bins=4).facts() == {"shape": [], "classes": 4}
    assert prepared(kind, np.array([17.9, 18, 65, 65.5])).tolist() == [0, 1, 1, 2]


def test_bins_of_few_values_stay_within_their_count():
    column = np.array([0.0, 0, 0, 1])
    assert prepared(feature("number", bins=4), column).tolist() == [0, 0, 0, 1]
    assert prepared(feature("number", bins=4), np.zeros(3)).tolist() == [0, 0, 0]


def test_a_missing_number_is_filled_before_it_is_binned():
    kind = feature("number", bins=[2], impute=3, clip=[0, 10])
    assert prepared(kind, np.array([math.nan, 1, 100])).tolist() == [1, 0, 1]


def test_a_missing_number_lies_in_no_bin_when_served():
    kind = feature("number", bins=[2])
    with pytest.raises(tf.errors.InvalidArgumentError, match="lies in no bin"):
        kind.prepare(tf, tf.constant([math.nan]), learned(kind, np.array([1.0], np.float32)))


# --- several values in one field

words = st.text(st.sampled_from("abcdé1 "), min_size=1, max_size=3).filter(lambda w: w == w.strip() and w)
sets = st.lists(st.lists(words, max_size=5), min_size=1, max_size=12).filter(any)


@settings(max_examples=60, deadline=None)
@given(sets)
def test_a_set_of_values_is_the_vector_of_scikit_learn_and_keras(values):
    judge = MultiLabelBinarizer()
    expected = judge.fit_transform(values)
    texts = objects(*(" ; ".join(v) for v in values))
    kind = feature("category", encode="multi_hot", vocabulary=list(judge.classes_), separator=";")
    np.testing.assert_array_equal(prepared(kind, texts), expected)
    np.testing.assert_array_equal(prepared(kind, objects(*values)), expected)
    lookup = keras.layers.StringLookup(vocabulary=list(judge.classes_), num_oov_indices=0)
    encoding = keras.layers.CategoryEncoding(len(judge.classes_), output_mode="multi_hot")
    for given_, row in zip(values, expected, strict=True):
        if given_:
            np.testing.assert_array_equal(encoding(lookup(tf.constant(given_))), row)


def test_a_set_learns_its_vocabulary_and_gives_unknown_values_their_own_place():
    kind = feature("category", encode="multi_hot", separator=",", oov=1)
    column = objects("b,a", "", "c", "a, zebra")
    assert prepared(kind, column, rows=slice(0, 3)).tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]


def test_a_set_of_numbers_takes_lists_and_arrays():
    kind = feature("category", encode="multi_hot", classes=4)
    expected = [[1, 0, 0, 1], [0, 1, 0, 0]]
    assert prepared(kind, objects([0, 3], [1])).tolist() == expected
    assert prepared(kind, objects(np.array([3, 0]), np.array([1]))).tolist() == expected
    assert prepared(kind, np.array([[0, 3], [1, 1]])).tolist() == expected
    assert (
        prepared(feature("category", encode="multi_hot", classes=4, separator=" "), objects("3 0", "1")).tolist()
        == expected
    )
    listed = feature("category", encode="multi_hot", vocabulary=[7, 9])
    assert prepared(listed, objects([9], [])).tolist() == [[0, 1], [0, 0]]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["DET", "NOUN", "VERB", "X"]), max_size=6), min_size=1, max_size=9).filter(any)
)
def test_a_sequence_counts_from_1_and_is_padded_with_0_as_keras_does(values):
    kind = feature("category", separator=" ", length=4)
    ours = prepared(kind, objects(*("  ".join(v) for v in values)))
    lookup = keras.layers.StringLookup(
        vocabulary=sorted({t for v in values for t in v}), num_oov_indices=0, mask_token=""
    )
    ragged = tf.ragged.constant(values, dtype=tf.string)
    np.testing.assert_array_equal(ours, lookup(ragged).to_tensor(shape=(None, 4)))


def test_a_sequence_says_how_many_numbers_it_may_hold():
    kind = feature("category", vocabulary=["B", "I"], length=5, oov=1)
    assert kind.facts() == {"classes": 4, "vocabulary": ["", "B", "I"], "shape": [5]}
    assert prepared(kind, objects(["I", "?", "B"], [])).tolist() == [[2, 3, 1, 0, 0], [0, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("properties", "argument"),
    [
        ({"separator": ","}, "separator"),
        ({"length": 3, "encode": "one_hot"}, "encode"),
        ({"length": 3, "encode": "multi_hot"}, "encode"),
    ],
)
def test_properties_that_contradict_one_another_are_refused(properties, argument):
    with pytest.raises(Refusal) as refusal:
        feature("category", **properties)
    assert (refusal.value.code.id, refusal.value.argument) == ("S105", argument)


@pytest.mark.parametrize(
    ("properties", "column", "code", "message"),
    [
        ({}, objects("a b", "c"), "S104", "several values are asked for, and nothing says what parts those"),
        ({}, objects(["a"], ["b|c"]), "S503", "a value in table.csv:3 is empty, or holds the separator `|`"),
        ({}, objects([""]), "S503", "a value in table.csv:2 is empty"),
        (
            {"separator": ",", "vocabulary": ["cat", "dog"]},
            objects("dog", "cat,cow"),
            "S504",
            "`cow` in table.csv:3 is not",
        ),
        ({"separator": ","}, objects("", " "), "S503", "the training rows hold no value"),
    ],
)
def test_values_that_cannot_be_taken_are_refused(properties, column, code, message):
    kind = feature("category", encode="multi_hot", **properties)
    with pytest.raises(Refusal) as refusal:
        learned(kind, kind.read(column, ORIGIN))
    assert refusal.value.code.id == code
    assert refusal.value.message.startswith(message)


# --- a vocabulary in a file


def test_the_values_of_a_category_may_lie_in_a_file(tmp_path):
    path = tmp_path / "animals.txt"
    path.write_text("dog\ncat\n")
    kind = feature("category", vocabulary=str(path))
    assert kind.facts() == {"shape": []}
    assert prepared(kind, objects("cat", "dog")).tolist() == [1, 0]
    with pytest.raises(Refusal) as refusal:
        kind.read(objects("cow"), ORIGIN)
    assert refusal.value.message == "`cow` in table.csv:2 is not in `vocabulary`"


def test_several_values_are_made_up_for_the_reader_random():
    generator = np.random.default_rng(0)
    for kind in (
        feature("category", classes=3, length=4),
        feature("category", vocabulary=["a", "b"], encode="multi_hot"),
    ):
        assert prepared(kind, kind.sample(generator, 6)).any()
