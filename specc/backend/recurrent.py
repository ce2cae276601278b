"""LSTM and GRU on a GPU: by cuDNN where it comes to what TensorFlow's own loop comes to, which is not everywhere.

Keras leaves the choice to what a machine has, and then ends a step by an assertion where a mask hides all of an
example, like that of a text without words, or anything but its end. Past the end, where its own loop goes on with the
last output, cuDNN gives zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras import ops
from keras.src.backend.tensorflow.rnn import cudnn_ok

from specc.tensors import cudnn_learns


def settle(layer: keras.layers.Layer) -> None:
    """Settle how an LSTM or a GRU, or each within a layer or a network, computes on a GPU, where the spec leaves that
    open.

    A layer that says `use_cudnn` itself is Keras's alone.
    """
    for each in layer._flatten_layers():
        if getattr(each, "use_cudnn", None) != "auto":
            continue
        if not cudnn_learns(each.compute_dtype):
            each.use_cudnn = False
        else:
            each.inner_loop = partial(_inner_loop, each, type(each).inner_loop)


def _by_cudnn(layer: Any) -> bool:
    """Whether Keras would have cuDNN compute a layer here."""
    cell, reset_after = layer.cell, getattr(layer, "reset_after", None)
    wanted = layer.use_cudnn is not False and not layer.recurrent_dropout
    return wanted and cudnn_ok(cell.activation, cell.recurrent_activation, layer.unroll, cell.use_bias, reset_after)


def _inner_loop(
    layer: Any, loop: Callable[..., Any], sequences: Any, initial_state: Any, mask: Any, training: bool = False
) -> Any:
    """`LSTM.inner_loop` or `GRU.inner_loop`, on each batch by cuDNN or by TensorFlow's own loop.

    Args:
        loop: that method of the layer's class.
        sequences: `[examples, steps, features]`. mask: `[examples, steps]`, or None.

    Returns:
        The last output, all outputs, and the states.
    """
    if mask is None or not _by_cudnn(layer):
        return loop(layer, sequences, initial_state, mask, training=training)
    if training and layer.dropout:
        layer.cell.get_dropout_mask(sequences[:, 0, :])  # kept by the cell: drawn once, for whichever computes
    (shown,) = (tf.cast(each, tf.bool) for each in tf.nest.flatten(mask))
    empty = tf.logical_not(tf.reduce_any(shown, axis=1))[:, None]

    def by_cudnn() -> Any:
        lent = tf.concat([tf.logical_or(shown[:, :1], empty), shown[:, 1:]], axis=1)
        last, outputs, states = loop(layer, sequences, initial_state, lent, training=training)
        if layer.return_sequences and not (layer.go_backwards or layer.zero_output_for_mask):
            outputs = tf.where(shown[:, :, None], outputs, last[:, None, :])
        before = tf.nest.flatten(initial_state)
        states = [tf.where(empty, ops.cast(old, state.dtype), state) for old, state in zip(before, states, strict=True)]
        nothing = tf.zeros([], outputs.dtype)
        return tf.where(empty, nothing, last), tf.where(empty[:, None], nothing, outputs), states

    def by_tensorflow() -> Any:
        layer.use_cudnn = False
        try:
            last, outputs, states = loop(layer, sequences, initial_state, mask, training=training)
        finally:
            layer.use_cudnn = "auto"
        return last, outputs, list(states)

    ends = tf.reduce_all(tf.logical_or(shown[:, :-1], tf.logical_not(shown[:, 1:])))
    return tf.cond(ends, by_cudnn, by_tensorflow)
