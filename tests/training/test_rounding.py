"""Weights in bfloat16 go where float32 would take them, by every optimizer of Keras's, in the mean."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.kernels import get_registered_kernels_for_op

from specc import catalog
from specc.backend.rounding import rounded
from specc.backend.run import run
from specc.diagnostics import Log
from tests.training.conftest import BLOBS, Write, blobs, planned

ROOT = Path(__file__).parents[2]
ULP = 2.0**-7
"""What lies between 1 and the next number of bfloat16."""


def trained(optimizer: Any, value: Any, gradients: Sequence[Any], dtype: str, seed: int = 3) -> Any:
    """A weight after a step with each gradient."""
    variable = keras.Variable(value, dtype=dtype)
    if dtype == "bfloat16":
        rounded(optimizer, seed)
    optimizer.build([variable])

    @tf.function(autograph=False)
    def step(gradient: Any) -> None:
        optimizer.apply([gradient], [variable])

    for gradient in gradients:
        step(gradient if isinstance(gradient, tf.IndexedSlices) else tf.constant(gradient, dtype))
    optimizer.finalize_variable_values([variable])
    return variable


def as_float(variable: Any) -> Any:
    return tf.cast(variable.value, tf.float32).numpy()


@pytest.mark.parametrize("shape", [(), (60_000,), (300, 200), (20, 30, 100)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_becomes_a_neighbour_the_more_often_the_nearer_it_is(shape: tuple[int, ...], sign: int) -> None:
    ones = np.full(shape, sign, "float32")

    # The step leads from 1 by 0.3 of the way to the next number.
    found = as_float(trained(keras.optimizers.SGD(1.0), ones, [-0.296875 * ULP * ones], "bfloat16"))

    assert found.shape == shape
    assert {*np.unique(found)} <= {sign * 1.0, sign * (1 + ULP)}
    if shape:
        share = np.mean(found == sign * (1 + ULP))
        # Five deviations of a share of so many draws, of which two never hang together.
        assert abs(share - 0.296875) < 5 * np.sqrt(0.297 * 0.703 / found.size)


def test_what_bfloat16_can_hold_is_held_as_it_is() -> None:
    values = tf.cast(tf.random.stateless_normal([1000, 7], [1, 2]), tf.bfloat16)
    found = trained(keras.optimizers.SGD(1.0), values, [np.zeros((1000, 7), "float32")] * 3, "bfloat16")
    np.testing.assert_array_equal(as_float(found), tf.cast(values, tf.float32).numpy())


def test_the_draw_is_a_function_of_seed_variable_and_step() -> None:
    ones = np.ones((50, 40), "float32")
    step = -0.3 * ULP * ones
    first, again, other = (
        as_float(trained(keras.optimizers.SGD(1.0), ones, [step], "bfloat16", seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert 0.3 < np.mean(first != other) < 0.54  # 2 · 0.3 · 0.7
    # Draws of each step anew: after many, all have gone as far, but for a deviation.
    many = as_float(trained(keras.optimizers.SGD(1.0), ones, [step / 10] * 300, "bfloat16"))
    assert abs(many.mean() - (1 + 9 * ULP)) < 0.5 * ULP
    assert many.std() < 5 * ULP


ARGUMENTS: dict[str, dict[str, Any]] = {
    "Adadelta": {"learning_rate": 1.0, "epsilon": 1e-3},
    "AdamW": {"weight_decay": 0.1},
    "Lion": {"learning_rate": 1e-3},
    "RMSprop": {"centered": True, "momentum": 0.9},
    "SGD": {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True},
}
CASES = [
    *((name, ARGUMENTS.get(name, {})) for name in catalog.names("optimizers") if name not in ("LossScaleOptimizer",)),
    ("SGD", {"learning_rate": 0.01}),
    ("Adam", {"amsgrad": True, "global_clipnorm": 1.0}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.9}),
    ("SGD", {"learning_rate": 0.01, "gradient_accumulation_steps": 4}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=[f"{name}-{'-'.join(given)}" for name, given in CASES])
def test_every_optimizer_goes_as_far_as_in_float32(name: str, arguments: dict[str, Any]) -> None:
    generator = np.random.default_rng(0)
    start = np.asarray(tf.cast(tf.cast(generator.normal(size=(200, 150)), tf.bfloat16), tf.float32))
    # One direction, and noise around it, as gradients have; numbers that bfloat16 has too.
    way = generator.normal(size=start.shape)
    gradients = [
        tf.cast(tf.cast(way + generator.normal(size=start.shape), tf.bfloat16), tf.float32).numpy() for _ in range(60)
    ]
    kind = getattr(keras.optimizers, name)

    if name == "ScheduleFreeAdamW":
        wanted = schedule_free(start, gradients) - start
    else:
        wanted = as_float(trained(kind(**arguments), start, gradients, "float32")) - start
    found = as_float(trained(kind(**arguments), start, gradients, "bfloat16")) - start

    # How far along the way of float32: what rounding does to one weight, it undoes to another.
    assert np.vdot(found, wanted) / np.vdot(wanted, wanted) == pytest.approx(1, abs=0.02)
    # And no further up than down, but for a deviation of as many draws as there are weights.
    left = found - wanted
    assert abs(left.mean()) < 5 * left.std() / np.sqrt(left.size)


def schedule_free(y: Any, gradients: Sequence[Any], rate: float = 0.0025, b1: float = 0.9, b2: float = 0.999) -> Any:
    """AdamW without a schedule (Defazio et al., 2024), in NumPy.

    Keras means to do this, but on TensorFlow, in float32, what it calls the old `z` is read when it is already the new.
    """
    z, v = y, np.zeros_like(y)
    for t, gradient in enumerate(gradients, 1):
        v = v + (1 - b2) * (gradient**2 - v)
        x = (y - (1 - b1) * z) / b1
        z = z - rate * gradient / (np.sqrt(v / (1 - b2**t)) + 1e-8)
        x = x + (z - x) / t
        y = (1 - b1) * z + b1 * x
    return y


def test_rows_of_an_embedding_are_trained_and_the_others_left() -> None:
    start = np.ones((100, 8), "float32")
    rows = tf.IndexedSlices(
        tf.fill([6, 8], tf.constant(0.1 * ULP, tf.bfloat16)), tf.constant([3, 3, 3, 5, 90, 90]), tf.constant([100, 8])
    )
    found = as_float(trained(keras.optimizers.SGD(1.0), start, [rows] * 20, "bfloat16"))
    moved = (found.mean(axis=1) - 1) / ULP
    assert np.flatnonzero(moved).tolist() == [3, 5, 90]
    np.testing.assert_allclose(moved[[3, 5, 90]], [-6, -2, -4], atol=1.5)


def test_what_is_not_finite_does_not_become_a_number() -> None:
    start = np.ones(4, "float32")
    # As a GPU writes NaN: with every bit of it set.
    full = np.array([0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000, 0x3F800000], np.uint32).view("float32")
    for optimizer in (keras.optimizers.SGD(1.0), keras.optimizers.Adam()):
        rounded(optimizer, 3)
        variable = keras.Variable(start, dtype="bfloat16")
        optimizer.build([variable])
        optimizer.apply([tf.constant(full)], [variable])
        assert np.isnan(as_float(variable)).tolist() == [True, True, True, False]


def test_variables_of_other_dtypes_are_trained_as_ever() -> None:
    generator = np.random.default_rng(0)
    start, gradient = generator.normal(size=(2, 5, 6)).astype("float32")
    plain, mixed = keras.optimizers.AdamW(0.01), rounded(keras.optimizers.AdamW(0.01), 3)
    alone, beside = (keras.Variable(start) for _ in range(2))
    half = keras.Variable(start, dtype="bfloat16")
    plain.build([alone])
    mixed.build([half, beside])
    for _ in range(5):
        plain.apply([tf.constant(gradient)], [alone])
        mixed.apply([tf.cast(gradient, tf.bfloat16), tf.constant(gradient)], [half, beside])
    np.testing.assert_array_equal(beside.numpy(), alone.numpy())


def has_kernel(operation: Any, device: str) -> bool:
    """Whether TensorFlow, as it is installed, has a kernel for an operation of a graph on a kind of device."""
    return any(
        kernel.device_type == device
        and all(
            operation.node_def.attr[limit.name].type in limit.allowed_values.list.type for limit in kernel.constraint
        )
        for kernel in get_registered_kernels_for_op(operation.type).kernel
    )


def test_a_gpu_has_a_kernel_for_all_of_it() -> None:
    if not any(kernel.device_type == "GPU" for kernel in get_registered_kernels_for_op("MatMul").kernel):
        pytest.skip("this TensorFlow was built without GPUs")
    optimizer, variable = rounded(keras.optimizers.Adam(), 3), keras.Variable(np.ones((4, 5)), dtype="bfloat16")
    optimizer.build([variable])
    step = tf.function(lambda: optimizer.apply([tf.ones((4, 5), tf.bfloat16)], [variable]), autograph=False)
    made = step.get_concrete_function().graph.get_operations()
    assert len(made) > 100
    lacking = {operation.type for operation in made if not has_kernel(operation, "GPU")}
    # Variables and constants, which are where they are wanted, and names for what there is.
    assert lacking <= {"Placeholder", "ReadVariableOp", "Const", "IdentityN"}


WITHOUT = """
import sys
sys.modules["specc"] = None
import keras
model = keras.saving.load_model(sys.argv[1])
print(type(model.optimizer).__module__, type(model.optimizer).__name__, int(model.optimizer.iterations))
"""


def test_a_saved_network_is_loaded_without_specc_and_its_optimizer_too(write: Write, tmp_path: Path) -> None:
    done = run(planned(write(blobs(80), BLOBS), runtime__precision="bfloat16"), tmp_path / "run", Log())
    assert done.path is not None
    command = [sys.executable, "-W", "error::UserWarning", "-c", WITHOUT, str(done.path / "model.keras")]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == ["keras.src.optimizers.adam", "Adam", str(int(done.model.optimizer.iterations))]


@pytest.mark.parametrize("xla", [True, False])
def test_a_step_is_taken_in_a_program_of_xla_too(xla: bool, write: Write, tmp_path: Path) -> None:
    plan = planned(write(blobs(200), BLOBS), runtime={"precision": "bfloat16", "xla": xla}, training__epochs=12)
    assert run(plan, tmp_path / "run", Log()).metrics["train"]["loss"] < 0.3
