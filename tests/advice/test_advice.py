"""Advice is given once, at its place; a comment silences it, and its remedy takes it away and brings nothing new."""

from __future__ import annotations

from pathlib import Path

import pytest

from specc import codes, driver
from specc.cli.runs import open_run
from specc.diagnostics import Diagnostic, Log
from specc.passes.advise import RULES
from specc.text.layout import layout
from specc.tree import Source

PAIR = """\
specc: 1
model:
  inputs: {x: {shape: [4]}}
  layers:
    - Dense: 8
    - Dense: 3
"""


def told(text: str, **beside: object) -> list[Diagnostic]:
    """What a spec is told; `beside` are the `params` and `sets` of the command line."""
    log = Log()
    driver.check(Source("spec.yaml", text, **beside), log)  # type: ignore[arg-type]
    return log.sorted()


def codes_of(text: str, **beside: object) -> list[str]:
    return [found.code.id for found in told(text, **beside)]


def images(*steps: str) -> str:
    written = "\n".join(f"    - {step}" for step in steps)
    return f"specc: 1\nmodel:\n  inputs: {{image: {{shape: [16, 16, 3]}}}}\n  layers:\n{written}\n"


def test_every_warning_of_ours_is_given_by_a_rule_or_where_comments_and_callbacks_are_looked_at():
    # W602 is told by a run that goes on from a checkpoint, W603 by `specc emit`.
    ours = {code for code in codes.ALL if code.startswith("W")}
    assert {code.id for code in RULES} | {"W101", "W404", "W602", "W603"} == ours


def test_a_comment_silences_a_warning_on_its_line_and_nowhere_else():
    assert codes_of(PAIR) == ["W301"]
    assert codes_of(PAIR.replace("Dense: 8", "Dense: 8  # specc: allow W301")) == []
    assert codes_of(PAIR.replace("Dense: 3", "Dense: 3  # specc: allow W301")) == ["W301", "W101"]
    assert codes_of(PAIR.replace("  layers:", "  # specc: allow W301\n  layers:")) == ["W101", "W301"]


def test_a_code_that_is_allowed_everywhere_is_not_told():
    log = Log(allow=frozenset({"W301"}))
    driver.check(Source("spec.yaml", PAIR), log)
    assert log.diagnostics == []


def test_a_comment_counts_also_where_its_code_is_allowed_everywhere():
    log = Log(allow=frozenset({"W301"}))
    driver.check(Source("spec.yaml", PAIR.replace("Dense: 8", "Dense: 8  # specc: allow W301")), log)
    assert log.diagnostics == []


def test_a_comment_that_silences_nothing_is_told_only_of_a_spec_as_it_stands():
    text = PAIR.replace("specc: 1", "specc: 1\nparams: {between: relu}")
    text = text.replace("Dense: 8", 'Dense: {units: 8, activation: "${between}"}  # specc: allow W301')
    assert codes_of(text) == ["W101"]
    assert codes_of(text, params={"between": "linear"}) == []
    assert codes_of(text, params={"between": "gelu"}) == []
    assert codes_of(text, sets={"model.layers.0.Dense.units": 9}) == []


def test_a_comment_in_a_file_that_is_extended_counts_and_is_not_complained_of(tmp_path: Path):
    base, over = tmp_path / "base.yaml", tmp_path / "over.yaml"
    base.write_text(PAIR.replace("Dense: 8", "Dense: 8  # specc: allow W301").replace("inputs:", "inputs:", 1))
    over.write_text("extends: base.yaml\nname: over\n")
    for path in (base, over):
        log = Log()
        driver.check(driver.open_spec(path, log), log)
        assert log.diagnostics == []
    over.write_text("extends: base.yaml\nmodel: {layers: [{Dense: 3}]}\n")
    log = Log()
    driver.check(driver.open_spec(over, log), log)
    assert log.diagnostics == []


def test_fmt_leaves_a_comment_where_it_silences():
    untidy = PAIR.replace("    - Dense: 8", "    -   Dense:    8      #specc: allow W301")
    tidy = layout(untidy)
    assert tidy != untidy
    assert (codes_of(untidy), codes_of(tidy)) == ([], [])


