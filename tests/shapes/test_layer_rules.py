"""Every rule of a layer says what Keras says: shapes, dtypes, weights, and whether it is a layer at all."""

from __future__ import annotations

import pytest

from specc import catalog
from specc.calls import TensorArgument
from specc.diagnostics import Refusal
from specc.shapes import names
from specc.tensors import Shape
from tests.shapes.configurations import LAYERS
from tests.shapes.judge import DRAWS, Answer, Case, held, keras_runs, keras_says, rule_says

IMAGES = [n for n in names("layers") if catalog.signature("layers", n).tensors[:1] == (TensorArgument("data"),)]

# What Keras accepts, and even runs, and a rule refuses all the same: each with its reason.
STRICTER = {
    **{(n, "S301"): "Keras takes a single image for a batch of one; a network only ever sees batches" for n in IMAGES},
    **{(n, "S301"): "likewise, a single image or sound" for n in LAYERS if n.startswith("Adaptive")},
    ("TimeDistributed", "S301"): "Keras does not ask the wrapped layer what it takes, and now and then it comes out",
    ("Attention", "S301"): "a value without steps has its batch taken for them, and now and then it comes out",
    ("AdditiveAttention", "S301"): "likewise",
    ("MultiHeadAttention", "S301"): "without steps, `attention_axes` can have the heads attend to each other",
    ("Dropout", "S304"): "text passes through a dropout until the dropout does something",
    ("EinsumDense", "S301"): "Keras multiplies matrices for an equation that looks like it, however many dimensions",
    ("EinsumDense", "S105"): "Keras declares an output of more dimensions than its equation has, which never comes",
    ("Concatenate", "S105"): "Keras looks at the axis only where there is more than one tensor",
    ("LSTM", "S305"): "an unrolled loop needs the number of steps: a single tensor has it, a compiled network has not",
    ("GRU", "S305"): "likewise",
    ("SimpleRNN", "S305"): "likewise",
    ("Bidirectional", "S305"): "likewise",
}
# Where Keras declares a dimension that is another one when it runs, a rule leaves it unknown.
LOOSER = {"MultiHeadAttention": "the scores are as long as the value, not as the query"}


def test_every_rule_has_configurations() -> None:
    assert set(names("layers")) == set(LAYERS)


def agree(case: Case) -> None:
    mine, theirs = rule_says(case), keras_says(case)
    if isinstance(mine, Refusal):
        if isinstance(theirs, Answer) and (case.name, mine.code.id) not in STRICTER:
            ran = keras_runs(case)
            assert isinstance(ran, Exception), f"{mine.code} {mine.message}, and Keras gives {ran}"
        return
    assert not isinstance(theirs, Exception), f"{mine}, and Keras refuses: {theirs}"
    assert mine.weights == theirs.weights
    assert len(mine.outputs) == len(theirs.outputs)
    for (shape, dtype), (declared, declared_dtype) in zip(mine.outputs, theirs.outputs, strict=True):
        assert dtype == declared_dtype
        assert shape == declared or (case.name in LOOSER and known(shape) <= known(declared))


def known(shape: Shape | None) -> set[tuple[int, int]]:
    return {(axis, size) for axis, size in enumerate(shape or ()) if size is not None}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_rule_says_what_keras_says(name: str) -> None:
    held(LAYERS[name], agree, DRAWS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_rule_says_what_keras_says_of_many(name: str) -> None:
    held(LAYERS[name], agree, 200)
