"""The Python that is emitted is the network that specc builds: the same layers, weights and numbers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from specc import catalog
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.diagnostics import Log, Rejected
from specc.driver import check
from specc.plan import Plan
from specc.render.python import BY_NAME, python
from specc.tree import Source

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "tests" / "cases" / "good").glob("*.yaml"), *(ROOT / "examples").glob("*.yaml")])

RICH = """
specc: 1
description: A network of "many" things, that is written down with backslashes \\\\, and in a line too long for one.
seed: 11
model:
  inputs:
    left: {shape: [6, 4]}
    lambda: {shape: [6, 4]}
    picture: {shape: [32, 32, 3]}
    word: {shape: [5], dtype: int32}
  layers:
    - Dense: {units: 4, activation: {leaky_relu: {negative_slope: 0.2}}, kernel_initializer: he_normal}
      name: shared
      inputs: left
    - apply: shared
      name: right
      inputs: lambda
    - ops.matmul:
      name: product
      inputs: {x1: shared, x2: transposed}
      when: false
    - ops.einsum: "bij,bik->bjk"
      name: sums
      inputs: [shared, right]
    - Bidirectional: {layer: {LSTM: {units: 3, return_sequences: true, kernel_regularizer: {L2: 1e-4}}}}
      name: rnn
    - Dense: {units: 5, bias_initializer: {Constant: 0.5}, kernel_constraint: {max_norm: {max_value: 2}}}
      name: list
      freeze: true
    - Flatten: {}
      name: flat
    - Embedding: {input_dim: 20, output_dim: 4}
      inputs: word
    - GlobalAveragePooling1D: {}
      name: words
    - applications.MobileNetV3Small: {include_top: false, pooling: avg, alpha: 0.35, minimalistic: true}
      name: backbone
      inputs: picture
    - Concatenate: {}
      name: all
      inputs: [flat, words, backbone]
    - BatchNormalization: {}
      name: model
    - Dense: 2
      name: answer
  outputs: {yes: answer, rest: rnn}
"""


def plan_of(text: str, path: str = "spec.yaml") -> Plan:
    return check(Source(path, text), Log())


def executed(code: str) -> dict[str, Any]:
    scope: dict[str, Any] = {}
    exec(compile(code, "emitted.py", "exec"), scope)
    return scope


def batch(model: keras.Model, rows: int = 2) -> dict[str, Any]:
    """Inputs of the shapes that a model takes, unknown dimensions of size 7."""
    generator = np.random.default_rng(0)
    shapes = {name: (rows, *(size or 7 for size in tensor.shape[1:])) for name, tensor in model.input.items()}
    return {
        name: generator.integers(0, 2, shape)
        if model.input[name].dtype.startswith("int")
        else generator.random(shape, np.float32)
        for name, shape in shapes.items()
    }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(np.asarray(one[k]), np.asarray(other[k])) for k in one)


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_emitted_network_answers_bit_for_bit_as_the_one_that_is_built(path: Path) -> None:
    plan = plan_of(path.read_text(encoding="utf-8"), str(path))
    if plan.open_facts:
        pytest.skip("what this network is waits for its data")
    expect_the_same(plan)


def test_so_does_one_with_shared_and_frozen_layers_and_names_that_python_has_other_uses_for() -> None:
    expect_the_same(plan_of(RICH))


def expect_the_same(plan: Plan) -> None:
    emitted = executed(python(plan, Log()))["model"]
    built = build(plan, Log())
    assert emitted.name == built.name
    assert [w.path.split("/")[-1] for w in emitted.weights] == [w.path.split("/")[-1] for w in built.weights]
    assert len(emitted.trainable_weights) == len(built.trainable_weights)
    # The seed alone makes them the same before any weight is copied.
    assert all(np.array_equal(a, b) for a, b in zip(emitted.get_weights(), built.get_weights(), strict=True))
    given = batch(built)
    assert same(emitted(given), built(given))


def test_layers_bear_the_names_of_their_steps() -> None:
    plan = plan_of(RICH)
    emitted = executed(python(plan, Log()))["model"]
    named = {step.name for step in plan.network.steps if step.call.family != "ops" and step.shares is None}
    assert named <= {layer.name for layer in emitted.layers}


def test_a_compiled_network_has_the_losses_metrics_and_optimizer_of_its_plan() -> None:
    plan = plan_of((ROOT / "examples" / "digits.yaml").read_text(encoding="utf-8"), str(ROOT / "examples/digits.yaml"))
    emitted = executed(python(plan, Log()))["model"]
    built = build(plan, Log())
    compile_model(built, plan, Log())
    made, wanted = emitted.optimizer.get_config(), built.optimizer.get_config()
    assert made | {"name": ""} == wanted | {"name": ""}  # Keras numbers them
    given, targets = batch(built, 8), {"digit": np.arange(8) % 10}
    one = emitted.evaluate(given, targets, verbose=0, return_dict=True)
    assert one == built.evaluate(given, targets, verbose=0, return_dict=True)
    assert set(one) == {"loss", "accuracy"}


TERMS = """
specc: 1
dataset:
  source: {npz: none.npz}
  inputs: {x: {type: tensor, shape: [4]}}
  targets: {y: {type: tensor, shape: [1]}, z: {type: tensor, shape: [1]}}
