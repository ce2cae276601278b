"""Every rule of an op says what Keras says: shapes and dtypes, and whether it can be at all."""

from __future__ import annotations

import pytest

from specc.diagnostics import Refusal
from specc.shapes import names
from tests.shapes.judge import DRAWS, Answer, Case, held, keras_runs, keras_says, rule_says
from tests.shapes.ops_configurations import OPS


def test_every_rule_has_configurations() -> None:
    assert set(names("ops")) == set(OPS)


def agree(case: Case) -> None:
    mine, theirs = rule_says(case), keras_says(case)
    if isinstance(mine, Refusal):
        if isinstance(theirs, Answer):
            ran = keras_runs(case)
            assert isinstance(ran, Exception), f"{mine.code} {mine.message}, and Keras gives {ran}"
        return
    assert not isinstance(theirs, Exception), f"{mine}, and Keras refuses: {theirs}"
    assert mine == theirs


@pytest.mark.parametrize("name", sorted(OPS))
def test_an_op_rule_says_what_keras_says(name: str) -> None:
    held(OPS[name], agree, DRAWS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPS))
def test_an_op_rule_says_what_keras_says_of_many(name: str) -> None:
    held(OPS[name], agree, 200)
