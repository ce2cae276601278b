"""Which arguments are tensors, held against Keras: what the catalog says is called on symbolic tensors."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import pytest
from keras import KerasTensor
from keras.src.layers.merging.base_merge import Merge

from specc import catalog
from specc.calls import Signature
from specc.diagnostics import Span
from specc.schema import call_complaints
from specc.tree import planted

HERE = Span("spec.yaml", 1, 1, 1, 1)
TENSORS = [
    *(
        KerasTensor(shape, "float32")
        for shape in [(2, 4), (2, 4, 4), (2, 8, 8, 3), (4,), (2, 8, 8, 8, 3), (2, 4, 4, 4)]
    ),
    *(KerasTensor(shape, "int32") for shape in [(2, 4), (4,)]),
    *(KerasTensor((2, 4), dtype) for dtype in ("bool", "complex64")),
]
"""An op is right about its tensors when it takes some of these for them."""

VALUES: list[Any] = [2, 1, 0.5, "linear", "float32", [2], [1, 1], [0, 1], [2, 2, 2, 2], 0, "same", True]
GIVEN: Mapping[str, Mapping[str, Any]] = {
    "einsum": {"subscripts": "ij,kj->ik"},
    "image.crop_images": {"target_height": 4, "target_width": 4, "top_cropping": 0, "left_cropping": 0},
    "image.pad_images": {"target_height": 9, "target_width": 9, "top_padding": 0, "left_padding": 0},
    "multi_hot": {"num_classes": 3},
    "adaptive_average_pool": {"output_size": (2, 2)},
    "adaptive_max_pool": {"output_size": (2, 2)},
    "broadcast_to": {"shape": [3, 2, 4]},
    "image.scale_and_translate": {
        "output_shape": [4, 4, 4, 3],
        "scale": [1.0, 1.0],
        "translation": [0.0, 0.0],
        "spatial_dims": [1, 2],
        "method": "linear",
    },
    "rearrange": {"pattern": "a b -> b a"},
    "reshape": {"newshape": [-1]},
    "tensordot": {"axes": 1},
}
INPUTS: Mapping[str, tuple[KerasTensor, ...]] = {
    "image.perspective_transform": (TENSORS[2], KerasTensor((2, 4, 2)), KerasTensor((2, 4, 2))),
}
WITH_TENSORS = [op for op in catalog.names("ops") if any(t.required for t in catalog.signature("ops", op).tensors)]


def function(name: str) -> Any:
    found = keras.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def given(takes: Signature) -> dict[str, Any]:
    """The arguments that an op must have."""
    found = dict(GIVEN.get(takes.name, {}))
    for argument in takes.arguments:
        if argument.required and argument.name not in found:
            fits = (v for v in VALUES if not _complaints(takes.name, argument.name, v))
            found[argument.name] = next(fits)
    return found


def _complaints(op: str, argument: str, value: Any) -> list[str]:
    told = call_complaints("ops", op, planted({argument: value}, HERE))
    return [c.message for c in told if c.code.id != "S104"]


def inputs(takes: Signature) -> Iterator[tuple[KerasTensor, ...]]:
    count = sum(t.required for t in takes.tensors)
    if takes.name in INPUTS:
        yield INPUTS[takes.name]
    for pair in itertools.product(TENSORS, repeat=min(count, 2)):
        yield (*pair, *pair[-1:] * (count - len(pair)))


def called(takes: Signature) -> Any:
    """What an op gives for the first symbolic tensors that it takes."""
    arguments, required = given(takes), [t for t in takes.tensors if t.required]
    error: Exception | None = None
    for tensors in inputs(takes):
        spread = [t for tensor, t in zip(required, tensors, strict=True) if tensor.variadic for t in (t, t)]
        named = {
            tensor.name: [t, t] if tensor.many else t
            for tensor, t in zip(required, tensors, strict=True)
            if not tensor.variadic
        }
        try:
            if spread:
                return function(takes.name)(*arguments.values(), *spread)
            return function(takes.name)(**named, **arguments)
        except Exception as refused:  # whatever Keras raises when these tensors do not fit
            error = refused
    raise AssertionError(f"{takes.name} takes none of these tensors: {error}")


@pytest.mark.parametrize("op", WITH_TENSORS)
def test_an_op_takes_symbolic_tensors_where_the_catalog_says(op: str):
    gives = keras.tree.flatten(called(catalog.signature("ops", op)))
    assert gives
    assert all(isinstance(tensor, KerasTensor) for tensor in gives)


def test_an_op_without_tensors_makes_one_of_its_arguments():
    without = set(catalog.names("ops")) - set(WITH_TENSORS)
    assert without == {
        *("arange", "bartlett", "blackman", "empty", "eye", "full", "geomspace", "hamming", "hanning", "identity"),
        *("kaiser", "linspace", "logspace", "ones", "tri", "zeros"),
    }


@pytest.mark.parametrize("op", ["add", "power", "maximum", "where", "take"])
def test_a_tensor_that_may_also_be_numbers_stands_among_the_arguments_too(op: str):
    takes = catalog.signature("ops", op)
    assert takes.arguments[0].name in {t.name for t in takes.tensors}


@pytest.mark.parametrize("op", WITH_TENSORS)
def test_where_the_catalog_says_that_numbers_do_for_a_tensor_they_do(op: str):
    takes = catalog.signature("ops", op)
    tensors = [t.name for t in takes.tensors if t.required or op == "where"]
    for name in {a.name for a in takes.arguments} & set(tensors):
        assert any(_works(op, name, [t for t in tensors if t != name], tensor) for tensor in TENSORS)


def _works(op: str, name: str, others: list[str], tensor: KerasTensor) -> bool:
    number = [0.0, 1.0] if name == "sorted_sequence" else 1
    try:
        return function(op)(**{name: number}, **dict.fromkeys(others, tensor)) is not None
    except (ValueError, TypeError, AttributeError):
        return False


@pytest.mark.parametrize("layer", catalog.names("layers"))
def test_tensors_and_options_of_a_layer_are_the_arguments_of_its_call(layer: str):
    takes = catalog.signature("layers", layer)
    call = inspect.signature(getattr(keras.layers, layer).call).parameters
    named = [p for p in call.values() if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    assert {t.name for t in takes.tensors} | {o.name for o in takes.options} == {p.name for p in named}
    assert [t.name for t in takes.tensors] == [p.name for p in named if p.name in {t.name for t in takes.tensors}]
    for tensor in takes.tensors:
        assert tensor.required == (call[tensor.name].default is inspect.Parameter.empty)
    for option in takes.options:
        assert option.default == call[option.name].default


def test_merging_and_attending_layers_take_one_list():
    lists = {n for n in catalog.names("layers") for t in catalog.signature("layers", n).tensors[:1] if t.many}
    merging = {n for n in catalog.names("layers") if issubclass(getattr(keras.layers, n), Merge)}
    assert lists == merging | {"Attention", "AdditiveAttention", "HashedCrossing"}
    x = KerasTensor((2, 4, 4))
    for name in lists - {"HashedCrossing", "Dot"}:
        assert isinstance(getattr(keras.layers, name)()([x, x]), KerasTensor)


def test_an_application_takes_one_tensor_and_no_weights_from_the_net():
    for name in catalog.names("applications"):
        takes = catalog.signature("applications", name)
        assert [t.name for t in takes.tensors] == ["inputs"]
        assert takes.argument("weights").default is None
        assert {"include_top", "pooling", "classes"} <= {a.name for a in takes.arguments}
