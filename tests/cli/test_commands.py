"""Every command on real files: what it prints, and with which status it ends."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from specc import __version__, codes, schema
from specc.cli import program

Command = Callable[..., object]

GOOD = """\
specc: 1
params: {width: 8}
model:
  inputs: {x: {shape: [4]}}
  layers:
    - Dense: {units: "${width}", activation: relu}
    - Dense: 3
"""
BAD = GOOD.replace("units:", "unit:")
UNUSED = GOOD + "    - Dense: 2\n      inputs: x\n"


def test_specc_alone_shows_what_it_is_and_where_to_begin(cli):
    ended = cli()
    assert ended.status == 0
    for word in ("specc validate", "specc summary", "specc run", "specc predict", "specc explain", "specc --help"):
        assert word in ended.out
    assert max(map(len, ended.out.splitlines())) <= 100


def test_the_spec_on_the_first_screen_is_a_good_one(cli, write):
    shown = cli().out.split("A whole spec")[1].split("First commands")[0]
    text = "\n".join(line[2:].rstrip() for line in shown.splitlines())
    assert cli("validate", write("iris.yaml", text)).status == 0


def test_version(cli):
    assert cli("--version").out == f"specc {__version__}\n"


def test_help_lists_every_command_with_the_first_line_of_its_help(cli):
    out = " ".join(cli("--help").out.split())
    for name in program.names():
        assert f"{name} {' '.join(program.summary(name).split())}" in out


@pytest.mark.parametrize("name", program.names())
def test_every_command_explains_itself(cli, name: str):
    ended = cli(name, "--help")
    assert ended.status == 0
    assert f"Usage: specc {name}" in ended.out
    assert f"specc {name}" in ended.out.split("Options:")[0].partition("\n")[2], "an example of how it is typed"


def test_validate_says_nothing_is_wrong(cli, write):
    ended = cli("validate", write("good.yaml", GOOD))
    assert (ended.status, ended.out, ended.err) == (0, "1 spec checked, nothing to report\n", "")


def test_validate_shows_the_mistake_and_counts(cli, write):
    path = write("bad.yaml", BAD)
    ended = cli("validate", path)
    assert ended.status == 1
    assert ended.out == ""
    assert "S103 error: " in ended.err
    assert f" --> {path}:6:15\n" in ended.err
    assert "did you mean `units`?" in ended.err
    assert ended.err.endswith(f"\n1 error in {path}\n")


def test_validate_as_json_is_one_document_of_every_file(cli, write):
    good, bad, unused = write("good.yaml", GOOD), write("bad.yaml", BAD), write("unused.yaml", UNUSED)
    ended = cli("validate", "--format", "json", good, bad, unused)
    document = json.loads(ended.out)
    assert ended.status == 1
    assert ended.err == ""
    assert document["version"] == 1
    assert [(d["path"], d["code"], d["severity"]) for d in document["diagnostics"]] == [
        (str(bad), "S103", "error"),
        (str(unused), "S206", "warning"),
    ]
    found = document["diagnostics"][0]
    line = BAD.splitlines()[found["line"] - 1]
    assert line[found["column"] - 1 : found["end_column"] - 1] == "unit"
    assert found["end_line"] == found["line"]
    assert found["pointer"] == "/model/layers/0/Dense/unit"
    assert json.loads(cli("validate", "--format", "json", good).out) == {"version": 1, "diagnostics": []}


def test_validate_lets_warnings_pass_unless_they_are_asked_to_count(cli, write):
    path = write("unused.yaml", UNUSED)
    lenient, strict = cli("validate", path), cli("validate", "--strict", path)
    assert (lenient.status, strict.status) == (0, 1)
    assert lenient.err == strict.err
    assert lenient.err.endswith(f"1 warning in {path}\n")


def test_validate_walks_directories_and_passes_over_other_yaml(cli, write, tmp_path: Path):
    write("specs/good.yaml", GOOD)
    write("specs/deeper/also.yml", GOOD)
    write("specs/compose.yaml", "services: {}\n")
    write("specs/notes.txt", "specc: 1\n")
    write("specs/.hidden/bad.yaml", BAD)
    ended = cli("validate", tmp_path / "specs")
    assert ended.status == 0
    assert ended.out == "2 specs checked, nothing to report\n"
    assert ended.err == "1 YAML file without `specc:` at the top passed over\n"
    write("specs/deeper/bad.yaml", BAD)
    assert cli("validate", tmp_path / "specs").status == 1


def test_validate_takes_patterns(cli, write, tmp_path: Path):
    write("a/one.yaml", GOOD)
    write("a/b/two.yaml", GOOD)
    assert cli("validate", tmp_path / "**" / "*.yaml").out == "2 specs checked, nothing to report\n"


def test_a_file_that_two_specs_start_from_is_complained_of_once(cli, write, tmp_path: Path):
    write("base.yaml", BAD.replace("specc: 1\n", ""))
    write("one.yaml", "specc: 1\nextends: base.yaml\n")
    write("two.yaml", "specc: 1\nextends: base.yaml\n")
    found = json.loads(cli("validate", "--format", "json", tmp_path).out)["diagnostics"]
    assert [(Path(d["path"]).name, d["code"]) for d in found] == [("base.yaml", "S103")]


def test_summary_shows_steps_shapes_and_parameters(cli, write, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    out = cli("summary", write("good.yaml", GOOD)).out
    assert re.search(r"dense +Dense +\(batch, 8\) +float32 +40\b", out)
    assert re.search(r"dense_1 +Dense +\(batch, 3\) +float32 +27\b", out)
    assert re.search(r"^parameters +67, all trained", out, re.M)


def test_summary_takes_parameters_and_overrides(cli, write):
    path = write("good.yaml", GOOD)
    assert "(batch, 16)" in cli("summary", path, "-p", "width=16").out
    assert "(batch, 5)" in cli("summary", path, "--set", "model.layers.1.Dense=5").out


def test_summary_as_json(cli, write):
    document = json.loads(cli("summary", "--format", "json", write("good.yaml", GOOD)).out)
    memory = document.pop("memory")
    assert (memory["batch_size"], memory["weights"], memory["exact"]) == (32, 4 * 67, True)
    assert document == {
        "version": 1,
        "steps": [
            {
                "name": "dense",
                "call": "Dense",
                "inputs": {"inputs": "x"},
                "outputs": [{"shape": [None, 8], "dtype": "float32"}],
                "params": 40,
                "trainable": 40,
                "shares": None,
                "flops": 80,
                "kept_bytes": 32,
            },
            {
                "name": "dense_1",
                "call": "Dense",
                "inputs": {"inputs": "dense"},
                "outputs": [{"shape": [None, 3], "dtype": "float32"}],
                "params": 27,
                "trainable": 27,
                "shares": None,
                "flops": 51,
                "kept_bytes": 12,
            },
        ],
        "inputs": [{"name": "x", "shape": [None, 4], "dtype": "float32"}],
        "outputs": [{"name": "dense_1", "from": "dense_1"}],
        "params": {"total": 67, "trainable": 67},
        "phases": [],
        "flops": 80 + 51,
    }


def test_summary_of_a_bad_spec_shows_what_is_wrong_and_no_table(cli, write):
    ended = cli("summary", write("bad.yaml", BAD))
    assert (ended.status, ended.out) == (1, "")
    assert "S103" in ended.err


def test_explain_prints_the_page_of_a_code(cli):
    page = Path(codes.__file__).parent / "explain" / "S302.md"
    assert cli("explain", "S302").out == page.read_text(encoding="utf-8")
    assert cli("explain", "s302").out == cli("explain", "S302").out


def test_explain_lists_every_code(cli):
    out = cli("explain").out
    for code in codes.ALL.values():
        assert f"{code.id}  {code.title}" in out


def test_schema_prints_the_schema(cli):
    assert json.loads(cli("schema").out) == json.loads(json.dumps(schema.document()))


def test_emit_prints_python_or_writes_it(cli, write, tmp_path: Path):
    path = write("good.yaml", GOOD)
    printed = cli("emit", path)
    ast.parse(printed.out)
    assert printed.status == 0
    assert "specc" not in printed.out
    assert cli("emit", path, "--output", tmp_path / "good.py").out == ""
    assert (tmp_path / "good.py").read_text(encoding="utf-8") == printed.out


def test_fmt_rewrites_a_spec_and_is_then_content(cli, write):
    path = write("ragged.yaml", "specc:   1\nmodel:\n      inputs:   {x:   {shape: [4]}}\n      layers: [Dense:   3]\n")
    before = path.read_text(encoding="utf-8")
    checked = cli("fmt", "--check", path)
    assert checked.status == 1
    assert f"{path}: would be reformatted\n" in checked.out
    assert path.read_text(encoding="utf-8") == before
    plain = json.loads(cli("summary", "--format", "json", path).out)
    assert cli("fmt", path).status == 0
    assert path.read_text(encoding="utf-8") != before
    assert json.loads(cli("summary", "--format", "json", path).out) == plain
    assert cli("fmt", "--check", path).status == 0
    assert [p.name for p in path.parent.iterdir()] == ["ragged.yaml"]


def test_fmt_leaves_what_it_cannot_read_as_it_is(cli, write):
    path = write("broken.yaml", "specc: 1\nmodel: [\n")
    ended = cli("fmt", path)
    assert ended.status == 1
    assert "S001" in ended.err
    assert path.read_text(encoding="utf-8") == "specc: 1\nmodel: [\n"


def test_doctor_names_what_is_installed(cli):
    ended = cli("doctor")
    assert ended.status == 0
    out = " ".join(ended.out.lower().split())
    for words in (f"specc {__version__}", "python 3.", "pyyaml 6.", "tensorflow 2.21", "keras 3.15", "devices cpu:0"):
        assert words in out
