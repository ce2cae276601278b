"""Values of a spec reach Keras as the types that it insists on."""

from __future__ import annotations

import keras
import pytest

from specc.backend.lower import lower
from specc.calls import Call
from specc.diagnostics import Refusal


@pytest.mark.parametrize(
    ("family", "name", "arguments"),
    [
        ("optimizers", "Adadelta", {"learning_rate": 1}),
        ("optimizers", "SGD", {"momentum": 0, "clipnorm": 1}),
        ("metrics", "FBetaScore", {"beta": 2, "threshold": 1}),
        ("metrics", "Precision", {"thresholds": [0.1, 0.2], "top_k": 1}),
        ("metrics", "AUC", {"num_thresholds": 20}),
        ("callbacks", "EarlyStopping", {"patience": 3, "min_delta": 0}),
        ("schedules", "PiecewiseConstantDecay", {"boundaries": [1, 2], "values": [1.0, 0.1, 0.2]}),
        ("layers", "TextVectorization", {"ngrams": [1, 2]}),
        ("layers", "ZeroPadding2D", {"padding": [[1, 0], [0, 1]]}),
        ("layers", "Rescaling", {"scale": 2}),
    ],
)
def test_keras_takes_the_numbers_of_a_spec(family: str, name: str, arguments: dict[str, object]) -> None:
    assert type(lower(Call(family, name, arguments))).__name__ == name


def test_an_alias_stands_for_its_class() -> None:
    assert isinstance(lower(Call("losses", "mse")), keras.losses.MeanSquaredError)


def test_what_keras_refuses_is_a_refusal_with_its_reason() -> None:
    with pytest.raises(Refusal, match="`MultiHeadAttention`"):
        lower(Call("layers", "MultiHeadAttention", {"num_heads": 0, "key_dim": 0}))
