"""The Python that is emitted is the network that specc builds, and reads as if somebody had written it."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest

from specc import catalog
from specc.diagnostics import Log, Rejected
from specc.driver import check, open_spec
from specc.emit import learnt, python
from specc.emit.calls import BY_NAME
from specc.tree import Source
from tests.emit.emitting import MOVED, emitted, executed, expect_the_same, plan_of
from tests.emit.trials import SPECS
from tests.training.test_precision import RECURRENT

ROOT = Path(__file__).parents[2]

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


def test_shared_and_frozen_layers_and_names_that_python_has_other_uses_for() -> None:
    code = emitted(RICH)
    assert "lambda_ = keras.Input(" in code
    assert 'model.get_layer("list").trainable = False' in code


BLOCKS = """
specc: 1
params: {{width: 6}}
blocks:
  dense:
    description: a layer, and what bends it
    params: {{units: null, rate: 0.1}}
    layers:
      - Dense: "${{units}}"
      - ReLU
      - Dropout: "${{rate}}"
  deep:
    params: {{units: 4, depth: 2}}
    layers:
      - dense: {{units: "${{2 * units}}"}}
        repeat: "${{depth}}"
      - Dense: "${{units}}"
model:
  inputs: {{x: {{shape: [6]}}}}
  layers:
{}
"""


def body(code: str) -> list[str]:
    """The statements of `build_model` between its inputs and its end."""
    lines = [line.removeprefix("    ") for line in code.partition("def build_model")[2].splitlines()]
    first = max(place for place, line in enumerate(lines) if "keras.Input(" in line) + 1
    said = lines[first : next(place for place, line in enumerate(lines) if line.startswith("return"))]
    return [line for line in said if line and not line.lstrip().startswith("#")]


def steps(*written: str) -> str:
    return BLOCKS.format("\n".join(f"    - {line}" for line in written))


def test_a_block_is_a_function_with_its_parameters_and_their_defaults() -> None:
    code = emitted(steps("dense: 3", "dense: {units: 5, rate: 0.2}"))
    assert "def dense(y, units, name, rate=0.1):" in code or "def dense(x, units, name, rate=0.1):" in code
    assert '"""A layer, and what bends it."""' in code
    assert body(code) == ['y = dense(x, units=3, name="dense")', 'y = dense(y, units=5, rate=0.2, name="dense_1")']


def test_what_the_spec_computes_is_computed() -> None:
    code = emitted(steps('deep: {units: "${width + 1}"}', "deep: {units: 3, depth: 1}"))
    assert "WIDTH = 6\n" in code
    assert "def deep(x, name, units=4, depth=2):" in code
    assert "    for i in range(depth):\n        x = dense(x, units=2 * units, " in code
    assert body(code)[0] == 'y = deep(x, units=WIDTH + 1, name="deep")'


def test_a_repetition_is_a_loop_whose_number_the_spec_may_use() -> None:
    code = emitted(steps('Dense: "${2 + i}"\n      repeat: 3'))
    assert body(code) == ["y = x", "for i in range(3):", '    y = layers.Dense(units=2 + i, name=f"dense.{i}")(y)']


def test_what_differs_otherwise_is_a_list_that_the_loop_goes_through() -> None:
    code = emitted(steps('Dense: "${[4, 9, 2][i]}"\n      repeat: 3'))
    assert body(code)[1:] == [
        "for i, units in enumerate([4, 9, 2]):",
        '    y = layers.Dense(units=units, name=f"dense.{i}")(y)',
    ]


def test_times_that_are_not_alike_stand_for_themselves() -> None:
    code = emitted(
        steps('layers: [{Dense: 6}, {ReLU: {}, when: "${i == 0}"}, {Dense: 6, when: "${i > 2}"}]\n      repeat: 5')
    )
    assert [line for line in body(code) if line.startswith("for")] == ["for i in range(1, 3):", "for i in range(3, 5):"]


def test_a_residual_is_written_as_one_writes_it() -> None:
    code = emitted(steps("Dense: 6", "residual: [{dense: 6}, {Dense: 6}]\n      repeat: 2"))
    assert body(code)[1:] == [
        "for i in range(2):",
        '    z = dense(y, units=6, name=f"residual.{i}.dense")',
        '    z = layers.Dense(units=6, name=f"residual.{i}.dense_1")(z)',
        '    y = layers.Add(name=f"residual.{i}.add")([z, y])',
    ]


def test_the_sum_of_a_residual_and_an_add_within_it_have_names_of_their_own() -> None:
    code = emitted((ROOT / "tests" / "cases" / "good" / "form_residual_around_add.yaml").read_text(encoding="utf-8"))
    assert 'z = layers.Add(name=f"residual.{i}.add")' in code
    assert 'y = layers.Add(name=f"residual.{i}.add_1")' in code


def test_a_block_whose_layers_are_used_again_is_written_out_there() -> None:
    code = emitted(steps("dense: 6\n      name: once", "apply: once", "dense: 6"))
    assert 'once_dense_layer = layers.Dense(units=6, name="once.dense")' in code
    assert body(code)[-1] == 'y = dense(y, units=6, name="dense")' or body(code)[-1].endswith('units=6, name="dense")')


def test_two_forms_of_a_block_are_two_functions() -> None:
    text = steps("dense: 3", "other: true", "other: false").replace(
        "model:\n", '  other: {params: {wide: null}, layers: [{Dense: 6}, {Dense: 9, when: "${wide}"}]}\nmodel:\n'
    )
    code = emitted(text)
    assert "def other(x, name):" in code
    assert "def other_2(x, name):" in code


def test_comments_name_the_parts_of_the_spec_that_are_written_out() -> None:
    chain = "layers: [{Dense: 6}, {residual: [{Dense: 6}, {ReLU: {}}]}, {Dense: 6}]\n      name: decoder"
    code = emitted(steps("dense: 6", chain, "residual: [{Dense: 6}, {Dense: 6}]\n      repeat: 2", "apply: decoder"))
    said = [line.strip() for line in code.partition("def build_model")[2].splitlines() if line.strip().startswith("#")]
    assert said == [
        "# Inputs",
        "# Layers",
        "# decoder",
        "# decoder.residual",
        "# decoder",
        "# residual",
        "# decoder again",
        "# decoder.residual again",
        "# decoder again",
        "# Outputs: apply.dense_1",
    ]


WORDS = ("x", "y", "name", "i", "layers", "keras", "dense", "build_model", "WIDTH", "units")


def random_steps(dice: random.Random, depth: int = 0) -> list[str]:
    """Steps of all forms within one another, of one size so that all of them fit."""
    done: list[str] = []
    for _ in range(dice.randint(1, 3)):
        kind = dice.choice(["Dense", "block", "chain", "residual", "branches", "ReLU"] if depth < 3 else ["Dense"])
        beside = dice.choice(["", "", ", repeat: 2", ", repeat: 3", ', repeat: 3, when: "${width > 3}"'])
        if dice.random() < 0.3:
            beside += f", name: {dice.choice(WORDS)}_{dice.randint(0, 99999)}"
        inner = ", ".join(random_steps(dice, depth + 1)) if kind in ("chain", "residual", "branches") else ""
        match kind:
            case "Dense":
                units = '"${width if i < 0 else width}"' if "repeat" in beside else "6"
                done.append(f"{{Dense: {{units: {units}, activation: {dice.choice(['relu', 'tanh'])}}}{beside}}}")
            case "ReLU":
                done.append(f"{{ReLU: {{}}{beside}}}")
            case "block":
                word = dice.choice(["dense: {units: 6}", "dense: {units: 6, rate: 0.3}", "deep: {units: 6}"])
                done.append(f"{{{word}{beside}}}")
            case "chain":
                done.append(f"{{layers: [{inner}]{beside}}}")
            case "residual":
                done.append(f"{{residual: [{inner}]{beside}}}")
            case "branches":
                done.append(f"{{branches: [[{inner}], []]}}")
                done.append("{Add: {}}")
    return done


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_nested_is_the_same_network(seed: int, tmp_path: Path) -> None:
    code = emitted(steps(*random_steps(random.Random(seed))))
    expect_clean([code], tmp_path)


def test_the_code_of_every_spec_is_as_ruff_would_write_it(tmp_path: Path) -> None:
    plans = [plan for path in SPECS if (plan := check(open_spec(path, Log()), Log()))]
    expect_clean([python(plan, Log()) for plan in (*plans, plan_of(RICH), plan_of(MOVED))], tmp_path)


def expect_clean(codes: Sequence[str], folder: Path) -> None:
    for number, code in enumerate(codes):
        assert "specc" not in code
        imported = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import | ast.ImportFrom)]
        others = {ast.unparse(node).split()[1].split(".")[0] for node in imported} - set(sys.stdlib_module_names)
        assert others <= {"keras", "numpy", "pandas", "h5py", "tensorflow", "PIL", "soundfile"}
        (folder / f"network_{number}.py").write_text(code, encoding="utf-8")
    for work in (["format", "--diff"], ["check", "--select", "E,F,W,I,B,UP,SIM,RUF,C4,A001"]):
        ruff = [sys.executable, "-m", "ruff", *work, "--isolated", "--line-length", "120", str(folder)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


OPEN = """
specc: 1
dataset:
  source: {csv: people.csv}
  inputs: {work: {type: category, encode: one_hot}}
  targets: {job: {type: category}}
