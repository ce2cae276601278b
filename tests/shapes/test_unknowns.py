"""Knowing less never makes a rule wrong: what it still says is what it says when all is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from specc import codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Refusal
from specc.shapes import Site, Unsettled, apply
from specc.tensors import UNKNOWN, Shape, Tensor
from tests.shapes.configurations import LAYERS
from tests.shapes.judge import Answer, Case, completed, rule_says
from tests.shapes.neural_configurations import NEURAL
from tests.shapes.ops_configurations import OPS

RULES = LAYERS | OPS | NEURAL


def said(case: Case) -> Answer | Refusal | None:
    """The rule's answer, its refusal, or None where it waits for data."""
    try:
        return rule_says(case)
    except Unsettled:
        return None


def weaker(less: Answer | Refusal | None, all_known: Answer) -> bool:
    """Whether an answer says nothing that another one does not say."""
    if less is None:
        return True
    if isinstance(less, Refusal):
        return less.code is codes.S305  # what must be known is not: the one thing that knowing less may be blamed for
    if len(less.outputs) != len(all_known.outputs):
        return False
    for (shape, dtype), (whole, known_dtype) in zip(less.outputs, all_known.outputs, strict=True):
        if dtype not in (None, known_dtype):
            return False
        if shape is not None and not (whole is not None and covers(shape, whole)):
            return False
    return less.weights is None or less.weights == all_known.weights


def covers(shape: Shape, whole: Shape) -> bool:
    return len(shape) == len(whole) and all(a in (None, b) for a, b in zip(shape, whole, strict=True))


def changed(case: Case, name: str, change: Callable[[Tensor], Tensor]) -> Case:
    """The case with one of its inputs changed, the first of them where it is a list."""
    found = case.inputs[name]
    new = (change(found[0]), *found[1:]) if isinstance(found, tuple) else change(found)
    return replace(case, inputs={**case.inputs, name: new})


def hidden(axis: int) -> Callable[[Tensor], Tensor]:
    """A change that makes one dimension unknown, where there is one."""

    def change(tensor: Tensor) -> Tensor:
        shape = tensor.shape or ()
        return replace(tensor, shape=tuple(None if i == axis else d for i, d in enumerate(shape)))

    return change


CHANGES: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda t: UNKNOWN,
    lambda t: replace(t, shape=None),
    lambda t: replace(t, dtype=None),
    *(hidden(axis) for axis in range(4)),
)

GUESSES = {
    "squeeze": "without an axis, Keras takes a dimension that it does not know for more than 1",
    "searchsorted": "Keras counts in `int64` among values of which it does not know how many there are",
}


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_that_knows_less_says_less(name: str) -> None:
    @settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(RULES[name])
    def holds(case: Case) -> None:
        answer = said(case)
        if not isinstance(answer, Answer):
            return
        for argument in case.arguments:
            less = said(replace(case, arguments={**case.arguments, argument: UNKNOWN_VALUE}))
            assert weaker(less, answer), f"with {argument} unknown: {less}"
        for which in case.inputs if name not in GUESSES else ():
            for change in CHANGES:
                less = said(changed(case, which, change))
                assert weaker(less, answer), f"with {which} changed: {less}"

    holds()


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_operations_are_counted_whole_or_not_at_all(name: str) -> None:
    """With a dimension hidden, a rule counts what it counted before, where nothing hangs on it, or nothing."""

    @settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(LAYERS[name])
    def holds(case: Case) -> None:
        whole = operations(case)
        for which in case.inputs if whole is not None else ():
            for axis in range(1, 5):
                less = operations(changed(case, which, hidden(axis)))
                assert less in (None, whole), f"with axis {axis} of {which} hidden: {less}, not {whole}"

    holds()


def operations(case: Case) -> int | None:
    """What the rule counts, None where it counts or allows nothing."""
    call = completed(Call(case.family, case.name, case.arguments))
    try:
        result = apply(Site(call, call.arguments, case.inputs, case.options))
    except (Refusal, Unsettled):
        return None
    return result.flops if result else None
