"""Specs as texts to plans, plans to code, and code to what it defines."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from specc.backend.network import build
from specc.backend.precision import policy
from specc.diagnostics import Log
from specc.driver import check
from specc.emit import python
from specc.plan import Plan
from specc.tree import Source

MOVED = """
specc: 1
dataset:
  source: {npz: none.npz}
  inputs: {image: {type: image, size: [16, 16], channels: 3}}
  targets:
    mask: {type: image, size: [16, 16], classes: 3, ignore_class: 255}
    box: {type: tensor, shape: [2, 4], boxes: xywh}
  augment:
    - RandomFlip: horizontal
    - RandomTranslation: {height_factor: 0.2, width_factor: 0.2}
    - RandomBrightness: 0.1
model:
  layers:
    - Conv2D: {filters: 3, kernel_size: 1, activation: softmax}
      name: pixels
    - layers: [Flatten, {Dense: 8}, {Reshape: [2, 4]}]
      name: corners
      inputs: image
  outputs: {mask: pixels, box: corners}
training: {loss: {mask: sparse_categorical_crossentropy, box: mae}, optimizer: adam}
"""


def plan_of(text: str, path: str = "spec.yaml") -> Plan:
    return check(Source(path, text), Log())


def executed(code: str) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(code, "emitted.py", "exec"), scope)
    return scope


def expect_the_same(plan: Plan, code: str) -> None:
    """Equal configurations: every layer with its name and arguments, and what it is called on; and equal weights."""
    keras.backend.clear_session()
    built = build(plan, Log())
    keras.backend.clear_session()
    with policy(keras.config.dtype_policy().name):  # the script sets one, for its whole process
        made = executed(code)["build_model"]()
    assert made.get_config() == built.get_config()
    # The seed alone makes them the same before any weight is copied.
    assert all(np.array_equal(a, b) for a, b in zip(made.get_weights(), built.get_weights(), strict=True))


def emitted(text: str) -> str:
    """What is emitted of a spec, after it was seen to build the network that the spec is."""
    plan = plan_of(text)
    code = python(plan, Log())
    expect_the_same(plan, code)
    return code
