"""Arrays that TensorFlow works on where they lie."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import tensorflow as tf

from specc.backend.data import lent


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64", "float32", "float64", "bool"])
def test_a_tensor_is_the_array(dtype):
    array = lent.empty((5, 3), dtype)
    array[:] = np.arange(15).reshape(5, 3) % 2
    tensor = lent.tensor(array)
    assert (tensor.dtype.name, tensor.shape) == (dtype, (5, 3))
    array[4, 2] = 1
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_its_memory_stays_as_long_as_the_tensor():
    array = lent.empty((1000, 7), "float32")
    array[:] = expected = np.random.default_rng(0).random((1000, 7), "float32")
    tensor = lent.tensor(array)
    del array
    gc.collect()
    others = [np.full((1000, 7), -1, "float32") for _ in range(50)]
    np.testing.assert_array_equal(tf.function(lambda: tf.gather(tensor, tf.range(1000)))(), expected)
    assert len(others) == 50


def test_what_begins_elsewhere_is_copied():
    whole = lent.empty((100,), "uint8")
    whole[:] = 3
    for start in (0, 4, 16):
        part = whole[start : start + 50]
        assert int(tf.reduce_sum(tf.cast(lent.tensor(part), tf.int32))) == 150
    assert int(tf.reduce_sum(tf.cast(lent.tensor(whole[::2]), tf.int32))) == 150


@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_nothing_is_lent_as_well(shape):
    assert lent.tensor(lent.empty(shape, "float32")).shape == shape
