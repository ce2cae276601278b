"""What ops cost: products of matrices and convolutions as TensorFlow's profiler counts them, the rest by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from specc.calls import Call
from specc.shapes import Result, Site, apply
from specc.tensors import Tensor
from tests.shapes.judge import completed

Shapes = Mapping[str, tuple[int | None, ...]]


def made(name: str, shapes: Shapes, **arguments: Any) -> Result:
    """What the rule makes of an op on `float32` tensors of those shapes."""
    call = completed(Call("ops", name, arguments))
    inputs = {key: Tensor(shape, "float32") for key, shape in shapes.items()}
    result = apply(Site(call, call.arguments, inputs))
    assert result is not None
    return result


def profiled(op: Callable[..., Any], shapes: Shapes) -> int:
    """The operations that TensorFlow's profiler counts in the graph of an op."""
    signature = [tf.TensorSpec(shape, "float32") for shape in shapes.values()]
    graph = convert_variables_to_constants_v2(tf.function(op, input_signature=signature).get_concrete_function()).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return int(tf.compat.v1.profiler.profile(graph, options=options).total_float_ops)


PRODUCTS: list[tuple[str, Shapes, dict[str, Any]]] = [
    ("matmul", {"x1": (5, 3), "x2": (3, 4)}, {}),
    ("matmul", {"x1": (7, 5, 3), "x2": (7, 3, 4)}, {}),
    ("matmul", {"x1": (7, 2, 5, 3), "x2": (7, 2, 3, 4)}, {}),
    ("tensordot", {"x1": (2, 5, 3), "x2": (3, 4)}, {"axes": 1}),
    ("tensordot", {"x1": (2, 5, 3), "x2": (3, 5, 4)}, {"axes": [[1, 2], [1, 0]]}),
    ("dot", {"x1": (6, 3), "x2": (3, 4)}, {}),
    ("conv", {"inputs": (2, 9, 8, 3), "kernel": (3, 2, 3, 4)}, {}),
    ("conv", {"inputs": (2, 9, 8, 3), "kernel": (3, 3, 3, 4)}, {"strides": 2, "padding": "same"}),
    ("conv", {"inputs": (2, 9, 3), "kernel": (3, 3, 4)}, {}),
    ("conv", {"inputs": (1, 10, 10, 3), "kernel": (3, 3, 3, 4)}, {"dilation_rate": 2}),
    ("depthwise_conv", {"inputs": (2, 9, 8, 3), "kernel": (3, 2, 3, 4)}, {}),
    ("depthwise_conv", {"inputs": (2, 9, 8, 3), "kernel": (3, 2, 3, 1)}, {"strides": (2, 2)}),
    (
        "separable_conv",
        {"inputs": (2, 9, 8, 3), "depthwise_kernel": (3, 3, 3, 2), "pointwise_kernel": (1, 1, 6, 5)},
        {"padding": "same"},
    ),
    ("max_pool", {"inputs": (2, 9, 8, 3)}, {"pool_size": 2}),
    ("average_pool", {"inputs": (2, 9, 8, 3)}, {"pool_size": (3, 2), "strides": 1, "padding": "same"}),
    ("softmax", {"x": (2, 7)}, {}),
]


@pytest.mark.parametrize("index", range(len(PRODUCTS)), ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(PRODUCTS)])
def test_products_and_windows_cost_what_the_profiler_counts(index: int) -> None:
    name, shapes, arguments = PRODUCTS[index]
    counted = profiled(lambda *tensors: getattr(keras.ops, name)(*tensors, **arguments), shapes)
    assert counted > 0
    assert made(name, shapes, **arguments).flops == counted


def test_an_inner_product_costs_what_the_product_of_matrices_does() -> None:
    # Keras traces a product of single numbers beside it, of which the profiler knows not that it does not run.
    product = profiled(lambda x1, x2: keras.ops.matmul(x1, x2), {"x1": (6, 3), "x2": (3, 6)})
    assert made("inner", {"x1": (6, 3), "x2": (6, 3)}).flops == product


SUMS = [
    "ij,jk->ik",
    "bij,bjk->bik",
    "bqhd,bkhd->bhqk",
    "ij,jk,kl->il",
    "i,i->",
    "i,j->ij",
    "ij,ij->ij",
    "bij,jk,bk->bi",
]


@pytest.mark.parametrize("subscripts", SUMS)
def test_an_einsum_costs_what_numpy_counts(subscripts: str) -> None:
    size = {letter: i for i, letter in enumerate("ijklbqhd", 2)}
    shapes = [tuple(size[letter] for letter in spec) for spec in subscripts.partition("->")[0].split(",")]
    _, report = np.einsum_path(subscripts, *map(np.ones, shapes), optimize="optimal")
    counted = float(report.partition("Optimized FLOP count:")[2].split()[0])
    call = completed(Call("ops", "einsum", {"subscripts": subscripts}))
    result = apply(Site(call, call.arguments, {"operands": tuple(Tensor(s, "float32") for s in shapes)}))
    assert result is not None
    assert result.flops is not None
    # NumPy counts one more, and writes three decimals.
    assert f"{result.flops + 1:.3e}" == f"{counted:.3e}"


@pytest.mark.parametrize("name", ["conv", "depthwise_conv", "matmul", "max_pool"])
def test_an_unknown_batch_counts_as_one_example(name: str) -> None:
    known, shapes, arguments = next(p for p in PRODUCTS if p[0] == name)
    first = next(iter(shapes))
    one, unknown = ({**shapes, first: (batch, *shapes[first][1:])} for batch in (1, None))
    assert made(known, one, **arguments).flops == made(known, unknown, **arguments).flops


def test_what_hangs_on_an_unknown_dimension_costs_an_unknown_number() -> None:
    assert made("matmul", {"x1": (None, None, 3), "x2": (3, 4)}).flops is None
    assert made("conv", {"inputs": (None, None, 8, 3), "kernel": (3, 3, 3, 4)}).flops is None
    assert made("matmul", {"x1": (None, 5, None), "x2": (3, 4)}).flops == 2 * 5 * 3 * 4


def test_attention_keeps_its_scores() -> None:
    shapes = {"query": (None, 6, 2, 8), "key": (None, 5, 2, 8), "value": (None, 5, 2, 4)}
    result = made("dot_product_attention", shapes)
    scores = 6 * 5 * 2
    assert result.flops == 2 * scores * 8 + 6 * scores + 2 * scores * 4
    assert result.kept == (Tensor((None, 2, 6, 5), "float32"), Tensor((None, 6, 2, 4), "float32"))


def test_what_only_looks_otherwise_keeps_nothing_and_costs_nothing() -> None:
    result = made("rearrange", {"tensor": (2, 3, 4)}, pattern="b h w -> b (h w)")
    assert (result.flops, result.kept) == (0, ())
