"""`--format github` and `--format sarif`: what GitHub and code scanning read, whole and valid whatever was found."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from specc import codes
from specc.diagnostics import Diagnostic, Edit, Related, Span
from specc.render import github, sarif

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/schemas/sarif-2.1.0.json").read_text(encoding="utf-8"))
SARIF = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
SPEC = "specc: 1\nmodel:\n  inputs: {é☃𝄞: {shape: [4]}}\n  layers:\n    - Dense: {unit: 3}\n"
UNUSED = "specc: 1\nmodel:\n  inputs: {x: {shape: [4]}}\n  layers:\n    - Dense: 2\n    - Dense: 3\n      inputs: x\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, with where one stands below its root."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    return tmp_path


def log_of(text: str) -> dict:
    document = json.loads(text)
    assert [error.message for error in SARIF.iter_errors(document)] == []
    assert len(document["runs"]) == 1
    return document["runs"][0]


def command_of(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's runner reads it: its name, its properties, its message."""
    found = re.fullmatch(r"::(\w+) ([^\n]*?)::([^\n]*)", line)
    assert found, line
    properties = dict(part.split("=", 1) for part in found[2].split(","))
    return found[1], {k: unescaped(v) for k, v in properties.items()}, unescaped(found[3])


def unescaped(text: str) -> str:
    for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def test_a_github_command_names_the_file_from_the_root_of_the_repository(cli, write, repository: Path):
    write("below/model.yaml", SPEC)
    ended = cli("validate", "--format", "github", "model.yaml")
    assert ended.status == 1
    assert ended.err == ""
    name, properties, message = command_of(ended.out.rstrip("\n"))
    assert name == "error"
    assert properties == {
        "file": "below/model.yaml",
        "line": "5",
        "col": "15",
        "endLine": "5",
        "endColumn": "19",
        "title": "S103",
    }
    assert message == "`Dense` has no argument `unit`\nhelp: did you mean `units`?"


def test_github_says_where_the_repository_begins(cli, write, repository: Path, monkeypatch: pytest.MonkeyPatch):
    write("below/model.yaml", SPEC)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository / "below"))
    assert "file=model.yaml," in cli("validate", "--format", "github", "model.yaml").out


def test_a_warning_is_a_warning(cli, write):
    path = write("unused.yaml", UNUSED)
    ended = cli("validate", "--format", "github", path)
    assert ended.status == 0
    assert ended.out.startswith("::warning ")
    run = log_of(cli("validate", "--format", "sarif", path).out)
    assert [r["level"] for r in run["results"]] == ["warning"]
    assert run["tool"]["driver"]["rules"][0]["defaultConfiguration"] == {"level": "warning"}


def test_where_nothing_is_found_the_formats_are_whole(cli, write):
    path = write("good.yaml", "specc: 1\nmodel: {inputs: {x: {shape: [4]}}, layers: [Dense: 3]}\n")
    assert cli("validate", "--format", "github", path).out == ""
    run = log_of(cli("validate", "--format", "sarif", path).out)
    assert (run["results"], run["tool"]["driver"]["rules"], run["artifacts"]) == ([], [], [])


TEXTS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40)


@given(path=TEXTS.filter(lambda t: not t.startswith(("-", "<", "/"))), message=TEXTS, help=TEXTS)
def test_nothing_in_a_message_or_a_path_breaks_out_of_its_command(path: str, message: str, help: str):
    found = Diagnostic(codes.S501, Span(path, 1, 1, 1, 2), message, help)
    written = github.diagnostics([found])
    assert "\n" not in written.replace("\r", "\n")
    name, properties, told = command_of(written)
    assert (name, properties["title"], told) == ("error", "S501", f"{message}\nhelp: {help}")


@given(
    path=TEXTS.filter(lambda t: "\0" not in t),
    message=TEXTS,
    text=TEXTS,
    column=st.integers(1, 10**6),
    width=st.integers(0, 99),
)
def test_sarif_is_valid_whatever_is_told(path: str, message: str, text: str, column: int, width: int):
    span = Span(path, 3, column, 3, column + width)
    found = Diagnostic(codes.S103, span, message, "", (Related(text, span),), Edit(span, text))
    run = log_of(sarif.diagnostics([found], "1.2.3"))
    assert run["results"][0]["message"]["text"] == message


def test_a_result_has_its_place_its_second_place_its_rule_and_its_fix(cli, write, repository: Path):
    text = "specc: 1\nblocks:\n  b:\n    layers:\n      - Dense: {unit: 1}\nmodel:\n  inputs: {x: {shape: [4]}}\n"
    write("below/a name.yaml", text + "  layers: [b]\n")
    run = log_of(cli("validate", "--format", "sarif", "a name.yaml").out)
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "below/a%20name.yaml", "uriBaseId": "%SRCROOT%"}
    assert unquote(place["artifactLocation"]["uri"]) == "below/a name.yaml"
    assert run["artifacts"] == [{"location": place["artifactLocation"]}]
    assert run["columnKind"] == "unicodeCodePoints"
    region = place["region"]
    line = text.split("\n")[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "unit"
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"] == "S103"
    assert rule["help"]["markdown"] == cli("explain", "S103").out
    assert rule["fullDescription"]["text"] in " ".join(rule["help"]["text"].split())
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [{"deletedRegion": region, "insertedContent": {"text": "units"}}]


def test_places_that_belong_to_it_are_named(cli, write):
    text = "specc: 1\nmodel:\n  inputs: {a: {shape: [3]}, b: {shape: [4]}}\n  layers: [{Add: , inputs: [a, b]}]\n"
    (result,) = log_of(cli("validate", "--format", "sarif", write("model.yaml", text)).out)["results"]
    assert [one["message"]["text"] for one in result["relatedLocations"]] == [
        "the input `a` is (batch, 3)",
        "the input `b` is (batch, 4)",
    ]


def test_every_bad_case_is_valid_sarif_and_every_rule_has_its_page(cli):
    run = log_of(cli("validate", "--format", "sarif", ROOT / "tests/cases/bad").out)
    found = json.loads(cli("validate", "--format", "json", ROOT / "tests/cases/bad").out)["diagnostics"]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(found) > 200
    assert {rule["id"] for rule in rules} == {one["code"] for one in found}
    assert all(rule["help"]["markdown"].startswith(f"# {rule['id']}: ") for rule in rules)


def test_what_lies_outside_the_repository_has_its_whole_path(cli, write, repository: Path, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "model.yaml"
    elsewhere.write_text(SPEC, encoding="utf-8")
    (result,) = log_of(cli("validate", "--format", "sarif", elsewhere).out)["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": elsewhere.as_uri()}
