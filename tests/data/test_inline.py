"""Batches gathered within the compiled loop are those that tf.data gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tensorflow as tf
from data_plans import data_plan, feature, reader

from specc.backend.data import open_data
from specc.backend.data import split as split_module
from specc.backend.data.cut import Cut
from specc.diagnostics import Log

EXAMPLES, BATCH = 53, 8  # of which 37 are trained on: an uneven last batch


@pytest.fixture
def split(tmp_path):
    """`split(cache)`: the training examples, which are some of the rows, with weights."""
    rows = np.arange(EXAMPLES)
    np.savez(tmp_path / "a.npz", x=rows.astype("float32"), y=rows % 3, seen=rows + 0.5)

    def made(cache="auto"):
        plan = data_plan(
            reader("npz", path=str(tmp_path / "a.npz")),
            {"x": feature("tensor", shape=[])},
            {"y": feature("category", classes=3)},
            cache=cache,
            validation=0.3,
        )
        return open_data(plan, Log()).splits["train"]

    return made


def taken(elements, count):
    return [[t.numpy() for t in tf.nest.flatten(element)] for element in itertools.islice(elements, count)]


@pytest.mark.parametrize("shuffle", [True, False, 5])
@pytest.mark.parametrize(("epoch", "step"), [(0, 0), (2, 3), (1, 4)])
def test_they_are_those_of_a_stream_in_every_epoch_and_from_every_step(split, shuffle, epoch, step):
    examples = split()
    where = {"seed": 9, "shuffle": shuffle, "epoch": epoch, "step": step}
    steps = examples.steps(BATCH)
    wanted = taken(examples.stream(BATCH, **where), 3 * steps)

    found = taken(examples.inline(BATCH, **where), 3 * steps)

    for one, other in zip(found, wanted, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    sizes = [len(one[0]) for one in found]
    assert min(sizes) == examples.examples % BATCH


def test_without_shuffling_a_pass_is_like_any_other(split):
    examples = split()
    wanted = taken(examples.batches(BATCH).repeat(), 12)
    for one, other in zip(taken(examples.inline(BATCH), 12), wanted, strict=True):
        np.testing.assert_array_equal(one[0], other[0])


@pytest.mark.parametrize("here", [range(3), range(1, 3)])
def test_parts_for_replicas_are_those_of_a_stream(split, here):
    examples, cut = split(), Cut(3, here)
    where = {"seed": 9, "shuffle": True, "epoch": 1, "step": 3}
    count = 2 * examples.steps(BATCH)

    found = taken(examples.inline(BATCH, **where, cut=cut), count)

    parts = taken(examples.stream(BATCH, **where, cut=cut), count * len(here))
    for batch, expected in zip(found, zip(*[iter(parts)] * len(here), strict=True), strict=True):
        for one, other in zip(batch, itertools.chain.from_iterable(expected), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_batch_with_fewer_examples_than_replicas_lends_some_to_who_has_none(split):
    examples = split()
    cut = Cut(4, range(4))
    for parts in (
        examples.inline(2, cut=cut).get_next(),
        [*itertools.islice(examples.stream(2, seed=0, shuffle=False, cut=cut), 4)],
    ):
        assert [(len(part[0]["x"]), int(part[-1])) for part in parts] == [(1, 0), (1, 1), (1, 0), (1, 1)]


def test_a_compiled_loop_takes_one_after_the_other(split):
    examples = split()
    inline, steps = examples.inline(BATCH, seed=1, shuffle=True), examples.steps(BATCH)

    @tf.function(autograph=False)
    def total(count):
        def body(i, seen):
            return i + 1, seen + tf.reduce_sum(inline.get_next()[0]["x"])

        return tf.while_loop(lambda i, _: i < count, body, (0, 0.0))[1]

    every = float(np.sum([element[0].sum() for element in taken(examples.batches(BATCH), steps)]))
    assert float(total(2) + total(steps - 2)) == every
    assert float(total(steps)) == every


def test_what_lies_on_disk_or_is_too_much_to_put_in_order_is_left_to_threads(split, monkeypatch):
    assert split("disk").inline(BATCH) is None
    monkeypatch.setattr(split_module, "FEW", 10)
    assert split().inline(BATCH) is None
