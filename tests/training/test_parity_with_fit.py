"""On one device the loop does what Keras's own `fit` does with the same batches: weights, losses, metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.diagnostics import Log
from tests.training.conftest import Write, blobs, planned

EXAMPLES, UNEVEN = 64, 57
RNG = np.random.default_rng(5)

TABLE = blobs(UNEVEN, classes=3, features=6) | {"unit": RNG.random(UNEVEN).astype("float32")}
SEQUENCES = {
    "x": (RNG.integers(1, 20, (UNEVEN, 7)) * (np.arange(7) < RNG.integers(1, 8, (UNEVEN, 1)))).astype("int32"),
    "y": RNG.integers(0, 5, (UNEVEN, 7)).astype("int32"),
}
LENGTHS = RNG.integers(1, 9, UNEVEN)
TAGGED = {
    "x": np.array([" ".join(RNG.choice(list("abcdefghijklmn"), n)) for n in LENGTHS]),
    "y": np.array([" ".join(RNG.choice(["DET", "NOUN", "VERB"], n)) for n in LENGTHS]),
}
IMAGES = {"x": RNG.random((UNEVEN, 8, 8, 2)).astype("float32"), "y": RNG.integers(0, 4, UNEVEN).astype("int32")}
TWO_TARGETS = blobs(EXAMPLES) | {"unit": RNG.random(EXAMPLES).astype("float32")}

DATASET = "dataset: {{source: {{npz: data.npz}}, inputs: {{x: {x}}}, targets: {{{y}}}, batch_size: 16, shuffle: false}}"
WEIGHTED = DATASET.replace("dataset: {{", "dataset: {{weight: unit, ")

CASES: dict[str, tuple[Any, str, str, str]] = {
    "classes by index, with penalties": (
        TABLE,
        DATASET.format(x="{type: tensor, shape: [6]}", y="y: {type: category, classes: 3}"),
        """
        - Dense: {units: 16, activation: relu, kernel_regularizer: {L2: 0.01}, activity_regularizer: {L1: 0.01}}
        - Dropout: {rate: 0.3, seed: 4}
        - Dense: {units: 3, activation: softmax}
        """,
        """{loss: sparse_categorical_crossentropy, optimizer: adam,
            metrics: [accuracy, SparseCategoricalCrossentropy, {SparseTopKCategoricalAccuracy: 2}]}""",
    ),
    "classes as vectors, with a schedule": (
        TABLE,
        DATASET.format(x="{type: tensor, shape: [6]}", y="y: {type: category, classes: 3, encode: one_hot}"),
        """
        - Dense: {units: 16, activation: gelu}
        - BatchNormalization
        - Dense: {units: 3, activation: softmax}
        """,
        """{loss: {CategoricalCrossentropy: {label_smoothing: 0.1}}, metrics: [acc, {F1Score: {average: macro}}],
            optimizer: {SGD: {momentum: 0.9, nesterov: true,
                learning_rate: {CosineDecay: {initial_learning_rate: 0.1, decay_steps: 9}}}}}""",
    ),
    "yes or no, clipped": (
        TABLE | {"y": (TABLE["y"] == 1).astype("int32")},
        DATASET.format(x="{type: tensor, shape: [6]}", y="y: {type: binary}"),
        """
        - Dense: {units: 16, activation: tanh}
        - Dense: {units: 1, activation: sigmoid}
        """,
        """{loss: binary_crossentropy, metrics: [accuracy, AUC, precision, {BinaryAccuracy: {threshold: 0.7}}],
            optimizer: {RMSprop: {learning_rate: 0.01, global_clipnorm: 0.1}}}""",
    ),
    "a number, weights averaged": (
        TABLE,
        DATASET.format(x="{type: tensor, shape: [6]}", y="unit: {type: number}"),
        """
        - Dense: {units: 16, activation: relu, kernel_constraint: {MaxNorm: 1.0}}
        - Dense: 1
        """,
        """{loss: huber, metrics: [mae, RootMeanSquaredError, R2Score],
            optimizer: {AdamW: {learning_rate: 0.01, use_ema: true, ema_momentum: 0.9}}}""",
    ),
    "each gradient clipped, a rate that is warmed up": (
        TABLE,
        DATASET.format(x="{type: tensor, shape: [6]}", y="y: {type: category, classes: 3}"),
        "[{Dense: {units: 16, activation: relu}}, {Dense: {units: 3, activation: softmax}}]",
        """{loss: sparse_categorical_crossentropy, optimizer: {Adam: {clipnorm: 0.05, learning_rate:
            {CosineDecay: {initial_learning_rate: 0.0, warmup_target: 0.05, warmup_steps: 4, decay_steps: 9}}}}}""",
    ),
    "values clipped, averages put in place of weights": (
        TABLE,
        DATASET.format(x="{type: tensor, shape: [6]}", y="y: {type: category, classes: 3}"),
        "[{Dense: {units: 16, activation: relu}}, {Dense: {units: 3, activation: softmax}}]",
        """{loss: sparse_categorical_crossentropy, optimizer: {SGD: {learning_rate: 0.5, clipvalue: 0.01,
            use_ema: true, ema_momentum: 0.5, ema_overwrite_frequency: 2}}}""",
    ),
    "gathered, clipped, averaged and warmed up": (
        TABLE,
        DATASET.format(x="{type: tensor, shape: [6]}", y="y: {type: category, classes: 3}"),
        "[{Dense: {units: 16, activation: relu}}, {Dense: {units: 3, activation: softmax}}]",
        """{loss: sparse_categorical_crossentropy, optimizer: {AdamW: {gradient_accumulation_steps: 3,
            global_clipnorm: 0.05, use_ema: true, ema_momentum: 0.5, weight_decay: 0.1, learning_rate:
            {CosineDecay: {initial_learning_rate: 0.001, warmup_target: 0.05, warmup_steps: 3, decay_steps: 9}}}}}""",
    ),
    "pictures, gradients gathered": (
        IMAGES,
        DATASET.format(x="{type: tensor, shape: [8, 8, 2]}", y="y: {type: category, classes: 4}"),
        """
        - Conv2D: {filters: 8, kernel_size: 3, use_bias: false}
        - BatchNormalization
        - ReLU
        - GlobalAveragePooling2D
        - Dense: 4
        """,
        """{loss: {SparseCategoricalCrossentropy: {from_logits: true}}, metrics: [accuracy],
            optimizer: {Nadam: {learning_rate: 0.01, gradient_accumulation_steps: 2}}}""",
    ),
    "sequences under a mask": (
        SEQUENCES,
        DATASET.format(x="{type: tensor, shape: [7], dtype: int32}", y="y: {type: tensor, shape: [7], dtype: int32}"),
        """
        - Embedding: {input_dim: 20, output_dim: 6, mask_zero: true}
        - LSTM: {units: 8, return_sequences: true}
        - Dense: {units: 5, activation: softmax}
        """,
        "{loss: sparse_categorical_crossentropy, metrics: [accuracy], optimizer: {Adam: {learning_rate: 0.02}}}",
    ),
    "tags of words under a mask": (
        TAGGED,
        DATASET.format(
            x="{type: text, length: 6, vocabulary: 12}",
            y="y: {type: category, separator: ' ', length: 6, vocabulary: [DET, NOUN, VERB]}",
        ),
        """
        - Embedding: {input_dim: "${inputs.x.classes}", output_dim: 6, mask_zero: true}
        - Bidirectional: {layer: {GRU: {units: 5, return_sequences: true}}}
        - Dense: {units: "${targets.y.classes}", activation: softmax}
        """,
        "{loss: sparse_categorical_crossentropy, metrics: [accuracy], optimizer: {Adam: {learning_rate: 0.02}}}",
    ),
    "steps of a class that counts for nothing": (
        SEQUENCES,
        DATASET.format(x="{type: tensor, shape: [7], dtype: int32}", y="y: {type: tensor, shape: [7], dtype: int32}"),
        """
        - Embedding: {input_dim: 20, output_dim: 6}
        - Dense: {units: 5, activation: softmax}
        """,
        "{loss: {SparseCategoricalCrossentropy: {ignore_class: 2}}, optimizer: {Lion: {learning_rate: 0.001}}}",
    ),
    "a loss that is summed": (
        TABLE,
        DATASET.format(x="{type: tensor, shape: [6]}", y="unit: {type: number}"),
        "[{Dense: 1}]",
        """{loss: {MeanSquaredError: {reduction: sum}},
            optimizer: {SGD: {learning_rate: 0.001, loss_scale_factor: 8.0}}}""",
    ),
    "examples that count differently": (
        TABLE,
        WEIGHTED.format(x="{type: tensor, shape: [6]}", y="y: {type: category, classes: 3}"),
        """
        - Dense: {units: 16, activation: relu}
        - Dense: {units: 3, activation: softmax}
        """,
        """{loss: sparse_categorical_crossentropy, optimizer: {Adam: {learning_rate: 0.02}},
            metrics: [accuracy, SparseCategoricalCrossentropy]}""",
    ),
    "sequences that count differently, under a mask": (
        SEQUENCES | {"unit": TABLE["unit"]},
        WEIGHTED.format(x="{type: tensor, shape: [7], dtype: int32}", y="y: {type: tensor, shape: [7], dtype: int32}"),
        """
        - Embedding: {input_dim: 20, output_dim: 6, mask_zero: true}
        - GRU: {units: 8, return_sequences: true}
        - Dense: {units: 5, activation: softmax}
        """,
        "{loss: sparse_categorical_crossentropy, metrics: [accuracy], optimizer: {Adam: {learning_rate: 0.02}}}",
    ),
    "a number, divided by the weights": (
        TABLE,
        WEIGHTED.format(x="{type: tensor, shape: [6]}", y="y: {type: number}"),
        "[{Dense: 1}]",
        """{loss: {MeanSquaredError: {reduction: mean_with_sample_weight}}, metrics: [mae, RootMeanSquaredError],
            optimizer: {SGD: {learning_rate: 0.01}}}""",
    ),
    "two outputs": (
        TWO_TARGETS,
        DATASET.format(x="{type: tensor, shape: [6]}", y="y: {type: category, classes: 3}, unit: {type: number}"),
        """
        - Dense: {units: 16, activation: relu}
          name: body
        - Dense: {units: 3, activation: softmax}
          name: head
        - Dense: 1
          name: tail
          inputs: body
        """,
        """{loss: {y: sparse_categorical_crossentropy, unit: mse}, metrics: {y: [accuracy], unit: [mae, mae]},
            optimizer: {Adam: {learning_rate: 0.01}}}""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_loop_ends_where_fit_ends(case: str, write: Write, tmp_path: Path) -> None:
    arrays, dataset, layers, training = CASES[case]
    outputs = "outputs: {y: head, unit: tail}" if case == "two outputs" else ""
    path = write(arrays, f"{dataset}\nmodel:\n  layers: {layers}\n  {outputs}\ntraining: {training}\n")
    plan = planned(path, training__epochs=2, dataset__split={"validation": 0.25})
    log = Log()

    ours = run(plan, tmp_path / "run", log)

    data = open_data(plan, log)
    theirs = build(plan, log)
    compile_model(theirs, plan, log)
    batches, held_out = (data.splits[name].batches(16) for name in ("train", "validation"))
    if case == "sequences that count differently, under a mask":
        # Keras itself cannot multiply a mask by weights of one dimension less.
        batches, held_out = (some.map(lambda x, y, w: (x, y, w[:, None])) for some in (batches, held_out))
    fitted = theirs.fit(batches, epochs=2, verbose=0, validation_data=held_out, shuffle=False)

    assert set(ours.history) == set(fitted.history)
    for name, values in fitted.history.items():
        np.testing.assert_allclose(ours.history[name], values, rtol=2e-5, atol=1e-6, err_msg=name)
    for a, b in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
