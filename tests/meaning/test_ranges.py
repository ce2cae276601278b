"""An embedding is refused where Keras meets an index that it does not have, and nowhere else."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from specc import driver
from specc.backend.network import build
from specc.diagnostics import Log, Rejected
from specc.tree import Source
from tests.meaning.specs import found_in, spec

CATEGORY = {"type": "category", "classes": 6}
SOURCES: dict[str, tuple[dict[str, Any], list[Any], int]] = {
    "a category": (CATEGORY, [], 6),
    "a vocabulary and what is not in it": ({"type": "category", "vocabulary": ["a", "b"], "oov": 2}, [], 4),
    "yes or no": ({"type": "binary"}, [{"ops.cast": "int32"}], 2),
    "a category, reshaped and cast": (CATEGORY, [{"Reshape": [1]}, {"ops.cast": "float32"}], 6),
    "hashes": (CATEGORY, [{"Hashing": 9}], 9),
    "a lookup": (CATEGORY, [{"IntegerLookup": {"vocabulary": [3, 5, 7]}}], 4),
    "a lookup with a mask": (CATEGORY, [{"IntegerLookup": {"vocabulary": [3, 5], "mask_token": 0}}], 4),
    "bins": ({"type": "number"}, [{"Discretization": {"bin_boundaries": [0.0, 1.0, 2.0]}}], 4),
    "the best of five": ({"type": "number"}, [{"Dense": 5}, {"ops.argmax": -1}], 5),
}
SINKS: dict[str, Any] = {
    "Embedding": lambda size: [{"Embedding": {"input_dim": size, "output_dim": 2}}],
    "CategoryEncoding": lambda size: [{"CategoryEncoding": {"num_tokens": size, "output_mode": "one_hot"}}],
    "ops.one_hot": lambda size: [{"ops.one_hot": size}],
}


def text(source: str, sink: str, more: int) -> str:
    feature, layers, count = SOURCES[source]
    ends = [*layers, *SINKS[sink](count + more), {"Flatten": {}}, {"Dense": 1}]
    inputs = {"dataset": {"source": {"csv": "none.csv"}, "inputs": {"x": feature}}}
    return spec({"type": "number"}, ends, **inputs)


@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize("source", SOURCES)
def test_one_entry_too_few_is_an_error_and_as_many_or_more_are_not(source: str, sink: str) -> None:
    assert found_in(text(source, sink, -1)) == ["S306"]
    assert found_in(text(source, sink, 0)) == []
    assert found_in(text(source, sink, 50)) == []


VALUES: dict[str, Any] = {
    "a category": np.arange(6, dtype="int32"),
    "a vocabulary and what is not in it": np.arange(4, dtype="int32"),
    "yes or no": np.array([[0.0], [1.0]], "float32"),
    "a category, reshaped and cast": np.arange(6, dtype="int32"),
    "a lookup": np.array([3, 5, 7, 1], "int32"),
    "a lookup with a mask": np.array([0, 3, 5, 1], "int32"),
    "bins": np.array([[-1.0], [0.5], [1.5], [9.0]], "float32"),
}


@pytest.mark.parametrize("source", VALUES)
def test_the_last_index_that_is_counted_does_come(source: str) -> None:
    fitting = driver.check(Source("spec.yaml", text(source, "Embedding", 0)), Log())
    build(fitting, Log())({"x": VALUES[source]})
    _, _, count = SOURCES[source]
    steps = fitting.network.steps
    position = next(i for i, s in enumerate(steps) if s.call.name == "Embedding")
    model = build(fitting, Log())
    indices = keras.Model(model.inputs, model.get_layer(steps[position].name).input)({"x": VALUES[source]})
    assert int(np.max(indices)) == count - 1, "the last index can come, and an entry fewer has no place for it"


@pytest.mark.parametrize(
    "feature",
    [
        {"type": "category"},
        {"type": "tensor", "shape": [3], "dtype": "int32"},
        {"type": "category", "vocabulary": "auto", "oov": 1},
    ],
)
def test_what_only_the_data_knows_is_no_error(feature: dict[str, Any]) -> None:
    inputs = {"dataset": {"source": {"csv": "none.csv"}, "inputs": {"x": feature}}}
    layers = [{"Embedding": {"input_dim": 1, "output_dim": 2}}, "Flatten", {"Dense": 1}]
    assert found_in(spec({"type": "number"}, layers, **inputs)) == []


def test_what_the_data_has_told_is_heeded() -> None:
    inputs = {"dataset": {"source": {"csv": "none.csv"}, "inputs": {"x": {"type": "category"}}}}
    layers = [{"Embedding": {"input_dim": 3, "output_dim": 2}}, "Flatten", {"Dense": 1}]
    log = Log()
    facts = {"inputs.x": {"classes": 4, "shape": []}}
    with pytest.raises(Rejected, match="S306"):
        driver.check(Source("spec.yaml", spec({"type": "number"}, layers, **inputs), facts=facts), log)


WORDS = {"type": "category", "vocabulary": ["a", "b"], "oov": 2}


TOO_FEW = {"${len(inputs.x.vocabulary)}": "S306", "${inputs.x.vocabulary}": "S105"}


@pytest.mark.parametrize(("size", "code"), TOO_FEW.items())
def test_the_remedy_is_what_to_write(size: str, code: str) -> None:
    def written(size: str) -> str:
        ends = [*SINKS["Embedding"](size), {"Flatten": {}}, {"Dense": 1}]
        return spec({"type": "number"}, ends, dataset={"source": {"csv": "none.csv"}, "inputs": {"x": WORDS}})

    log = Log()
    with pytest.raises(Rejected):
        driver.check(Source("spec.yaml", written(size)), log)
    (found,) = log.diagnostics
    assert found.code.id == code
    *_, meant = found.help.split("`")[:-1]
    assert found_in(written(meant.replace("NAME", "x"))) == []