def test_a_line_in_a_block_is_told_once_with_the_first_call_beside_it():
    text = """\
specc: 1
blocks:
  pair:
    params: {units: null}
    layers:
      - Dense: "${units}"
      - Dense: {units: "${units}", activation: relu}
model:
  inputs: {x: {shape: [4]}}
  layers:
    - pair: 8
    - pair: 16
      repeat: 3
"""
    (found,) = told(text)
    assert (found.code, found.span.line) == (codes.W301, 6)
    assert [related.span.line for related in found.related] == [7, 11]


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("Conv2D: {filters: 8, kernel_size: 3}", "Conv2D: {filters: 8, kernel_size: 3, use_bias: false}"),
        ("Conv2D: { kernel_size: [3, 3], filters: 8 }", "Conv2D: { kernel_size: [3, 3], filters: 8, use_bias: false }"),
        (
            "Conv2D: {filters: 8, use_bias: true, kernel_size: 3}",
            "Conv2D: {filters: 8, use_bias: false, kernel_size: 3}",
        ),
        ("Dense: 8", "Dense: {units: 8, use_bias: false}"),
        ('Dense: "${2 ** 3}"  # wide', 'Dense: {units: "${2 ** 3}", use_bias: false}  # wide'),
        (
            "Dense: {units: 8, bias_initializer: {Zeros: {}}}",
            "Dense: {units: 8, bias_initializer: {Zeros: {}}, use_bias: false}",
        ),
    ],
)
def test_the_remedy_of_a_cancelled_bias_is_an_edit_after_which_nothing_is_told(written: str, mended: str):
    text = images(written, "BatchNormalization", "ReLU")
    (found,) = told(text)
    assert found.code is codes.W303
    assert found.fix is not None
    lines = text.split("\n")
    at, line = found.fix.span, lines[found.fix.span.line - 1]
    assert at.line == at.end_line
    lines[at.line - 1] = line[: at.column - 1] + found.fix.text + line[at.end_column - 1 :]
    assert "\n".join(lines) == images(mended, "BatchNormalization", "ReLU")
    assert codes_of("\n".join(lines)) == []


@pytest.mark.parametrize(
    "steps",
    [
        ("Conv2D:\n        filters: 8\n        kernel_size: 3", "BatchNormalization"),
        ("Conv2D: {filters: 8,\n        kernel_size: 3}", "BatchNormalization"),
        (
            "Conv2D: &wide {filters: 8, kernel_size: 3}",
            "ReLU",
            "Conv2D: {<<: *wide, padding: same}",
            "BatchNormalization",
        ),
        ("Conv2D: &same {filters: 8, kernel_size: 3}", "ReLU", "Conv2D: *same", "BatchNormalization"),
        ('Conv2D: {filters: 8, kernel_size: 3, use_bias: "${1 < 2}"}', "BatchNormalization"),
    ],
)
def test_there_is_no_edit_where_it_would_not_be_certain(steps: tuple[str, ...]):
    (found,) = told(images(*steps))
    assert (found.code, found.fix) == (codes.W303, None)


def test_there_is_no_edit_of_a_block_whose_other_call_needs_the_bias():
    text = """\
specc: 1
blocks:
  seen:
    layers:
      - Conv2D: {filters: 8, kernel_size: 3}
model:
  inputs: {image: {shape: [16, 16, 3]}}
  layers:
    - seen
    - BatchNormalization
    - ReLU
    - seen
    - ReLU
"""
    (found,) = told(text)
    assert (found.code, found.fix) == (codes.W303, None)


