"""Arrays of indices are held to what looks them up when they are read, as TensorFlow holds them to it on a CPU."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from specc import driver
from specc.diagnostics import Diagnostic, Log, Rejected
from specc.tree import Source

SPEC = """
specc: 1
dataset:
  source: {{npz: data.npz}}
  inputs: {{x: {{type: tensor, shape: [3], dtype: {dtype}}}}}
  targets: {{y: {{type: category, classes: 2}}}}
model:
  layers:
{layers}
    - GlobalAveragePooling1D
    - Dense: {{units: 2, activation: softmax}}
training: {{loss: sparse_categorical_crossentropy, optimizer: adam, epochs: 1}}
"""
EMBEDDING = "    - Embedding: {input_dim: 5, output_dim: 4}"


def looked_at(folder: Path, x: Any, layers: str = EMBEDDING, dtype: str = "int32", **sets: Any) -> list[Diagnostic]:
    """What `specc validate --data` reports of arrays."""
    np.savez(folder / "data.npz", x=x, y=np.arange(len(x)) % 2)
    log = Log()
    text = SPEC.format(layers=layers, dtype=dtype)
    source = Source(str(folder / "spec.yaml"), text, sets={name.replace("__", "."): v for name, v in sets.items()})
    with suppress(Rejected):
        driver.look_at_data(driver.check(source, log), log)
    return [found for found in log.sorted() if found.severity == "error"]


def refused(x: Any) -> bool:
    """Whether TensorFlow looks the indices up on a CPU."""
    try:
        with tf.device("CPU:0"):
            keras.layers.Embedding(5, 4)(tf.constant(x))
    except tf.errors.InvalidArgumentError:
        return True
    return False


VALUES: dict[str, list[float]] = {
    "float32": [-6, -5.5, -1, -0.5, 4.5, 5, 90],
    "int8": [-90, -6, -5, 0, 4, 5, 90],
    "uint8": [0, 4, 5, 200],
    "int64": [-6, -5, 4, 5],
}


@pytest.mark.parametrize(("dtype", "value"), [(dtype, value) for dtype, some in VALUES.items() for value in some])
def test_indices_are_refused_as_tensorflow_refuses_them(dtype: str, value: float, tmp_path: Path) -> None:
    x = np.ones((6, 3), dtype)
    x[4, 1] = value
    found = looked_at(tmp_path, x, dtype=dtype)
    assert bool(found) == refused(x)
    if found:
        assert found[0].code.id == "S504"
        assert "row 4 (column `x`)" in found[0].message
        assert "`input_dim: 5` is from 0 to 4" in found[0].message


def test_the_fewest_entries_count_and_rows_may_be_passed_over(tmp_path: Path) -> None:
    two = """\
    - Embedding: {input_dim: 9, output_dim: 4}
      name: wide
      inputs: x
    - Embedding: {input_dim: 7, output_dim: 4}
      name: narrow
      inputs: x
    - Add:
      inputs: [wide, narrow]"""
    x = np.full((40, 3), 6)
    assert not looked_at(tmp_path, x, two)
    x[[3, 5]] = 8
    (found,) = looked_at(tmp_path, x, two)
    assert "row 3 (column `x`) and 1 other row" in found.message
    assert "`input_dim: 7`" in found.message
    assert not looked_at(tmp_path, x, two, dataset__on_error="skip")


def test_entries_may_be_more_than_the_dtype_can_count(tmp_path: Path) -> None:
    assert not looked_at(
        tmp_path, np.full((6, 3), -90, "int8"), "    - Embedding: {input_dim: 1000, output_dim: 4}", "int8"
    )


def test_what_is_changed_on_the_way_is_not_held_to_it(tmp_path: Path) -> None:
    layers = f"    - ops.mod: {{x2: 5}}\n{EMBEDDING}"
    assert not looked_at(tmp_path, np.full((6, 3), 90), layers)
