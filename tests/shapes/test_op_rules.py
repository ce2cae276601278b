"""Every rule of an op says what Keras says: shapes and dtypes, and whether it can be at all."""

from __future__ import annotations

import pytest

from specc.diagnostics import Refusal
from specc.shapes import names
from specc.tensors import Shape
from tests.shapes.judge import DRAWS, Answer, Case, held, keras_runs, keras_says, network_runs, rule_says
from tests.shapes.neural_configurations import NEURAL
from tests.shapes.ops_configurations import OPS

RULES = OPS | NEURAL

# What Keras accepts, and even runs, and a rule refuses all the same: each with its reason.
_WINDOW = "no window fits, and Keras goes on with none"
STRICTER: dict[tuple[str, str], str] = {
    ("adaptive_average_pool", "S105"): "Keras reads the first of too many sizes, and declares them all",
    ("adaptive_max_pool", "S105"): "likewise",
    ("extract_sequences", "S303"): _WINDOW,
    ("stft", "S303"): _WINDOW,
    ("unfold", "S303"): _WINDOW,
    ("image.elastic_transform", "S305"): "of a batch that it does not know, Keras keeps the first image only",
}

# Where Keras declares a dimension or a dtype that is another one when it runs, a rule leaves it unknown.
_FIRST = "Keras declares the shape of the first tensor, also where the second makes more of it"
LOOSER = {
    "adaptive_average_pool": "Keras declares one dimension too many where the channels come last",
    "adaptive_max_pool": "likewise",
    "categorical_crossentropy": "Keras declares the last dimension gone, whichever `axis` says",
    "cross": "of vectors of unknown length Keras declares that they have two numbers",
    "dot_product_attention": "Keras declares the width of the query, and it is that of the value",
    "image.scale_and_translate": "Keras declares `output_shape`, and only `spatial_dims` become so",
    "istft": "Keras declares `length`, also where the signal is shorter",
    "polar": "Keras declares the shape of the lengths, also where the angles make more of it",
    "slogdet": "Keras declares one sign for all matrices",
    "solve_triangular": "Keras declares the shape of `b`, also where `a` has more matrices",
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"), _FIRST),
    **dict.fromkeys(("left_shift", "right_shift"), _FIRST),
    "corrcoef": "Keras declares the shape of the input, and it is as many rows by as many",
    **dict.fromkeys(
        ("quantile", "nanquantile"), "a list of one quantile makes a dimension that Keras does not declare"
    ),
    "correlate": "Keras takes the vectors for ones of which the first is the longer",
    "meshgrid": "Keras declares one dtype for all, and by `ij` always `float32`",
    "ndim": "Keras declares a tensor, and it is a plain number",
    "rot90": "Keras declares that two axes change places, also when turned twice",
    "trapezoid": "Keras does not look at the places, which may make more of it",
    "select": "Keras declares the first tensor, also where the others make more of it",
}


def test_every_rule_has_configurations() -> None:
    assert set(names("ops")) == set(RULES)


def agree(case: Case) -> None:
    mine, theirs, ran = rule_says(case), keras_says(case), keras_runs(case)
    if isinstance(mine, Refusal):
        if isinstance(theirs, Answer) and (case.name, mine.code.id) not in STRICTER:
            ran = ran if isinstance(ran, Exception) else network_runs(case)
            assert isinstance(ran, Exception), f"{mine.code} {mine.message}, and Keras gives {ran}"
        return
    assert not isinstance(theirs, Exception), f"{mine}, and Keras refuses: {theirs}"
    assert mine == theirs or (case.name in LOOSER and weaker(mine, theirs)), f"{mine}, and Keras says {theirs}"
    if not isinstance(ran, Exception):
        shapes = [shape for shape, _ in mine.outputs]
        assert all(covers(shape, real) for shape, real in zip(shapes, ran, strict=True)), f"{mine}, and it gives {ran}"


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
    held(RULES[name], agree, 200)
