"""The arithmetic of a network: Keras's dtype policy, for as long as its layers are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Give layers that are made inside, and models around them, this dtype policy; afterwards it is what it was.

    Keras keeps one policy for a whole process. What is no layer does not ask for it: losses, metrics and the functions
    of `keras.ops` stay with `floatx`, which is float32.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