model:
  layers:
    - Dense: {units: "${targets.job.classes}", activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam}
"""


def test_what_only_data_can_tell_is_learnt_from_it() -> None:
    scope = executed(python(plan_of(OPEN), Log()))
    words = np.array(["b", "a", "c", "a"], object)
    known = scope["learn"]({"work": words, "job": words[:3]})
    made = scope["build_model"](known)
    assert made.input["work"].shape == (None, 3)
    assert made.output["job"].shape == (None, 3)
    assert scope["prepare"]({"work": words}, known)["work"].tolist()[0] == [0.0, 1.0, 0.0]


def test_a_run_knows_it_and_it_stands_in_the_code() -> None:
    facts = {"inputs.work": {"shape": [2], "classes": 2}, "targets.job": {"classes": 3, "shape": []}}
    plan = check(Source("spec.yaml", OPEN, facts=facts), Log())
    states = {
        "inputs.work": {"raw": "string", "vocabulary": ["a", "b"]},
        "targets.job": {"raw": "string", "vocabulary": ["x", "y", "z"]},
    }
    code = python(plan, Log(), states)
    assert 'LEARNT = {"work": {"vocabulary": ["a", "b"]}, "job": {"vocabulary": ["x", "y", "z"]}}' in code
    assert learnt(plan, states) is None
    expect_the_same(plan, code)
    many = states | {"inputs.work": {"raw": "string", "vocabulary": [f"w{number}" for number in range(600)]}}
    assert 'with_name("learnt.json")' in python(plan, Log(), many)
    beside = learnt(plan, many)
    assert beside is not None
    assert list(beside) == ["work", "job"]


def test_a_shape_that_only_data_can_tell_cannot_be_emitted_and_says_so() -> None:
    log = Log()
    with pytest.raises(Rejected):
        python(plan_of(OPEN.replace("{type: category, encode: one_hot}", "{type: tensor}")), log)
    assert [(d.code.id, d.span.line) for d in log.sorted()] == [("S006", 5)]


def test_data_that_no_few_lines_read_is_left_to_the_reader() -> None:
    text = OPEN.replace("{csv: people.csv}", "{train: {csv: a.csv}, test: {npz: b.npz}}")
    log = Log()
    scope = executed(python(plan_of(text.replace("type: category", "type: category, classes: 3")), log))
    assert [(d.code.id, d.span.line, d.message) for d in log.diagnostics] == [
        ("W603", 4, "the script does not read the data: it has nothing for several readers at once, `csv` and `npz`")
    ]
    with pytest.raises(NotImplementedError, match="several readers at once"):
        scope["load_data"]()


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


def test_recurrent_layers_keep_from_cudnn_in_bfloat16_as_in_specc() -> None:
    assert "use_cudnn=False" not in emitted(RECURRENT)
    assert emitted(f"{RECURRENT}runtime: {{precision: mixed_bfloat16}}\n").count("use_cudnn=False") == 2
