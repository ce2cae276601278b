"""Every rule of a layer says what Keras says: shapes, dtypes, weights, and whether it is a layer at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from specc.diagnostics import Refusal
from specc.shapes import names
from specc.tensors import PRECISIONS, Shape
from tests.shapes.agreement import DRAWS, FINER, LOOSER, MANY, STRICTER
from tests.shapes.configurations import LAYERS
from tests.shapes.judge import Answer, Case, held, keras_runs, keras_says, network_runs, rule_says


def test_every_rule_has_configurations() -> None:
    assert set(names("layers")) == set(LAYERS)


def agree(case: Case) -> None:
    mine, theirs = rule_says(case), keras_says(case)
    if isinstance(mine, Refusal):
        if isinstance(theirs, Answer) and (case.name, mine.code.id) not in STRICTER:
            ran = keras_runs(case)
            ran = ran if isinstance(ran, Exception) else network_runs(case)
            assert isinstance(ran, Exception), f"{mine.code} {mine.message}, and Keras gives {ran}"
        return
    assert not isinstance(theirs, Exception), f"{mine}, and Keras refuses: {theirs}"
    assert mine.weights == theirs.weights
    assert len(mine.outputs) == len(theirs.outputs)
    for (shape, dtype), (declared, declared_dtype) in zip(mine.outputs, theirs.outputs, strict=True):
        if case.name in FINER and shape != declared:
            assert known(declared) < known(shape)
            ran = keras_runs(case)
            assert not isinstance(ran, Exception)
            assert known(shape) <= known(ran[0])
        elif case.name in LOOSER:
            assert dtype in (declared_dtype, None)
            assert shape is None or (len(shape) == len(declared or ()) and known(shape) <= known(declared))
        else:
            assert (shape, dtype) == (declared, declared_dtype)


def under_a_policy(name: str) -> SearchStrategy[Case]:
    """Configurations of a layer in a network of another precision than float32."""
    return st.builds(lambda case, policy: replace(case, policy=policy), LAYERS[name], st.sampled_from(PRECISIONS[1:]))


def known(shape: Shape | None) -> set[tuple[int, int]]:
    return {(axis, size) for axis, size in enumerate(shape or ()) if size is not None}


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_rule_says_what_keras_says(name: str) -> None:
    held(LAYERS[name], agree, DRAWS)


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_rule_says_what_keras_says_under_a_policy(name: str) -> None:
    held(under_a_policy(name), agree, DRAWS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_rule_says_what_keras_says_of_many_under_a_policy(name: str) -> None:
    held(under_a_policy(name), agree, MANY)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_rule_says_what_keras_says_of_many(name: str) -> None:
    held(LAYERS[name], agree, MANY)
