"""What the checker says of a network is what Keras builds: names, shapes, dtypes, weights, sharing, values."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from specc.backend.network import build
from specc.diagnostics import Log
from specc.driver import check
from specc.plan import Plan
from specc.tree import Source

CASES = sorted((Path(__file__).parents[1] / "cases" / "good").glob("*.yaml"))
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


def plan_of(text: str, path: str = "spec.yaml") -> Plan:
    return check(Source(path, text), Log())


def model_of(text: str) -> keras.Model:
    return build(plan_of(text), Log())


@pytest.mark.parametrize("path", [*CASES, *EXAMPLES], ids=lambda p: p.stem)
def test_the_plan_of_a_good_spec_is_the_model_that_keras_builds(path: Path) -> None:
    plan = plan_of(path.read_text(encoding="utf-8"), str(path))
    if not plan.network.steps or plan.open_facts:
        pytest.skip("no network, or one that waits for its data")
    model = build(plan, Log())
    assert set(model.output) == {output.name for output in plan.network.outputs}
    for output in plan.network.outputs:
        inferred = plan.network.tensor(output.ref)
        if inferred is not None and inferred.shape is not None:
            assert tuple(model.output[output.name].shape) == inferred.shape
            assert model.output[output.name].dtype == inferred.dtype
    if plan.network.weights is not None:
        assert plan.network.weights == model.count_params()
        assert plan.network.trainable == sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    layers = {layer.name: layer for layer in model.layers}
    for step in plan.network.steps:
        if step.call.family == "layers" and step.shares is None and step.weights is not None:
            assert [tuple(w.shape) for w in layers[step.name].weights] == [w.shape for w in step.weights]


def test_apply_uses_the_weights_of_the_named_step() -> None:
    model = model_of("""
specc: 1
model:
  inputs: {left: {shape: [6]}, right: {shape: [6]}}
  layers:
    - layers: [{Dense: 5}, {Dense: 3}]
      name: encoder
      inputs: left
    - apply: encoder
      name: other
      inputs: right
  outputs: {a: encoder, b: other}
""")
    x = np.random.default_rng(0).normal(size=(4, 6)).astype("float32")
    answers = model({"left": x, "right": x})
    np.testing.assert_array_equal(answers["a"], answers["b"])
    assert len(model.trainable_weights) == 4


def test_a_residual_block_is_the_sum_of_its_chain_and_its_shortcut() -> None:
    model = model_of("""
specc: 1
model:
  inputs: {x: {shape: [6]}}
  layers:
    - residual: [{Dense: {units: 4}, name: long}]
      shortcut: [{Dense: {units: 4, use_bias: false}, name: short}]
      name: block
""")
    x = np.random.default_rng(0).normal(size=(2, 6)).astype("float32")
    long, short = model.get_layer("block.long"), model.get_layer("block.shortcut.short")
    expected = x @ long.kernel.numpy() + long.bias.numpy() + x @ short.kernel.numpy()
    np.testing.assert_allclose(next(iter(model({"x": x}).values())), expected, atol=1e-6)


def test_repeated_steps_have_their_own_weights_and_see_their_number() -> None:
    model = model_of("""
specc: 1
model:
  inputs: {x: {shape: [6]}}
  layers:
    - Dense: "${2 ** (i + 1)}"
      name: pyramid
      repeat: 3
""")
    assert [model.get_layer(f"pyramid.{i}").units for i in range(3)] == [2, 4, 8]


def test_the_same_seed_draws_the_same_weights_and_another_seed_others() -> None:
    text = "specc: 1\nseed: {}\nmodel:\n  inputs: {{x: {{shape: [6]}}}}\n  layers: [{{Dense: 5}}]\n"
    one, same, other = (model_of(text.format(seed)).get_weights()[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_frozen_steps_are_not_trained() -> None:
    model = model_of("""
specc: 1
model:
  inputs: {x: {shape: [6]}}
  layers:
    - layers: [{Dense: 5}, {BatchNormalization: {}}]
      freeze: true
    - Dense: 2
""")
    assert len(model.trainable_weights) == 2
    assert len(model.weights) == 8


def test_a_when_that_is_false_leaves_the_step_out() -> None:
    text = """
specc: 1
params: {deep: true}
model:
  inputs: {x: {shape: [6]}}
  layers:
    - Dense: 5
      when: "${deep}"
    - Dense: 2
"""
    assert len(plan_of(text).network.steps) == 2
    shallow = check(Source("spec.yaml", text, params={"deep": False}), Log())
    assert [step.name for step in shallow.network.steps] == ["dense"]


def test_a_model_with_applications_and_ops_is_built() -> None:
    model = model_of("""
specc: 1
model:
  inputs: {image: {shape: [64, 64, 3]}}
  layers:
    - applications.MobileNetV2: {include_top: false, pooling: avg}
      name: backbone
      freeze: true
    - ops.multiply:
      inputs: [prev, prev]
    - ops.einsum: "bi,bi->b"
      inputs: [prev, prev]
    - ops.expand_dims: -1
    - Dense: 3
""")
    assert tuple(next(iter(model.output.values())).shape) == (None, 3)
    assert len(model.trainable_weights) == 2


def test_a_saved_model_loads_in_plain_keras(tmp_path: Path) -> None:
    model = model_of("""
specc: 1
model:
  inputs: {x: {shape: [6]}}
  layers:
    - Dense: {units: 5, activation: {leaky_relu: {negative_slope: 0.3}}, kernel_initializer: {HeNormal: {seed: 3}}}
    - Dense: {units: 2, kernel_regularizer: {L2: 0.01}}
""")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(2, 6)).astype("float32")
    for name, answer in model({"x": x}).items():
        np.testing.assert_array_equal(answer, again({"x": x})[name])
