"""The order of an epoch: every example once, none too far from its place, and the same however it is cut."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from specc.backend.data import order
from specc.backend.data.order import in_order

KEY = tf.constant([3, 5], tf.int64)


def slices(examples, shuffle, size, key=KEY):
    ordered = tf.function(in_order(examples, shuffle, key), autograph=False)
    ends = [min(start + size, examples) for start in range(0, examples, size)]
    firsts = range(0, examples, size)
    parts = [ordered(tf.constant(a, tf.int64), tf.constant(b, tf.int64)) for a, b in zip(firsts, ends, strict=True)]
    return np.concatenate([part.numpy() for part in parts])


@pytest.mark.parametrize("shuffle", [1, 30, 5000])
@pytest.mark.parametrize("long", [False, True])
def test_examples_are_moved_by_no_more_than_is_asked_for(monkeypatch, shuffle, long):
    if long:
        monkeypatch.setattr(order, "FEW", 100)
    found = slices(10_000, shuffle, 1000)
    assert sorted(found.tolist()) == list(range(10_000))
    moved = found - np.arange(10_000)
    assert abs(moved).max() <= shuffle
    assert abs(moved).max() >= shuffle // 3
    assert (found == slices(10_000, shuffle, 3333)).all()
    assert shuffle == 1 or (found != slices(10_000, shuffle, 3333, KEY + 1)).any()


def test_an_order_of_many_examples_makes_no_list_of_them():
    examples = 10**12
    ordered = in_order(examples, 1000, KEY)
    for first in (0, 5 * 10**11, examples - 32):
        found = ordered(tf.constant(first, tf.int64), tf.constant(first + 32, tf.int64)).numpy()
        assert len(set(found.tolist())) == 32
        assert abs(found - np.arange(first, first + 32)).max() <= 1000
