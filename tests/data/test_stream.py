"""Batches: every example once an epoch, in an order that is a function of the seed and the epoch only."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from data_plans import data_plan, feature, reader

from specc.backend.data import open_data
from specc.diagnostics import Log

EXAMPLES, BATCH = 23, 5
STEPS = 5  # the last of three examples


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Examples that are their own row numbers."""
    path = tmp_path_factory.mktemp("stream") / "a.npz"
    np.savez(path, row=np.arange(EXAMPLES, dtype=np.float32), even=np.arange(EXAMPLES) % 2 == 0)
    plan = data_plan(reader("npz", path=str(path)), {"row": feature("number")}, {"even": feature("binary")})
    return open_data(plan, Log()).splits["train"]


def rows(batches, count=None):
    """The row numbers of batches; and the targets are those of the same rows."""
    taken = []
    for inputs, targets in itertools.islice(batches, count):
        row = inputs["row"].numpy()[:, 0].astype(int)
        assert (targets["even"].numpy()[:, 0] == (row % 2 == 0)).all()
        taken.append(row.tolist())
    return taken


def flat(batches):
    return list(itertools.chain.from_iterable(batches))


def test_an_epoch_holds_every_example_once_and_ends_with_a_smaller_batch(split):
    assert split.steps(BATCH) == STEPS
    for shuffle in (True, False):
        taken = rows(split.stream(BATCH, seed=1, shuffle=shuffle), 3 * STEPS)
        for epoch in range(3):
            batches = taken[epoch * STEPS : (epoch + 1) * STEPS]
            assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
            assert sorted(flat(batches)) == list(range(EXAMPLES))


def test_every_epoch_has_an_order_of_its_own(split):
    taken = rows(split.stream(BATCH, seed=1, shuffle=True), 6 * STEPS)
    orders = {tuple(flat(taken[e * STEPS : (e + 1) * STEPS])) for e in range(6)}
    assert len(orders) == 6


def test_the_order_is_a_function_of_the_seed(split):
    once, again, other = (rows(split.stream(BATCH, seed=seed, shuffle=True), 2 * STEPS) for seed in (3, 3, 4))
    assert once == again != other


@pytest.mark.parametrize("seed", [-1, 2**63, 2**64 - 1, -(2**63)])
def test_any_integer_is_a_seed(split, seed):
    assert sorted(flat(rows(split.stream(BATCH, seed=seed, shuffle=True), STEPS))) == list(range(EXAMPLES))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("epoch", "step"), [(0, 0), (0, 2), (1, 0), (2, 4), (1, STEPS)])
def test_a_stream_can_begin_anywhere_as_if_it_had_come_there(split, shuffle, epoch, step):
    whole = rows(split.stream(BATCH, seed=1, shuffle=shuffle), 4 * STEPS)
    resumed = rows(split.stream(BATCH, seed=1, shuffle=shuffle, epoch=epoch, step=step), 3)
    at = epoch * STEPS + step
    assert resumed == whole[at : at + 3]


def test_the_order_of_examples_does_not_depend_on_the_batch_size(split):
    small, large = (flat(rows(split.stream(b, seed=1, shuffle=True), split.steps(b))) for b in (2, 9))
    assert small == large


def test_without_shuffling_examples_come_in_their_order(split):
    taken = rows(split.stream(BATCH, seed=1, shuffle=False), 2 * STEPS)
    assert flat(taken) == 2 * list(range(EXAMPLES))


def test_batches_give_every_example_once_in_order(split):
    assert flat(rows(split.batches(BATCH))) == list(range(EXAMPLES))
    assert [len(b) for b in rows(split.batches(100))] == [EXAMPLES]


def test_orders_are_drawn_evenly(split):
    """Where the first row comes to stand, over many epochs: anywhere, equally often."""
    epochs = 400
    taken = flat(rows(split.stream(EXAMPLES, seed=5, shuffle=True), epochs))
    places = np.array(taken).reshape(epochs, EXAMPLES).argmin(axis=1)
    expected = epochs / EXAMPLES
    chi_squared = ((np.bincount(places, minlength=EXAMPLES) - expected) ** 2 / expected).sum()
    assert chi_squared < 48.3  # exceeded once in a thousand by chance, at 22 degrees of freedom


def test_tensors_have_their_shapes_and_dtypes_and_only_the_batch_is_open(split):
    inputs, targets = split.stream(BATCH, seed=0, shuffle=True).element_spec
    assert (inputs["row"].shape.as_list(), inputs["row"].dtype.name) == ([None, 1], "float32")
    assert (targets["even"].shape.as_list(), targets["even"].dtype.name) == ([None, 1], "float32")