model:
  layers:
    - Dense: 1
      name: side
    - Dense: 1
      name: tail
  outputs: {y: tail}
training:
  loss:
    - {loss: mse, target: y, weight: 0.5}
    - {loss: {Huber: {delta: 2.0}}, target: y}
    - {loss: mae, output: side, target: z, weight: 0.25}
  optimizer: adam
"""


def test_terms_of_a_loss_are_lists_of_losses_and_of_their_weights() -> None:
    code = python(plan_of(TERMS), Log())
    compiled = executed(code)["model"].get_compile_config()
    assert [loss if isinstance(loss, str) else loss["class_name"] for loss in compiled["loss"]["y"]] == ["mse", "Huber"]
    assert compiled["loss_weights"] == {"y": [0.5, 1.0], "side": 0.25}
    assert "# What `side` is to answer is the target `z`." in code


def test_an_output_with_two_targets_cannot_be_emitted_and_says_so() -> None:
    log = Log()
    with pytest.raises(Rejected):
        python(plan_of(TERMS.replace("target: y}", "output: y, target: z}")), log)
    assert [(d.code.id, d.span.line) for d in log.diagnostics] == [("S105", 17)]


PHASES = """
specc: 1
dataset:
  source: {npz: none.npz}
  inputs: {x: {type: tensor, shape: [4]}}
  targets: {y: {type: tensor, shape: [1]}}
model:
  layers:
    - Dense: 4
      name: body
      freeze: true
    - Dense: 1
      name: tail
training:
  loss: mse
  optimizer: adam
  callbacks: [TerminateOnNaN]
  phases:
    - {epochs: 2, freeze: [tail], unfreeze: [body]}
    - {epochs: 3, unfreeze: [tail], optimizer: {SGD: 0.1}, callbacks: []}
    - {steps: 50, freeze: [body]}
