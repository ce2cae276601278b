"""Every rule of an op says what Keras says: shapes and dtypes, and whether it can be at all."""

from __future__ import annotations

import pytest

from specc.diagnostics import Refusal
from specc.shapes import names
from specc.tensors import Shape
from tests.shapes.agreement import DRAWS, LOOSER_OPS, MANY, STRICTER_OPS
from tests.shapes.judge import Answer, Case, held, keras_runs, keras_says, network_runs, rule_says
from tests.shapes.neural_configurations import NEURAL
from tests.shapes.ops_configurations import OPS

RULES = OPS | NEURAL


def test_every_rule_has_configurations() -> None:
    assert set(names("ops")) == set(RULES)


def agree(case: Case) -> None:
    mine, theirs = rule_says(case), keras_says(case)
    if isinstance(mine, Refusal):
        if isinstance(theirs, Answer) and (case.name, mine.code.id) not in STRICTER_OPS:
            ran = keras_runs(case)
            ran = ran if isinstance(ran, Exception) else network_runs(case)
            assert isinstance(ran, Exception), f"{mine.code} {mine.message}, and Keras gives {ran}"
        return
    assert not isinstance(theirs, Exception), f"{mine}, and Keras refuses: {theirs}"
    assert mine == theirs or (case.name in LOOSER_OPS and weaker(mine, theirs)), f"{mine}, and Keras says {theirs}"
    # Without a single output TensorFlow is no judge: pooling divides by zero and ends the process, and a depthwise
    # convolution gives back its input.
    ran = keras_runs(case) if has_outputs(case.known()) else None
    if ran is not None and not isinstance(ran, Exception):
        shapes = [shape for shape, _ in mine.outputs]
        assert all(covers(shape, real) for shape, real in zip(shapes, ran, strict=True)), f"{mine}, and it gives {ran}"


def has_outputs(case: Case) -> bool:
    """Whether something comes out of a case without unknown dimensions, as far as its rule knows."""
    said = rule_says(case)
    return isinstance(said, Answer) and all(0 not in (shape or ()) for shape, _ in said.outputs)


def weaker(mine: Answer, theirs: Answer) -> bool:
    return len(mine.outputs) == len(theirs.outputs) and all(
        covers(shape, declared) and dtype in (None, declared_dtype)
        for (shape, dtype), (declared, declared_dtype) in zip(mine.outputs, theirs.outputs, strict=True)
    )


def covers(shape: Shape | None, whole: Shape | None) -> bool:
    """Whether a shape says nothing that another one does not say."""
    if shape is None or whole is None:
        return shape is None
    return len(shape) == len(whole) and all(a in (None, b) for a, b in zip(shape, whole, strict=True))


@pytest.mark.parametrize("name", sorted(RULES))
def test_an_op_rule_says_what_keras_says(name: str) -> None:
    held(RULES[name], agree, DRAWS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(RULES))
def test_an_op_rule_says_what_keras_says_of_many(name: str) -> None:
    held(RULES[name], agree, MANY)
