"""Networks that must come out the same wherever they are trained, and the data that they learn from."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from tests.training.conftest import blobs

RNG = np.random.default_rng(2)

# 49 remain to train on, three batches of 16 and one of 1: of that, some replicas have nothing.
EXAMPLES = 61
ARRAYS = blobs(EXAMPLES) | {
    "pictures": RNG.random((EXAMPLES, 8, 8, 1)).astype("float32"),
    "words": (RNG.integers(1, 20, (EXAMPLES, 7)) * (np.arange(7) < RNG.integers(1, 8, (EXAMPLES, 1)))).astype("int32"),
    "tags": RNG.integers(0, 5, (EXAMPLES, 7)).astype("int32"),
    "unit": RNG.random(EXAMPLES).astype("float32"),
}


def kept(array: Any) -> Any:
    """An array as NumPy's files know it: numbers of bfloat16 as the same of float32."""
    return np.float32(array) if array.dtype.name == "bfloat16" else array


def plain_iterators_only() -> None:
    """Let no iterator for several devices be made: on CPUs, whoever ends one may stand still for up to a minute."""
    from tensorflow.python.data.ops.multi_device_iterator_ops import OwnedMultiDeviceIterator

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("an iterator for several devices")

    OwnedMultiDeviceIterator.__init__ = refused


X = "x: {type: tensor, shape: [6]}"
Y = "y: {type: category, classes: 3}"
MLP = """
    - Dense: {units: 16, activation: relu, kernel_regularizer: {L2: 0.01}, activity_regularizer: {L2: 0.01}}
    - Dense: {units: 3, activation: softmax}
"""
CLASSES = "loss: sparse_categorical_crossentropy, metrics: [accuracy, SparseCategoricalCrossentropy]"


def spec(inputs: str, targets: str, layers: str, training: str, replicas: int = 2, more: str = "") -> str:
    devices = ", ".join(f"cpu:{i}" for i in range(replicas))
    return f"""specc: 1
dataset:
  source: {{npz: data.npz}}
  inputs: {{{inputs}}}
  targets: {{{targets}}}
  split: {{validation: 0.2}}
  batch_size: 16
model:
  layers:{textwrap.indent(textwrap.dedent(layers), "    ")}
training: {{{training}, epochs: 2}}
runtime: {{strategy: {{mirrored: [{devices}]}}{more}}}
"""


def mlp(optimizer: str, replicas: int = 2, more: str = "") -> str:
    return spec(X, Y, MLP, f"{CLASSES}, optimizer: {optimizer}", replicas, more)


def masked(layer: str = "LSTM: {units: 8, return_sequences: true}", more: str = "") -> str:
    return spec(
        "words: {type: tensor, shape: [7], dtype: int32}",
        "tags: {type: tensor, shape: [7], dtype: int32}",
        f"""
        - Embedding: {{input_dim: 20, output_dim: 6, mask_zero: true}}
        - {layer}
        - Dense: {{units: 5, activation: softmax}}
        """,
        f"{CLASSES}, optimizer: {{Adam: 0.01}}",
        more=more,
    )


SPECS = {
    "mlp": mlp("{Adam: 0.01}", replicas=3),
    "cnn": spec(
        "pictures: {type: tensor, shape: [8, 8, 1]}",
        Y,
        """
        - Conv2D: {filters: 8, kernel_size: 3, use_bias: false}
        - BatchNormalization: {synchronized: true}
        - ReLU
        - MaxPooling2D: 2
        - Flatten
        - Dense: {units: 3, activation: softmax}
        """,
        f"{CLASSES}, optimizer: {{Adam: 0.01}}",
    ),
    "lstm": masked(),
    # XLA takes ten seconds for each program of an LSTM.
    "masked, by XLA": masked("Dense: {units: 8, activation: tanh}", ", xla: true"),
    "in 16 bits": mlp("{Adam: 0.01}", more=", precision: mixed_float16"),
    "in 16 bits, clipped": mlp("{SGD: {learning_rate: 0.1, clipnorm: 0.05}}", more=", precision: mixed_float16"),
    "weights in 16 bits": mlp("{Adam: 0.01}", more=", precision: bfloat16"),
    "words, weights in 16 bits": spec(
        "words: {type: tensor, shape: [7], dtype: int32}",
        Y,
        """
        - Embedding: {input_dim: 20, output_dim: 8, mask_zero: true}
        - GlobalAveragePooling1D
        - Dense: {units: 3, activation: softmax}
        """,
        f"{CLASSES}, optimizer: {{SGD: 0.1}}",
        more=", precision: bfloat16",
    ),
    "some weights in 16 bits": mlp("{Adam: 0.01}", more=", precision: bfloat16").replace(
        "{units: 3, activation: softmax}", "{units: 3, activation: softmax, dtype: float32}"
    ),
    "words, some weights in 16 bits": spec(
        "words: {type: tensor, shape: [7], dtype: int32}",
        Y,
        """
        - Embedding: {input_dim: 20, output_dim: 8, mask_zero: true}
        - GlobalAveragePooling1D
        - Dense: 8
        - Dense: {units: 3, activation: softmax, dtype: float32}
        """,
        f"{CLASSES}, optimizer: {{SGD: 0.1}}",
        more=", precision: bfloat16",
    ),
    # By SGD: where a gradient is nothing but rounding, Adam makes whole steps of it.
    "transformer": spec(
        "words: {type: tensor, shape: [7], dtype: int32}",
        Y,
        """
        - Embedding: {input_dim: 20, output_dim: 8, mask_zero: true}
        - residual:
            - LayerNormalization
            - MultiHeadAttention: {num_heads: 2, key_dim: 4}
          repeat: 2
        - residual:
            - LayerNormalization
            - Dense: {units: 16, activation: relu}
            - Dense: 8
        - GlobalAveragePooling1D
        - Dense: {units: 3, activation: softmax}
        """,
        f"{CLASSES}, optimizer: {{SGD: {{learning_rate: 0.1, momentum: 0.9}}}}",
    ),
    "sum": spec(
        X, "unit: {type: number}", "[{Dense: 1}]", "loss: {MeanSquaredError: {reduction: sum}}, optimizer: sgd"
    ),
    "gathered": mlp("{Adam: {learning_rate: 0.01, gradient_accumulation_steps: 2, clipnorm: 0.05}}"),
    "weighted": mlp("{Adam: 0.01}").replace("  batch_size", "  weight: unit\n  batch_size"),
    "terms-and-phases": spec(
        X,
        Y,
        MLP,
        """loss: [{loss: sparse_categorical_crossentropy, weight: 0.7}, {loss: {SparseCategoricalCrossentropy: {}}}],
            metrics: [accuracy], optimizer: {Adam: 0.01}, phases: [{freeze: [dense], steps: 6}, {unfreeze: [dense],
            optimizer: {SGD: {learning_rate: 0.1, clipnorm: 0.5}}}]""",
    ),
    "averaged": mlp("{SGD: {learning_rate: 0.1, use_ema: true, ema_momentum: 0.9, global_clipnorm: 0.05}}"),
}
