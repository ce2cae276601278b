"""`extends` lays a spec over others; `-p` and `--set` lay the command line over it; every value keeps its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yaml_texts import some

from specc.diagnostics import Diagnostic, Log, Refusal, Rejected, Span
from specc.passes.compose import compose, parse_assignment
from specc.passes.compose.extends import merged
from specc.passes.read import load, read
from specc.tree import Source, Tree, planted


def composed(
    path: Path | str, *, params: dict[str, Any] | None = None, sets: dict[str, Any] | None = None
) -> tuple[Tree, Log]:
    """The tree of a spec with all that belongs to it, and what was said."""
    log = Log()
    text = load(str(path), log)
    assert text is not None
    document = compose(read(Source(str(path), text, params or {}, sets or {}), log), log)
    return document.tree, log


def overlaid(text: str, **over: dict[str, Any]) -> tuple[Tree, Log]:
    log = Log()
    return compose(read(Source("spec.yaml", text, **over), log), log).tree, log


def only(log: Log) -> Diagnostic:
    (found,) = log.diagnostics
    return found


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write specs in, from which specc is called."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


# extends


def test_mappings_merge_key_by_key_and_anything_else_replaces(specs: Path) -> None:
    write(
        specs,
        base="specc: 1\ntraining: {epochs: 1, metrics: [a, b]}\nseed: 1\n",
        spec="extends: base.yaml\ntraining: {metrics: [c]}\nseed: {x: 1}\n",
    )
    tree, log = composed("spec.yaml")
    assert tree.plain() == {"specc": 1, "training": {"epochs": 1, "metrics": ["c"]}, "seed": {"x": 1}}
    assert log.diagnostics == []


def test_null_removes_what_was_there_and_stays_where_nothing_was(specs: Path) -> None:
    write(specs, base="a: 1\nb: {c: 1, d: 2}\n", spec="extends: base.yaml\na: null\nb: {c: ~}\nparams: {width: null}\n")
    assert composed("spec.yaml")[0].plain() == {"b": {"d": 2}, "params": {"width": None}}


def test_of_several_the_later_wins_and_the_spec_itself_wins_over_all(specs: Path) -> None:
    write(
        specs,
        one="a: 1\nb: 1\nc: 1\n",
        two="b: 2\nc: 2\n",
        spec="extends: [one.yaml, two.yaml]\nc: 3\n",
    )
    assert composed("spec.yaml")[0].plain() == {"a": 1, "b": 2, "c": 3}


def test_a_chain_is_followed_from_folder_to_folder(specs: Path) -> None:
    (specs / "inner" / "deep").mkdir(parents=True)
    (specs / "inner" / "deep" / "base.yaml").write_text("a: 1\nb: 1\n")
    (specs / "inner" / "middle.yaml").write_text("extends: deep/base.yaml\nb: 2\n")
    write(specs, spec="extends: inner/middle.yaml\nc: 3\n")
    tree, _ = composed("spec.yaml")
    assert tree.plain() == {"a": 1, "b": 2, "c": 3}
    assert [tree[k].span.path for k in "abc"] == ["inner/deep/base.yaml", "inner/middle.yaml", "spec.yaml"]
    assert (tree["b"].span.line, tree["b"].key.column, tree["b"].span.column) == (2, 1, 4)


def test_every_text_is_kept_for_quoting(specs: Path) -> None:
    write(specs, base="a: 1\n", spec="extends: base.yaml\n")
    assert composed("spec.yaml")[1].sources == {"spec.yaml": "extends: base.yaml\n", "base.yaml": "a: 1\n"}


@pytest.mark.parametrize("value", ["missing.yaml", "[base.yaml, missing.yaml]", "./sub/../missing.yaml"])
def test_a_spec_that_is_not_there_is_told_at_its_name(specs: Path, value: str) -> None:
    write(specs, base="a: 1\n", spec=f"specc: 1\nextends: {value}\n")
    found = only(composed("spec.yaml")[1])
    assert (found.code.id, found.span.path, found.span.line) == ("S004", "spec.yaml", 2)
    assert found.span.column == 10 + max(value.find("missing"), 0) * value.startswith("[")
    assert "missing.yaml" in found.message


def test_one_that_is_not_there_names_the_nearest(specs: Path) -> None:
    write(specs, base="a: 1\n", spec="extends: bas.yaml\n")
    assert only(composed("spec.yaml")[1]).help == "did you mean `base.yaml`?"


def test_a_directory_is_no_spec(specs: Path) -> None:
    (specs / "base").mkdir()
    write(specs, spec="extends: base\n")
    assert only(composed("spec.yaml")[1]).code.id == "S004"


def test_one_that_is_missing_down_the_chain_is_told_there_with_the_chain(specs: Path) -> None:
    write(specs, middle="extends: missing.yaml\n", spec="extends: middle.yaml\n")
    found = only(composed("spec.yaml")[1])
    assert (found.code.id, found.span.path) == ("S004", "middle.yaml")
    assert "spec.yaml → middle.yaml" in found.message


@pytest.mark.parametrize("link", ["spec.yaml", "./spec.yaml", "../{folder}/spec.yaml"])
def test_a_circle_is_told_with_all_its_members(specs: Path, link: str) -> None:
    write(
        specs,
        spec="extends: one.yaml\n",
        one="extends: two.yaml\n",
        two=f"a: 1\nextends: {link.format(folder=specs.name)}\n",
    )
    found = only(composed("spec.yaml")[1])
    assert (found.code.id, found.span.path, found.span.line) == ("S004", "two.yaml", 2)
    assert "spec.yaml → one.yaml → two.yaml → spec.yaml" in found.message


def test_a_spec_that_extends_itself_is_in_a_circle(specs: Path) -> None:
    write(specs, spec="extends: spec.yaml\n")
    assert only(composed("spec.yaml")[1]).code.id == "S004"


def test_a_circle_through_a_link_ends(specs: Path) -> None:
    write(specs, spec="extends: link.yaml\n")
    (specs / "link.yaml").symlink_to(specs / "spec.yaml")
    assert only(composed("spec.yaml")[1]).code.id == "S004"


def test_a_base_may_be_reached_twice(specs: Path) -> None:
    write(
        specs,
        base="a: 1\n",
        left="extends: base.yaml\nb: 1\n",
        right="extends: base.yaml\nc: 1\n",
        spec="extends: [left.yaml, right.yaml]\n",
    )
    tree, log = composed("spec.yaml")
    assert (tree.plain(), log.diagnostics) == ({"a": 1, "b": 1, "c": 1}, [])


def test_a_fault_in_a_base_is_told_in_the_base(specs: Path) -> None:
    write(specs, one="a: [1\n", two="b: 1\nb: 2\n", spec="extends: [one.yaml, two.yaml]\n")
    log = composed("spec.yaml")[1]
    assert [(d.code.id, d.span.path, d.span.line) for d in log.sorted()] == [
        ("S001", "one.yaml", 1),
        ("S002", "two.yaml", 2),
    ]


@pytest.mark.parametrize("text", ["", "# x\n", "- a\n", "5\n"])
def test_a_base_that_is_no_mapping_is_told(specs: Path, text: str) -> None:
    write(specs, base=text, spec="extends: base.yaml\n")
    assert only(composed("spec.yaml")[1]).code.id == "S004"


@pytest.mark.parametrize("value", ["5", "{a: 1}", "null", "''", "[[a.yaml]]", "[1]"])
def test_extends_takes_paths_only(specs: Path, value: str) -> None:
    write(specs, spec=f"extends: {value}\n")
    found = only(composed("spec.yaml")[1])
    assert (found.code.id, found.span.line) == ("S105", 1)


def test_extends_is_not_computed_and_says_so(specs: Path) -> None:
    write(specs, spec='params: {x: a}\nextends: "${x}.yaml"\n')
    found = only(composed("spec.yaml")[1])
    assert found.code.id == "S004"
    assert "before `${…}` is computed" in found.help


def test_a_chain_of_many_files_ends(specs: Path) -> None:
    for i in range(200):
        (specs / f"s{i}.yaml").write_text(f"extends: s{i + 1}.yaml\n")
    assert only(composed("s0.yaml")[1]).code.id == "S003"


def test_files_that_each_extend_the_next_twice_are_each_read_once(specs: Path) -> None:
    for i in range(40):
        (specs / f"s{i}.yaml").write_text(f"extends: [s{i + 1}.yaml, s{i + 1}.yaml]\nk{i}: {i}\n")
    (specs / "s40.yaml").write_text("last: 1\n")
    tree, log = composed("s0.yaml")
    assert (len(tree.plain()), log.diagnostics) == (41, [])


NESTED = st.recursive(
    st.integers(0, 9) | st.lists(st.integers(0, 9), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)
NOWHERE = Span("x", 1, 1, 1, 1)
SPEC = st.dictionaries(st.sampled_from("abc"), NESTED)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged_target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged_target.pop(key, None)
        else:
            merged_target[key] = merge_patch(merged_target.get(key), value)
    return merged_target


@some
@given(SPEC, SPEC)
def test_merging_is_that_of_json_merge_patch(below: Any, above: Any) -> None:
    assert merged(planted(below, NOWHERE), planted(above, NOWHERE)).plain() == merge_patch(below, above)


@some
@given(SPEC, st.lists(st.sampled_from("abc"), unique=True))
def test_null_removes_as_in_json_merge_patch(below: Any, gone: list[str]) -> None:
    above = dict.fromkeys(gone)
    kept = merged(planted(below, NOWHERE), planted(above, NOWHERE)).plain()
    assert {k: v for k, v in kept.items() if v is not None} == merge_patch(below, above)


# -p


PARAMS = "specc: 1\nparams: {width: 32, rate: null}\n"


def test_a_parameter_is_set_and_stands_where_it_was_typed() -> None:
    tree, log = overlaid(PARAMS, params={"width": 64, "rate": [0.1]})
    assert tree["params"].plain() == {"width": 64, "rate": [0.1]}
    where = tree["params"]["width"].span
    assert log.sources[where.path] == "width=64"
    assert (where.path, where.line, where.column, where.end_column) == ("-p width", 1, 7, 9)
    assert tree["params"]["width"].key.path == "spec.yaml"


def test_an_unknown_parameter_is_told_at_its_name_with_the_nearest() -> None:
    _, log = overlaid(PARAMS, params={"widht": 64})
    found = only(log)
    assert (found.code.id, found.span.path, found.help) == ("S006", "-p widht", "did you mean `width`?")
    assert log.sources["-p widht"][found.span.column - 1 : found.span.end_column - 1] == "widht"


def test_a_parameter_of_a_spec_without_any_is_told() -> None:
    found = only(overlaid("specc: 1\n", params={"width": 64})[1])
    assert (found.code.id, found.help) == ("S006", "declare it in the spec: `params: {width: …}`")


# --set

SPEC_TEXT = """\
specc: 1
params: {width: 32}
model:
  layers:
    - Dense: {units: 10}
    - ReLU:
    - ops.softmax: {axis: 1}
    - Dropout: 0.5
