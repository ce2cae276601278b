"""Recurrent layers with masks: cuDNN computes what it can, and gives what Keras's own loop gives.

cuDNN itself runs where there is a GPU (`tests/gpu/check_gpu.py` trains such a network there). Here its manners stand in
for it: zeros behind the end of a sequence, and a refusal of every other mask.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from specc.backend import recurrent

STEPS = 7
ENDS = np.arange(STEPS) < np.array([[7], [3], [1], [5]])
MASKS = [ENDS, ENDS & np.array([[1], [0], [1], [1]], bool), ENDS[:, ::-1]]
"""Sequences that end early, one of which is empty, and some that begin late."""

LAYERS: dict[str, Callable[[type[Any]], Any]] = {
    "last": lambda kind: kind(4),
    "all": lambda kind: kind(4, return_sequences=True),
    "all, zeros": lambda kind: kind(4, return_sequences=True, zero_output_for_mask=True),
    "backwards": lambda kind: kind(4, return_sequences=True, go_backwards=True),
    "states": lambda kind: kind(4, return_sequences=True, return_state=True),
    "stateful": lambda kind: kind(4, stateful=True),
    "dropout": lambda kind: kind(4, dropout=0.4),
    "float16": lambda kind: kind(4, stateful=True, return_sequences=True, dtype="mixed_float16"),
    "both ways": lambda kind: keras.layers.Bidirectional(kind(4, return_sequences=True)),
}


def as_cudnn(loop: Callable[..., Any], asked: list[Any], layer: Any, *args: Any, **how: Any) -> Any:
    """Keras's `inner_loop` as it is on a GPU."""
    mask = args[-1]
    last, outputs, states = loop(layer, *args, **how)
    if layer.use_cudnn is False:
        return last, outputs, states
    asked.append(layer)
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    right = tf.reduce_all(tf.sequence_mask(lengths, STEPS) == mask) & tf.reduce_all(lengths > 0)
    with tf.control_dependencies([tf.debugging.Assert(right, ["a mask that cuDNN refuses"])]):
        outputs = tf.identity(outputs)
    if layer.return_sequences and not layer.go_backwards:
        outputs = tf.where(mask[:, :, None], outputs, tf.zeros_like(outputs))
    return last, outputs, states


def results(make: Callable[[type[Any]], Any], kind: type[Any], asked: list[Any] | None = None) -> list[Any]:
    """Answers and gradients of a batch for each mask, in their order; where `asked` is given, settled for a GPU."""
    keras.utils.set_random_seed(1)
    layer = make(kind)
    x = tf.constant(np.random.default_rng(0).normal(size=(*ENDS.shape, 3)), tf.float32)
    layer.build(x.shape)
    if asked is not None:
        recurrent.settle(layer)
        for each in layer._flatten_layers():
            if isinstance(each, kind):
                each.inner_loop = partial(recurrent._inner_loop, each, partial(as_cudnn, type(each).inner_loop, asked))

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def step(x: Any, mask: Any) -> Any:
        with tf.GradientTape() as tape:
            answers = layer(x, mask=mask, training=True)
            total = tf.add_n([tf.reduce_sum(tf.sin(tf.cast(one, tf.float32))) for one in tf.nest.flatten(answers)])
        return answers, tape.gradient(total, [variable.value for variable in layer.trainable_variables])

    return [tensor.numpy() for mask in MASKS for tensor in tf.nest.flatten(step(x, tf.constant(mask)))]


@pytest.mark.parametrize("made", LAYERS)
@pytest.mark.parametrize("kind", [keras.layers.LSTM, keras.layers.GRU])
def test_a_mask_comes_to_the_same_by_cudnn(kind: type[Any], made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = results(LAYERS[made], kind)
    monkeypatch.setattr(recurrent, "cudnn_ok", lambda *asked: True)
    asked: list[Any] = []
    found = results(LAYERS[made], kind, asked)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert asked


def test_keras_is_asked_whether_it_would_have_cudnn_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[tuple[Any, ...]] = []
    monkeypatch.setattr(recurrent, "cudnn_ok", lambda *asked: wanted.append(asked))
    own = keras.layers.GRU(4, use_cudnn=True)
    recurrent.settle(own)
    assert own.use_cudnn is True
    assert "inner_loop" not in vars(own)
    for layer in (keras.layers.LSTM(4), keras.layers.GRU(4, reset_after=False)):
        recurrent.settle(layer)
        layer(np.zeros((2, STEPS, 3), "float32"), mask=np.ones((2, STEPS), bool))
    assert [(unroll, bias, reset) for _, _, unroll, bias, reset in wanted] == [
        (False, True, None),
        (False, True, False),
    ]
