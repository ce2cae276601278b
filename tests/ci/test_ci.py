"""What runs specc for others: the GitHub action, the GitLab job, the pre-commit hooks and the pytest plug-in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
GUIDE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
EXAMPLES = list(re.findall(r"^```yml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))

GOOD = "specc: 1\nmodel:\n  inputs: {x: {shape: [4]}}\n  layers:\n    - Dense: 3\n"
BAD = GOOD.replace("Dense", "Dens")
DOUBTFUL = GOOD.replace("Dense: 3", "Dropout: 0.95") + "    - Dense: 3\n"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A repository with a good spec, a bad one in a directory with a blank in its name, and YAML that is no spec."""
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "more models").mkdir()
    (tmp_path / "more models" / "bad.yaml").write_text(BAD)
    (tmp_path / "other.yaml").write_text("key: value\n")
    return tmp_path


def run(command: list[str], at: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command where `specc` is on the path, as it is once it has been installed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    everything = {**os.environ, "PATH": path, **environment}
    return subprocess.run(command, cwd=at, env=everything, capture_output=True, text=True, timeout=120)


def valid(kind: str, path: Path) -> bool:
    done = run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{kind}", str(path)], ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return True


def test_the_action_is_one_by_the_schema_of_github():
    assert valid("github-actions", ACTION)


@pytest.mark.parametrize(("kind", "first"), [("github-workflows", "# .github"), ("gitlab-ci", "# .gitlab-ci.yml")])
def test_the_examples_of_the_guide_are_valid_where_they_are_put(kind: str, first: str, tmp_path: Path):
    (example,) = [text for text in EXAMPLES if text.startswith(first)]
    (tmp_path / "example.yml").write_text(example)
    assert valid(kind, tmp_path / "example.yml")


def action(at: Path, paths: str, arguments: str = "", sarif: str = "false") -> subprocess.CompletedProcess[str]:
    """The step of the action that checks, run by the shell that the action names."""
    steps = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    (script,) = [step["run"] for step in steps if step["name" if "name" in step else "uses"] == "Check the specs"]
    # As a runner calls bash.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    inputs = {"SPECC_PATHS": paths, "SPECC_ARGUMENTS": arguments, "SPECC_SARIF": sarif}
    return run(command, at, RUNNER_TEMP=str(at), **inputs)


def test_the_action_annotates_what_is_wrong_and_fails(models: Path):
    done = action(models, ".")
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=more models/bad.yaml,line=5,col=7,")


def test_the_action_takes_a_path_a_line_and_further_arguments(models: Path):
    assert action(models, "good.yaml\n").returncode == 0
    assert action(models, "good.yaml\nmore models\n").returncode == 1
    (models / "doubtful.yaml").write_text(DOUBTFUL)
    assert action(models, "doubtful.yaml").returncode == 0
    assert action(models, "doubtful.yaml", "--strict").returncode == 1
    assert action(models, "doubtful.yaml", "--strict --allow W308").returncode == 0


def test_the_action_leaves_a_report_for_code_scanning_also_when_it_fails(models: Path):
    assert action(models, ".", sarif="true").returncode == 1
    report = yaml.safe_load((models / "specc.sarif").read_text())
    assert [result["ruleId"] for result in report["runs"][0]["results"]] == ["S102"]


@pytest.mark.parametrize("hook", yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()), ids=lambda h: h["id"])
def test_a_hook_fails_where_a_spec_is_wrong_and_passes_where_none_is(hook: dict[str, object], models: Path):
    command = [*str(hook["entry"]).split(), *hook["args"]]
    (models / "good.yaml").write_text("specc: 1\nmodel:\n  layers: [\n")
    assert run(command, models).returncode == 1
    (models / "good.yaml").write_text(GOOD)
    (models / "more models" / "bad.yaml").unlink()
    assert run(command, models).returncode == 0


def test_pytest_makes_a_test_of_every_spec(models: Path):
    (models / "doubtful.yaml").write_text(DOUBTFUL)
    command = [sys.executable, "-m", "pytest", "-p", "specc.pytest", "-p", "no:cacheprovider", "-q", "."]
    done = run(command, models)
    assert done.returncode == 1
    assert "1 failed, 2 passed, 1 warning" in done.stdout
    assert "S102 error: there is no layer, op or block `Dens`" in done.stdout
    assert "doubtful.yaml:5: PytestWarning: W308" in done.stdout
    assert "Traceback" not in done.stdout