NOT_TOLD = {
    "a bottleneck": ("Dense: 2", "Dense: 16"),
    "a frozen projection": ("Dense: {units: 8, trainable: false}", "Dense: 16"),
    "a normalization of each example": ("Dense: 8", "LayerNormalization", "Dense: 16"),
    "a convolution that is normalized": (
        *("Conv2D: {filters: 8, kernel_size: 1, use_bias: false}", "BatchNormalization"),
        "Conv2D: {filters: 8, kernel_size: 3, padding: same, activation: relu}",
    ),
    "convolutions of other ranks": ("Conv2D: {filters: 8, kernel_size: 3}", "Flatten", "Dense: 4"),
    "an activation whose slopes are learnt": ("Dense: 8", "PReLU", "Dense: 4"),
    "a sum with what came before": ("residual: [{Dense: 3}]", "Dense: 4"),
    "a bias before a normalization of places": ("Dense: 8", "BatchNormalization: {axis: 1}"),
    "a bias before a frozen normalization": ("Dense: 8", "BatchNormalization: {trainable: false}"),
    "a bias before a normalization that does not learn": (
        "Dense: 8",
        "BatchNormalization:\n      call: {training: false}",
    ),
    "a bias of groups": ("Dense: 8", "GroupNormalization: 4"),
    "softmax over rows, then columns": ("Softmax: 1", "Softmax: 2"),
    "three sigmoids": ("Dense: {units: 8, activation: sigmoid}\n      repeat: 3", "Dense: 4"),
    "sigmoids with normalizations between": (
        "layers: [{Dense: {units: 8, use_bias: false}}, BatchNormalization, {Activation: sigmoid}]\n      repeat: 6",
    ),
    "twenty tanh": ("Dense: {units: 8, activation: tanh}\n      repeat: 20",),
    "a dropout of nothing at the end": ("Dense: 8", "Dropout: 0"),
}


@pytest.mark.parametrize("steps", NOT_TOLD.values(), ids=NOT_TOLD)
def test_what_may_well_be_meant_is_not_told(steps: tuple[str, ...]):
    assert codes_of(images(*steps)) == []


def with_optimizer(optimizer: str) -> str:
    return f"""\
specc: 1
dataset:
  source: {{csv: flowers.csv}}
  inputs: {{petals: {{type: tensor, shape: [4]}}}}
  targets: {{weight: {{type: number}}}}
model:
  layers:
    - Dense: 1
training: {{loss: mse, optimizer: {optimizer}, epochs: 5}}
"""


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ("adam", []),
        ("{Adam: 0.1}", []),
        ("{Adam: 0.2}", ["W401"]),
        ("{Adam: 0}", ["W401"]),
        ("{SGD: 30}", ["W401"]),
        ("{SGD: {learning_rate: 30, clipnorm: 0.25}}", []),
        ("{Adadelta: 1.0}", []),
        ("{Lion: 0.1}", ["W401"]),
        ("{Adam: {learning_rate: {PolynomialDecay: {initial_learning_rate: 1e-3, decay_steps: 9}}}}", []),
        ("{Adam: {learning_rate: {CosineDecay: {initial_learning_rate: 10, decay_steps: 9}}}}", ["W401"]),
    ],
)
def test_a_learning_rate_is_told_only_far_from_what_its_optimizer_is_used_with(optimizer: str, expected: list[str]):
    assert codes_of(with_optimizer(optimizer)) == expected


PICTURES = """\
specc: 1
dataset:
  source: {SOURCE}
  inputs: {image: {type: image, size: [32, 32], channels: 3}}
  targets: {label: {type: category, classes: 2}}
model:
  layers:
    - STEP
    - GlobalAveragePooling2D
    - Dense: {units: 2, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam, epochs: 5}
"""
CONVOLUTION = "Conv2D: {filters: 8, kernel_size: 3, activation: relu}"


@pytest.mark.parametrize(
    ("source", "step", "expected"),
    [
        ("image_folder: photos", CONVOLUTION, ["W501"]),
        ("csv: photos.csv", CONVOLUTION, ["W501"]),
        ("npz: photos.npz", CONVOLUTION, []),
        ("image_folder: photos", f"Normalization: {{mean: 127, variance: 5000}}\n    - {CONVOLUTION}", []),
        ("image_folder: photos", f"ops.multiply: 0.004\n    - {CONVOLUTION}", []),
        ("image_folder: photos", f"{CONVOLUTION}\n    - BatchNormalization", []),
        ("image_folder: photos", f"{CONVOLUTION.replace('relu', 'tanh')}\n    - BatchNormalization", ["W501"]),
        ("image_folder: photos", "applications.EfficientNetB0: {include_top: false}", []),
        ("image_folder: photos", "applications.EfficientNetB0: {include_top: false, weights: own.h5}", []),
        ("image_folder: photos", "applications.ResNet50: {include_top: false}", []),
        ("image_folder: photos", "applications.ResNet50: {include_top: false, weights: own.h5}", ["W501"]),
        ("image_folder: photos", "applications.VGG16: {include_top: false}", ["W501"]),
        (
            "image_folder: photos",
            "applications.ConvNeXtTiny: {include_top: false, include_preprocessing: false, weights: own.h5}",
            ["W501"],
        ),
    ],
)
def test_pictures_are_told_where_bytes_surely_meet_weights_that_want_small_numbers(
    source: str, step: str, expected: list[str]
):
    assert codes_of(PICTURES.replace("SOURCE", source).replace("STEP", step)) == expected


