"""Arrays that TensorFlow works on where they lie: `tf.constant` would copy them, and take three times their memory."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import tensorflow as tf

from specc.kinds.arrays import Array

ALIGNMENT = 64
"""Bytes. TensorFlow's kernels end the process when a tensor begins elsewhere than at a multiple of it."""


def empty(shape: tuple[int, ...], dtype: str) -> Array:
    """An array to be filled, which `tensor` can lend."""
    size = prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def tensor(array: Array) -> Any:
    """An array as a tensor of the CPU: the same memory, which must not be written to any more, or else a copy."""
    with tf.device("CPU:0"):
        if array.size and array.flags.c_contiguous and array.ctypes.data % ALIGNMENT == 0:
            return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
        return tf.convert_to_tensor(array)