"""


def test_phases_are_calls_of_fit_in_a_comment_that_runs() -> None:
    plan = plan_of(PHASES)
    code = python(plan, Log())
    scope = executed(code)
    assert [w.path for w in scope["model"].trainable_weights] == ["body/kernel", "body/bias"]
    comment = [line.removeprefix("# ") for line in code.splitlines() if line.startswith("# ")]
    statements = [line for line in comment[1:] if line.lstrip(" ").startswith(("for", "model")) or line.startswith(" ")]
    statements = [line for line in statements if not line.endswith(":") or line.startswith("for")]
    x, y = np.ones((32, 4), np.float32), np.ones((32, 1), np.float32)
    calls: list[tuple[dict[str, Any], list[str], str]] = []
    model, fit = scope["model"], scope["model"].fit

    def spy(*given: Any, **more: Any) -> None:
        calls.append((more, [w.path for w in model.trainable_weights], type(model.optimizer).__name__))
        fit({"x": x}, {"y": y}, **more, verbose=0)

    model.fit = spy
    exec("\n".join(statements), scope | {"inputs": None, "targets": None})
    told = [(more.get("epochs"), more.get("initial_epoch"), names, by) for more, names, by in calls]
    body, tail = ["body/kernel", "body/bias"], ["tail/kernel", "tail/bias"]
    assert told == [(2, None, body, "Adam"), (5, 2, [*body, *tail], "SGD"), (None, 5, tail, "Adam")]
    assert [len(more.get("callbacks", ())) for more, _, _ in calls] == [1, 0, 1]


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_code_is_as_ruff_would_write_it_and_imports_keras_alone(path: Path, tmp_path: Path) -> None:
    plan = plan_of(path.read_text(encoding="utf-8"), str(path))
    if plan.open_facts:
        pytest.skip("what this network is waits for its data")
    expect_clean(python(plan, Log()), tmp_path)


def test_so_is_that_of_a_network_with_everything(tmp_path: Path) -> None:
    expect_clean(python(plan_of(RICH), Log()), tmp_path)


def expect_clean(code: str, folder: Path) -> None:
    imported = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {ast.unparse(node).split()[1] for node in imported} == {"keras"}
    module = folder / "network.py"
    module.write_text(code, encoding="utf-8")
    for work in (["format", "--diff"], ["check", "--select", "E,F,W,I,B,UP,SIM,RUF,C4,A001"]):
        ruff = [sys.executable, "-m", "ruff", *work, "--isolated", "--line-length", "120", str(module)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_what_only_data_can_tell_cannot_be_emitted_and_says_so() -> None:
    plan = plan_of("""
specc: 1
dataset:
  source: {csv: flowers.csv}
  inputs: {width: {type: number}}
  targets: {species: {type: category, vocabulary: auto}}
model:
  layers:
    - Dense: {units: "${targets.species.classes}", activation: softmax}
""")
    log = Log()
    with pytest.raises(Rejected):
        python(plan, log)
    assert [(d.code.id, d.span.line) for d in log.sorted()] == [("S006", 9)]


OPEN = """
specc: 1
dataset:
  source: {csv: people.csv}
  inputs: {work: {type: category, encode: one_hot}}
  targets: {rich: {type: binary}}
model:
  layers:
    - Dense: {units: 1, activation: sigmoid}
"""


def test_so_with_the_width_of_an_input_until_the_data_was_read() -> None:
    log = Log()
    with pytest.raises(Rejected):
        python(plan_of(OPEN), log)
    assert [(d.code.id, d.span.line) for d in log.sorted()] == [("S006", 5)]
    learnt = check(Source("spec.yaml", OPEN, facts={"inputs.work": {"shape": [5], "classes": 5}}), Log())
    expect_the_same(learnt)
    assert executed(python(learnt, Log()))["work"].shape == (None, 5)


def test_every_name_that_is_written_as_a_string_is_one_that_keras_takes_as_a_string() -> None:
    modules = {"losses": keras.losses, "metrics": keras.metrics, "optimizers": keras.optimizers}
    modules["activations"] = keras.activations
    assert modules.keys() == set(BY_NAME)
    chosen_by_shape = {"accuracy", "acc", "crossentropy", "ce"}
    for family, module in modules.items():
        for name in {*catalog.names(family), *catalog.aliases(family)} - chosen_by_shape:
            takes = catalog.signature(family, name)
            if name[0].islower() and takes is not None and not any(a.required for a in takes.arguments):
                assert module.get(name) is not None, f"{family}: {name}"
