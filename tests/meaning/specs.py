"""Specs of one target, made to measure: what the tests of meaning ask the checker about, and arrays that fit them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from specc import driver
from specc.diagnostics import Diagnostic, Log, Rejected
from specc.tree import Source

Array = np.ndarray[Any, np.dtype[Any]]
EXAMPLES = 12
STEPS = 5


@dataclass(frozen=True)
class Target:
    """A target: its feature, the shape of one example, and from how many classes its values come (0: any float)."""

    feature: Mapping[str, Any]
    shape: tuple[int, ...]
    classes: int

    @property
    def is_number(self) -> bool:
        return self.feature["type"] == "number"

    def draw(self, rng: np.random.Generator, least: int = 0, below: int = 4) -> Array:
        """Values as training gets them; `least` and `below` bound whole numbers of no declared range."""
        if self.feature.get("encode") == "one_hot":
            return np.eye(self.classes, dtype="float32")[rng.integers(self.classes, size=EXAMPLES)]
        if self.classes:
            return rng.integers(self.classes, size=(EXAMPLES, *self.shape)).astype("float32")
        if self.feature.get("dtype") == "int32":
            return rng.integers(least, max(below, 1), size=(EXAMPLES, *self.shape)).astype("float32")
        if self.is_number:
            return (rng.normal(size=(EXAMPLES, *self.shape)) + 6).astype("float32")
        return rng.uniform(0.05, 0.95, (EXAMPLES, *self.shape)).astype("float32")


TARGETS = {
    "a number": Target({"type": "number"}, (1,), 0),
    "yes or no": Target({"type": "binary"}, (1,), 2),
    "one of 3 classes": Target({"type": "category", "classes": 3}, (), 3),
    "one of 2 classes": Target({"type": "category", "classes": 2}, (), 2),
    "one-hot of 3": Target({"type": "category", "classes": 3, "encode": "one_hot"}, (3,), 3),
    "a whole number": Target({"type": "tensor", "shape": [], "dtype": "int32"}, (), 0),
    "a whole number in a list": Target({"type": "tensor", "shape": [1], "dtype": "int32"}, (1,), 0),
    "a row of whole numbers": Target({"type": "tensor", "shape": [STEPS], "dtype": "int32"}, (STEPS,), 0),
    "a column of whole numbers": Target({"type": "tensor", "shape": [STEPS, 1], "dtype": "int32"}, (STEPS, 1), 0),
    "3 floats": Target({"type": "tensor", "shape": [3]}, (3,), 0),
    "a table of floats": Target({"type": "tensor", "shape": [STEPS, 3]}, (STEPS, 3), 0),
}
OUTPUTS = ((1,), (2,), (3,), (STEPS, 1), (STEPS, 3))


def spec(
    target: Mapping[str, Any],
    layers: Sequence[Any],
    loss: Any = "mse",
    metrics: Sequence[Any] = (),
    shape: Sequence[int] = (4,),
    **sections: Any,
) -> str:
    """The text of a spec: the loss on line 1 of its own, each metric on another."""
    document = {
        "specc": 1,
        "dataset": {
            "source": {"npz": "data.npz"},
            "inputs": {"x": {"type": "tensor", "shape": list(shape)}},
            "targets": {"y": target},
            **sections.pop("dataset", {}),
        },
        "model": {"layers": list(layers)},
        "training": {"loss": loss, "optimizer": "adam", "metrics": list(metrics), **sections},
    }
    return json.dumps(document, indent=1)


def ending_in(output: tuple[int, ...], activation: str) -> tuple[list[Any], tuple[int, ...]]:
    """Layers that give an output of this shape, and the shape of the input that they take."""
    shape = (STEPS, 4) if len(output) == 2 else (4,)
    return [{"Dense": {"units": output[-1], "activation": activation}}], shape


def findings(text: str) -> list[Diagnostic]:
    """The errors that checking gives."""
    log = Log()
    with suppress(Rejected):
        driver.check(Source("spec.yaml", text), log)
    return [found for found in log.sorted() if found.code.id.startswith("S")]


def found_in(text: str) -> list[str]:
    return [found.code.id for found in findings(text)]