training: {epochs: 3}
"""


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("training.epochs", 5, ["training", "epochs"]),
        ("model.layers.0.Dense.units", 64, ["model", "layers", 0, "Dense", "units"]),
        ("model.layers.0.Dense.activation", "relu", ["model", "layers", 0, "Dense", "activation"]),
        ("model.layers.2.ops.softmax.axis", -1, ["model", "layers", 2, "ops.softmax", "axis"]),
        ("model.layers.1.ReLU.negative_slope", 0.1, ["model", "layers", 1, "ReLU", "negative_slope"]),
        ("model.layers.3", {"Dense": 1}, ["model", "layers", 3]),
        ("params.width", None, ["params", "width"]),
        ("seed", 7, ["seed"]),
        ("runtime.strategy", "cpu", ["runtime", "strategy"]),
        ("model", {"layers": []}, ["model"]),
    ],
)
def test_a_value_is_set_at_its_path_and_stands_where_it_was_typed(path: str, value: Any, where: list[Any]) -> None:
    tree, log = overlaid(SPEC_TEXT, sets={path: value})
    assert log.diagnostics == []
    node = tree.at(where)
    assert node.plain() == value
    assert node.span.path == f"--set {path}"
    assert log.sources[node.span.path].startswith(f"{path}=")


def test_nothing_else_changes_when_a_value_is_set() -> None:
    before, _ = overlaid(SPEC_TEXT)
    after, _ = overlaid(SPEC_TEXT, sets={"training.epochs": 5})
    assert {k: v for k, v in after.plain().items() if k != "training"} == {
        k: v for k, v in before.plain().items() if k != "training"
    }
    assert after["model"] is before["model"] or after["model"].span == before["model"].span


@pytest.mark.parametrize(
    ("path", "code", "part", "help"),
    [
        ("trainig.epochs.x", "S101", None, ""),
        ("model.layer.0", "S101", "layer", "did you mean `layers`?"),
        ("model.layers.4", "S101", "4", "items count from 0 to 3"),
        ("model.layers.4.Dense", "S101", "4", "items count from 0 to 3"),
        ("model.layers.first.Dense", "S101", "first", "items count from 0 to 3"),
        ("model.layers.3.Dropout.rate", "S101", "rate", "--set 'model.layers.3.Dropout={rate: …}'"),
        ("model.layers.0.Dens.units", "S101", "Dens", "did you mean `Dense`?"),
        ("params.widht", "S006", "widht", "did you mean `width`?"),
        ("extends", "S101", "extends", "write it in the spec"),
        ("model..x", "S101", "", "it has"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_at_its_part(path: str, code: str, part: str | None, help: str) -> None:
    tree, log = overlaid(SPEC_TEXT, sets={path: 1})
    if part is None:  # a section that is begun: that it is misspelt is found with all other keys
        assert log.diagnostics == []
        return
    found = only(log)
    assert (found.code.id, found.span.path) == (code, f"--set {path}")
    assert log.sources[found.span.path][found.span.column - 1 : found.span.end_column - 1] == part
    assert help in found.help
    assert tree.plain() == overlaid(SPEC_TEXT)[0].plain()


def test_every_fault_of_the_command_line_is_told_in_one_go() -> None:
    _, log = overlaid(SPEC_TEXT, params={"a": 1, "b": 2}, sets={"model.x.y": 1, "params.c": 2})
    assert [d.code.id for d in log.diagnostics] == ["S006", "S006", "S101", "S006"]


def test_overrides_come_after_extends(specs: Path) -> None:
    write(specs, base="params: {width: 1}\ntraining: {epochs: 1}\n", spec="extends: base.yaml\n")
    tree, _ = composed("spec.yaml", params={"width": 2}, sets={"training.epochs": 3})
    assert tree.plain() == {"params": {"width": 2}, "training": {"epochs": 3}}


# NAME=VALUE


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("lr=1e-3", "lr", 0.001),
        ("a=no", "a", "no"),
        ("a=", "a", None),
        ("a=b=c", "a", "b=c"),
        ("a=[1, x]", "a", [1, "x"]),
        ("a={b: 1}", "a", {"b": 1}),
        ("a.b.0=${x}", "a.b.0", "${x}"),
        ("a='1'", "a", "1"),
        ("a=- 1\n- 2", "a", [1, 2]),
    ],
)
def test_an_assignment_is_a_name_and_a_value_of_yaml(text: str, name: str, value: Any) -> None:
    assert parse_assignment(text) == (name, value)


@pytest.mark.parametrize("text", ["", "a", "=1", "a=[1", "a={b: 1, b: 2}", "a=!x 1", "a=\x00", "a='"])
def test_what_is_no_assignment_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse_assignment(text)
    assert caught.value.code.id == "S105"


def test_a_spec_that_cannot_be_read_does_not_reach_compose() -> None:
    with pytest.raises(Rejected):
        overlaid("a: [\n")
