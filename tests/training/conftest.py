"""What the tests of training stand on: specs over arrays, planned and run as a user's would be."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from specc import driver
from specc.backend.job import Run
from specc.backend.run import run
from specc.backend.training.progress import Place, Silent
from specc.diagnostics import Log
from specc.plan import Plan
from specc.tree import Source

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write arrays and a spec that reads them; `write(arrays, text)` gives the path of the spec."""
    return partial(written, tmp_path)


def written(folder: Path, arrays: Mapping[str, Any], text: str, name: str = "spec") -> Path:
    """Write arrays and a spec that reads them into a folder; the path of the spec."""
    np.savez(folder / "data.npz", **arrays)
    path = folder / f"{name}.yaml"
    path.write_text(f"specc: 1\n{textwrap.dedent(text).strip()}\n", encoding="utf-8")
    return path


class Followed(Silent):
    """Keeps where training was each time that it was told."""

    def __init__(self) -> None:
        self.places: list[Place] = []

    def start(self, epochs: int, at: Place) -> None:
        self.places.append(at)

    def advance(self, at: Place, rate: float, logs: Mapping[str, float], waiting: float) -> None:
        self.places.append(at)


@dataclass(frozen=True)
class Whole:
    """A run that nothing has stopped, which others are held against, and how far it said that it was."""

    plan: Plan
    path: Path
    run: Run
    told: list[Place]


def whole(folder: Path, arrays: Mapping[str, Any], text: str, **sets: Any) -> Whole:
    """Train a spec from beginning to end, for all tests of a module."""
    plan = planned(written(folder, arrays, text), **sets)
    followed = Followed()
    done = run(plan, folder / "whole", Log(), progress=followed)
    return Whole(plan, folder / "whole", done, followed.places)


def planned(path: Path, log: Log | None = None, **sets: Any) -> Plan:
    """The plan of the spec at a path, with values laid over it: `training__epochs=2` sets `training.epochs`."""
    laid = {name.replace("__", "."): value for name, value in sets.items()}
    return driver.check(Source(str(path), path.read_text(encoding="utf-8"), sets=laid), log or Log())


def blobs(examples: int, classes: int = 3, features: int = 6, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """A small task that a network can learn: `x` [examples, features] float32, `y` [examples] int32."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, examples)
    centres = rng.normal(size=(classes, features))
    x = centres[y] + 0.8 * rng.normal(size=(examples, features))
    return {"x": x.astype("float32"), "y": y.astype("int32")}


BLOBS = """
name: blobs
seed: 11
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [6]}}
  targets: {y: {type: category, classes: 3}}
  batch_size: 16
  shuffle: false
model:
  layers:
    - Dense: {units: 12, activation: relu}
    - Dense: {units: 3, activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: {learning_rate: 0.01}}
  metrics: [accuracy]
  epochs: 3
"""
"""The least of specs that can be trained; tests lay over it what they are about."""
