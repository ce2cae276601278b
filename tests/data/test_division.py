"""Splits: who goes where is a function of the seed and the position, the stratum or the group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from specc.data.division import divide

SEEDS = st.integers(-(2**63), 2**64)
FRACTIONS = st.tuples(st.floats(0.05, 0.45), st.floats(0.05, 0.45)).map(
    lambda pair: {"test": pair[0], "validation": pair[1]}
)


@given(st.integers(1, 300), FRACTIONS, SEEDS)
def test_every_row_is_in_one_split_and_sizes_are_the_fractions_rounded(rows, fractions, seed):
    parts = divide(rows, fractions, seed)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(rows))
    for name, fraction in fractions.items():
        assert abs(len(parts[name]) - rows * fraction) <= 0.5
    assert all((np.diff(part) > 0).all() for part in parts.values())


@given(st.integers(1, 100), FRACTIONS, SEEDS)
def test_the_same_seed_divides_the_same_way(rows, fractions, seed):
    once, again = divide(rows, fractions, seed), divide(rows, fractions, seed)
    assert all((once[name] == again[name]).all() for name in once)


def test_another_seed_divides_another_way():
    assert set(divide(1000, {"test": 0.2}, 1)["test"]) != set(divide(1000, {"test": 0.2}, 2)["test"])


def test_the_division_is_the_same_on_every_machine_and_for_ever():
    parts = divide(12, {"test": 0.25, "validation": 0.25}, 7)
    assert {name: part.tolist() for name, part in parts.items()} == {
        "train": [0, 3, 4, 5, 7, 8],
        "test": [1, 2, 6],
        "validation": [9, 10, 11],
    }


def test_rows_are_drawn_evenly_from_the_whole():
    drawn = np.zeros(20)
    for seed in range(2000):
        drawn[divide(20, {"test": 0.25}, seed)["test"]] += 1
    # 2000 draws of a quarter: 500 each, with a deviation of 19.
    assert abs(drawn - 500).max() < 5 * 19


@given(st.lists(st.integers(0, 4), min_size=20, max_size=300), FRACTIONS, SEEDS)
def test_strata_keep_their_proportions_to_rounding_and_a_row_for_training(strata, fractions, seed):
    strata = np.array(strata)
    parts = divide(len(strata), fractions, seed, strata=strata)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(strata)))
    for value in np.unique(strata):
        count = (strata == value).sum()
        assert (strata[parts["train"]] == value).any()
        for name, fraction in fractions.items():
            part = (strata[parts[name]] == value).sum()
            assert part <= count * fraction + 1
            room = count - 1 - sum((strata[parts[other]] == value).sum() for other in fractions if other != name)
            assert part >= min(np.floor(count * fraction), room)


@pytest.mark.parametrize("counts", [(50, 50), (70, 25, 5), (13, 17, 19, 23)])
def test_a_stratified_split_is_as_exact_as_that_of_scikit_learn(counts):
    strata = np.repeat(np.arange(len(counts)), counts)
    ours = divide(len(strata), {"test": 0.2}, 3, strata=strata)["test"]
    theirs = train_test_split(np.arange(len(strata)), test_size=len(ours), stratify=strata, random_state=0)[1]
    quota = np.array(counts) * 0.2
    assert len(ours) == round(sum(counts) * 0.2)
    assert abs(np.bincount(strata[ours]) - quota).max() <= abs(np.bincount(strata[theirs]) - quota).max()


def test_strata_may_be_texts():
    strata = np.array(["cat", "dog"] * 10, dtype=object)
    test = divide(20, {"test": 0.2}, 0, strata=strata)["test"]
    assert sorted(strata[test]) == ["cat", "cat", "dog", "dog"]


def test_a_class_with_one_example_is_trained_on():
    strata = np.array([0] * 50 + [1])
    for seed in range(50):
        assert 50 in divide(51, {"test": 0.4, "validation": 0.4}, seed, strata=strata)["train"]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=300), FRACTIONS, SEEDS)
def test_a_group_never_straddles_splits(groups, fractions, seed):
    groups = np.array(groups)
    parts = divide(len(groups), fractions, seed, groups=groups)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(groups)))
    owners = [set(groups[part]) for part in parts.values()]
    assert sum(map(len, owners)) == len(set(groups))


@given(SEEDS)
def test_many_small_groups_fill_the_splits_to_half_a_group(seed):
    groups = np.arange(1000) // 4
    parts = divide(1000, {"test": 0.2, "validation": 0.1}, seed, groups=groups)
    assert (abs(len(parts["test"]) - 200), abs(len(parts["validation"]) - 100)) <= (2, 2)


@given(st.permutations(range(40)), SEEDS)
def test_where_a_group_goes_does_not_depend_on_the_order_of_rows(order, seed):
    groups = np.arange(40) // 4
    before = divide(40, {"test": 0.3}, seed, groups=groups)["test"]
    after = divide(40, {"test": 0.3}, seed, groups=groups[list(order)])["test"]
    assert set(groups[before]) == set(groups[list(order)][after])