@pytest.mark.parametrize(
    ("batch", "strategy", "remedy"),
    [
        (32768, "gpu", "take `batch_size: 32767` or less"),
        (32768, "auto", "take `batch_size: 32767` or less for each GPU that shares it"),
        (32768, "mirrored", "take `batch_size: 32767` or less for each GPU that shares it"),
        (32767, "gpu", None),
        (65536, "{mirrored: {devices: [gpu:0, gpu:1]}}", "take `batch_size: 65534` or less"),
        (65534, "{mirrored: {devices: [gpu:0, gpu:1]}}", None),
        (32768, "cpu", None),
        (32768, "{mirrored: {devices: [cpu:0]}}", None),
        (32768, "multi_worker", None),
    ],
)
def test_more_numbers_than_a_gpu_counts_are_told_where_one_may_be_trained_on(batch, strategy, remedy):
    text = f"""\
specc: 1
dataset:
  source: {{random: {{examples: 100000}}}}
  inputs: {{picture: {{type: tensor, shape: [64, 64, 3]}}}}
  targets: {{kind: {{type: category, classes: 3}}}}
  batch_size: {batch}
model:
  layers:
    - Dense: {{units: 8, activation: relu}}
    - Dense: {{units: 16, activation: relu}}
    - GlobalAveragePooling2D
    - Dense: {{units: 3, activation: softmax}}
training: {{loss: sparse_categorical_crossentropy, optimizer: adam, epochs: 1}}
runtime: {{strategy: {strategy}}}
"""
    found = [(one.code, one.span.line, one.help) for one in told(text)]
    assert found == ([] if remedy is None else [(codes.W604, 10, remedy)])


def test_summary_and_emit_tell_a_warning_once_and_beside_what_they_print(cli, write):
    path = write("pair.yaml", PAIR)
    for command in ("summary", "emit"):
        ended = cli(command, path)
        assert ended.status == 0
        assert ended.err.count("W301 warning") == 1
        assert "W301" not in ended.out


def test_a_finished_run_is_not_warned_of_again(write):
    spec = write("run/spec.yaml", PAIR)
    log = Log()
    assert open_run(spec.parent, log).network.steps
    assert log.diagnostics == []


def test_advice_on_ten_thousand_steps_says_each_thing_once():
    (found,) = told(PAIR.replace("Dense: 8", "Dense: 8\n      repeat: 10000"))
    assert found.code is codes.W301


FLOWERS = """\
specc: 1
dataset:
  source: {csv: flowers.csv}
  inputs: {length: {type: number, scale: standard}}
  targets: {species: {type: category, vocabulary: auto}}
model:
  layers:
    - Dense: 8
    - Dropout: 0.5
    - Dense: {units: "${targets.species.classes}", activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam, epochs: 1}
"""


def test_a_run_tells_a_warning_once_and_its_evaluation_and_answers_do_not(cli, write, tmp_path: Path):
    spec = write("flowers.yaml", FLOWERS)
    rows = write(
        "flowers.csv", "length,species\n" + "".join(f"{n / 10},{'rose' if n % 2 else 'iris'}\n" for n in range(40))
    )
    ended = cli("run", spec, "--out", tmp_path / "run")
    assert (ended.status, ended.err.count("W301 warning")) == (0, 1)
    for typed in (["evaluate", tmp_path / "run", "--split", "train"], ["predict", tmp_path / "run", rows]):
        ended = cli(*typed)
        assert (ended.status, "W301" in ended.err) == (0, False)
