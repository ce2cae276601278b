"""Emitted Python and specc: the same weights give the same answers to the bit, and ten steps the same training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.emit.trials import SPECS, Trial, tried

pytestmark = pytest.mark.xdist_group("emitted")  # one process trains them all, once
QUICK = (
    "digits",
    "movielens",
    "form_by_target",
    "form_notation",
    "form_phases",
    "form_steps",
    "meaning_bfloat16",
    "meaning_loss_terms",
    "meaning_logits",
    "meaning_two_classes_one_value",
    "meaning_unknown_classes",
    "net_residual_repeat",
    "net_siamese",
    "net_two_targets",
    "text_expressions",
)
"""Specs of every form, which take no longer than a second or two each."""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    paths = [path for path in SPECS if path.stem in QUICK]
    return tried(paths, tmp_path_factory.mktemp("quick") / "trials", train=True)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    paths = [path for path in SPECS if path.stem not in QUICK]
    return tried(paths, tmp_path_factory.mktemp("slow") / "trials", train=True)


def expect(trial: Trial) -> None:
    assert not trial.why, trial.why
    assert trial.wanted.keys() <= trial.found.keys()
    for name, wanted in trial.wanted.items():
        if name == "loss" and trial.terms > 1:
            # TensorFlow adds up several terms in an order of its own, which nothing but this number depends on.
            np.testing.assert_array_max_ulp(trial.found[name], wanted, 2)
        else:
            # Weights drawn from the seed, what is answered, each step's loss and what came of ten steps: bit for bit.
            np.testing.assert_array_equal(trial.found[name], wanted, err_msg=name)


@pytest.mark.parametrize("stem", QUICK)
def test_it_answers_and_learns_the_same(quick: dict[str, Trial], stem: str) -> None:
    expect(quick[stem])


@pytest.mark.slow
@pytest.mark.parametrize("stem", [path.stem for path in SPECS if path.stem not in QUICK])
def test_so_does_every_other_spec(slow: dict[str, Trial], stem: str) -> None:
    expect(slow[stem])


def test_ten_steps_change_something(quick: dict[str, Trial]) -> None:
    """What is compared above is not what one began with."""
    trial = quick["digits"]
    first = [name for name in trial.wanted if name.startswith("trained")]
    assert any(not np.array_equal(trial.wanted[n], trial.wanted[n.replace("trained", "seeded")]) for n in first)
    assert len({*trial.wanted["loss"].tolist()}) == 10


def steps_of_keras(*, told: bool, folded: bool) -> list[Any]:
    """Weights after two steps of Keras's own, which is told the size of batches or is not."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(3)
    inputs = keras.Input((500, 1))
    x = inputs
    for _ in range(2):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(32, 5, padding="same", use_bias=False)(x)))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling1D()(x)))
    model.compile("adam", "binary_crossentropy", jit_compile=False)
    generator = np.random.default_rng(0)
    rows = generator.random((8, 500, 1), np.float32), generator.integers(0, 2, (8, 1)).astype("float32")
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"constant_folding": folded})
    try:
        model.fit(tf.data.Dataset.from_tensor_slices(rows).batch(4, drop_remainder=told), shuffle=False, verbose=0)
    finally:
        tf.config.optimizer.set_experimental_options({"constant_folding": True} | before)
    weights: list[Any] = model.get_weights()
    return weights


def test_where_all_batches_have_one_size_tensorflow_rounds_otherwise() -> None:
    """Why `ROWS` is what it is: not the emitted code makes this difference, but whether `fit` knows the size."""

    def equal(*, folded: bool) -> bool:
        pair = (steps_of_keras(told=told, folded=folded) for told in (True, False))
        return all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))

    assert not equal(folded=True)
    assert equal(folded=False)


def test_every_spec_is_tried() -> None:
    assert set(QUICK) <= {path.stem for path in SPECS}
    assert {path.parent.name for path in SPECS} == {"good", "examples"}
    assert all(isinstance(path, Path) for path in SPECS)
