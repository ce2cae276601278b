"""The table of what has no kernel on a TPU is XLA's own: what is made of layers and ops is looked up there."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from specc import shapes
from specc.backend.kernels import lacking
from specc.diagnostics import Refusal
from specc.passes.target import DTYPES, WITHOUT_KERNEL
from specc.tensors import Tensor
from tests.shapes.configurations import LAYERS
from tests.shapes.judge import Case, rule_says, traced
from tests.shapes.neural_configurations import NEURAL
from tests.shapes.ops_configurations import OPS

CASES = {("layers", name): cases for name, cases in LAYERS.items()} | {
    ("ops", name): cases for name, cases in (OPS | NEURAL).items()
}
LISTED = [(family, name) for family in ("layers", "ops") for name in WITHOUT_KERNEL[family]]
ENOUGH = 2
"""Sound configurations of each."""


def kinds(family: str, name: str, tries: int) -> list[set[str]]:
    """The operations without a kernel of a few sound configurations on what a TPU computes with."""
    found: list[set[str]] = []

    @settings(
        max_examples=tries, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(CASES[family, name])
    def look(case: Case) -> None:
        if len(found) == ENOUGH or _text(case) or isinstance(rule_says(case), Refusal):
            return
        graph = traced(case)
        if graph is not None:
            found.append({operation.kind for operation in lacking(graph)})

    look()
    return found


def _text(case: Case) -> bool:
    tensors = [t for one in case.inputs.values() for t in (one if isinstance(one, tuple) else (one,))]
    answer = rule_says(case)
    made = () if isinstance(answer, Refusal) else [Tensor(*output) for output in answer.outputs]
    return any(tensor.dtype in DTYPES for tensor in (*tensors, *made))


@pytest.mark.parametrize(("family", "name"), LISTED)
def test_what_the_table_names_has_no_kernel(family: str, name: str):
    found = kinds(family, name, 100)
    assert found
    assert all(WITHOUT_KERNEL[family][name] in lacks for lacks in found)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["layers", "ops"])
def test_everything_else_has_one(family: str):
    others = [name for name in shapes.names(family) if name not in WITHOUT_KERNEL[family]]
    found = {name: kinds(family, name, 40) for name in others}
    assert {name: lacks for name, several in found.items() if (lacks := set().union(*several))} == {}
    assert sum(map(bool, found.values())) > 0.8 * len(others)
