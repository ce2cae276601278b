"""The JSON Schema: fresh, valid, of use in an editor; and what it has against a value, in specc's words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from specc import catalog, kinds
from specc.calls import UNKNOWN_VALUE
from specc.diagnostics import Log, Span
from specc.passes.read import read
from specc.schema import call_complaints, complaints, document
from specc.schema.document import text
from specc.tree import Source, Tree, planted


def plain(path: Path) -> Any:
    """A spec as plain data, by YAML 1.2."""
    return read(Source(str(path), path.read_text(encoding="utf-8")), Log()).tree.plain()


ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "schemas" / "specc-v1.schema.json"
GOOD = sorted((ROOT / "tests" / "cases" / "good").glob("*.yaml"))
WHOLE = [path for path in GOOD if "extends" not in plain(path)]
"""An editor sees a file before what it extends."""
HERE = Span("spec.yaml", 1, 1, 1, 1)


def check_jsonschema(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def told(family: str, name: str, arguments: Any) -> list[tuple[str, str, str]]:
    return [(c.code.id, c.message, c.help) for c in call_complaints(family, name, planted(arguments, HERE))]


def test_the_committed_schema_is_the_one_that_specc_makes():
    assert COMMITTED.read_text(encoding="utf-8") == text()
    assert json.loads(text()) == json.loads(json.dumps(document()))


def test_it_is_a_schema_by_the_metaschema_of_its_draft():
    ran = check_jsonschema("--check-metaschema", COMMITTED)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_another_validator_accepts_the_good_cases_too():
    ran = check_jsonschema("--schemafile", COMMITTED, *WHOLE)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_another_validator_refuses_what_the_schema_is_there_to_refuse(tmp_path: Path):
    spec = tmp_path / "bad.yaml"
    spec.write_text("specc: 1\nmodel:\n  layers:\n    - Dense: ten\n", encoding="utf-8")
    assert check_jsonschema("--schemafile", COMMITTED, spec).returncode == 1


def test_it_stays_of_a_size_that_editors_read_at_once():
    assert len(text()) < 1_000_000


def test_every_name_of_the_language_is_in_it():
    definitions = document()["$defs"]
    for family in (*catalog.FAMILIES, *kinds.FAMILIES):
        known = catalog.names(family) if family in catalog.FAMILIES else kinds.words(family)
        assert set(definitions[family]["$defs"]) == set(known)
    steps = definitions["step"]["then"]["properties"]
    assert {"Dense", "Convolution2D", "ops.matmul", "ops.image.resize", "applications.ResNet50", "residual"} <= set(
        steps
    )


def test_every_argument_has_its_description_and_default_at_hand():
    dense = document()["$defs"]["layers"]["$defs"]["Dense"]
    assert dense["description"] == "Just your regular densely-connected NN layer."
    units = _resolved(dense["properties"]["units"])
    assert units["description"].startswith("Positive integer")
    assert _resolved(dense["properties"]["use_bias"])["default"] is True


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    found: Any = document()
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_an_expression_may_stand_for_any_argument_of_a_good_spec(path: Path):
    spec = plain(path)
    for step in spec["model"]["layers"]:
        if isinstance(step, dict):
            for call, arguments in step.items():
                if catalog.signature("layers", call) and isinstance(arguments, dict):
                    step[call] = dict.fromkeys(arguments, "${anything}")
    assert complaints(planted(spec, HERE)) == []


@pytest.mark.parametrize("family", ["layers", "losses", "metrics", "optimizers", "callbacks"])
def test_what_only_data_can_tell_is_accepted_for_every_argument(family: str):
    for name in catalog.names(family):
        arguments = {a.name: UNKNOWN_VALUE for a in catalog.signature(family, name).arguments}
        assert call_complaints(family, name, _tree(arguments)) == []
        if not arguments:
            continue
        alone = call_complaints(family, name, _tree(UNKNOWN_VALUE))
        assert [c.code.id for c in alone] in ([], ["S104"])


def _tree(value: Any) -> Tree:
    if isinstance(value, dict):
        return Tree({k: _tree(v) for k, v in value.items()}, HERE, HERE)
    return Tree(tuple(_tree(v) for v in value), HERE, HERE) if isinstance(value, list) else Tree(value, HERE, HERE)


@pytest.mark.parametrize(
    ("family", "name", "arguments", "expected"),
    [
        ("layers", "Dense", {"unit": 3}, ("S103", "`Dense` has no argument `unit`", "did you mean `units`?")),
        ("layers", "Dense", None, ("S104", "`Dense` needs `units`", "write `Dense: {units: …}`")),
        (
            "layers",
            "Conv2D",
            32,
            ("S104", "`Conv2D` needs `kernel_size`", "write `Conv2D: {filters: 32, kernel_size: …}`"),
        ),
        (
            "layers",
            "RandomTranslation",
            [0.1, 0.2],
            (
                "S104",
                "`RandomTranslation` needs `width_factor`",
                "write `RandomTranslation: {height_factor: [0.1, 0.2], width_factor: …}`",
            ),
        ),
        (
            "layers",
            "Dense",
            {"units": "ten"},
            ("S105", '`units` must be a whole number of at least 1, not the text "ten"', ""),
        ),
        (
            "layers",
            "Dense",
            "10",
            (
                "S105",
                '`units` must be a whole number of at least 1, not the text "10"',
                "write it without quotes: `10`",
            ),
        ),
        (
            "layers",
            "Dense",
            16.0,
            (
                "S105",
                "`units` must be a whole number of at least 1, not `16.0`",
                "write `16`; in an expression, `//` divides to a whole number",
            ),
        ),
        (
            "layers",
            "Dense",
            {"units": 3, "dtype": "flot32"},
            (
                "S105",
                '`dtype` must be a dtype like `float32`, not the text "flot32"',
                "did you mean `float32`?",
            ),
        ),
        (
            "layers",
            "Dropout",
            {"rate": 0.5, "training": True},
            (
                "S103",
                "`Dropout` has no argument `training`",
                "it belongs to the call: put `call: {training: …}` beside `Dropout`",
            ),
        ),
        (
            "layers",
            "TimeDistributed",
            {"layer": {"Dens": 3}},
            ("S102", "there is no layer `Dens`", "did you mean `Dense`?"),
        ),
        (
            "layers",
            "TimeDistributed",
            {"layer": {"Lambda": "x"}},
            ("S102", "a spec cannot use `Lambda`", "it takes functions or objects of Python, which a spec cannot hold"),
        ),
        (
            "strategies",
            "mirrored",
            {"devices": ["cpu:0", "cpu:1", "cpu:0"]},
            ("S105", "`devices` has `cpu:0` twice", "take one of them out"),
        ),
        (
            "strategies",
            "mirrored",
            {"devices": ["gpu0"]},
            ("S105", '`devices[0]` must be a device like `gpu:0` or `cpu:1`, not the text "gpu0"', ""),
        ),
        ("optimizers", "Adam", {"lr": 0.1}, ("S103", "`Adam` has no argument `lr`", "did you mean `learning_rate`?")),
        (
            "optimizers",
            "Adam",
            {"rate": 0.1},
            ("S103", "`Adam` has no argument `rate`", "did you mean `learning_rate`?"),
        ),
        (
            "layers",
            "Dense",
            {"units": 3, "regularizer": "l2"},
            (
                "S103",
                "`Dense` has no argument `regularizer`",
                "did you mean `kernel_regularizer`, `bias_regularizer` or `activity_regularizer`?",
            ),
        ),
        (
            "optimizers",
            "adam",
            {"learning_rate": "0.1"},
            (
                "S105",
                '`learning_rate` must be a number or a learning-rate schedule, not the text "0.1"',
                "write it without quotes: `0.1`",
            ),
        ),
        (
            "optimizers",
            "adam",
            {"learning_rate": {"CosineDecay": {"initial_learning_rate": 0.1}}},
            ("S104", "`CosineDecay` needs `decay_steps`", "add `decay_steps: …`"),
        ),
        (
            "ops",
            "image.resize",
            {"size": 3},
            ("S105", "`size` must be a list of 2 whole numbers of at least 1, not `3`", "write a list: `[3]`"),
        ),
        (
            "applications",
            "ResNet50",
            {"weights": "imagenet"},
            (
                "S105",
                '`weights` must be a file of weights that is at hand, .h5 or .keras, not the text "imagenet"',
                "",
            ),
        ),
    ],
    ids=lambda part: str(part) if not isinstance(part, tuple) else part[0],
)
def test_a_fault_is_told_with_what_was_met_what_is_needed_and_an_edit(
    family: str, name: str, arguments: Any, expected: tuple[str, str, str]
):
    assert told(family, name, arguments) == [expected]


def test_a_missing_argument_beside_a_misspelt_one_is_the_misspelt_one():
    assert [code for code, _, _ in told("layers", "Conv2D", {"filter": 3, "kernel_size": 3})] == ["S103"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    value=JSON, name=st.sampled_from(["Dense", "Conv2D", "Bidirectional", "RNN", "Resizing", "Normalization", "Add"])
)
def test_whatever_an_argument_is_given_complaints_answer_and_agree_with_the_validator(value: Any, name: str):
    validator = Draft202012Validator({"$ref": f"#/$defs/layers/$defs/{name}", "$defs": document()["$defs"]})
    found = call_complaints("layers", name, planted(value, HERE))
    assert validator.is_valid(value) or found
    assert all(c.message and "\n" not in c.message + c.help for c in found)


@settings(max_examples=300, deadline=None)
@given(value=JSON, section=st.sampled_from(sorted(document()["properties"])))
def test_whatever_a_section_is_given_complaints_answer(value: Any, section: str):
    found = complaints(planted({"specc": 1, "model": {"layers": ["Flatten"]}, section: value}, HERE))
    assert all(c.message and "\n" not in c.message + c.help for c in found)
