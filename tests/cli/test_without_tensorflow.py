"""With only the core installed specc checks, shows, forms and explains, and says what the rest needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def core() -> set[str]:
    """The packages that `pip install specc` brings: what it requires without an extra, and so on down."""
    found: set[str] = set()
    waiting = ["specc"]
    while waiting:
        for requirement in metadata.requires(waiting.pop()) or ():
            name = re.match(r"[\w.-]+", requirement)[0]
            if "extra ==" not in requirement and name not in found and _installed(name):
                found.add(name)
                waiting.append(name)
    return found


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line in a Python that has the core packages, linked into a directory of their own, and no others."""
    packages = tmp_path_factory.mktemp("core")
    (packages / "specc").symlink_to(ROOT / "specc")  # An editable install has no package of its own to link.
    for name in {"specc", *core()}:
        for file in metadata.files(name) or ():
            top = file.parts[0]
            here = Path(file.locate()).parents[len(file.parts) - 2] if len(file.parts) > 1 else Path(file.locate())
            if top != ".." and top != "__pycache__" and not (packages / top).exists():
                (packages / top).symlink_to(here)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-S", "-m", "specc", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_this_python_really_has_no_tensorflow(bare):
    answer = bare("doctor")
    assert answer.returncode == 0, answer.stderr
    assert "pip install 'specc[train]'" in answer.stdout
    assert "tensorflow 2" not in answer.stdout


@pytest.mark.parametrize(
    "typed",
    [
        ["validate", "examples"],
        ["summary", "examples/digits.yaml"],
        ["fmt", "--check", "examples"],
        ["emit", "examples/digits.yaml"],
        ["explain", "S302"],
        ["schema"],
        [],
    ],
    ids=" ".join,
)
def test_what_checks_and_shows_needs_nothing_more(bare, typed: list[str]):
    answer = bare(*typed)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout


def test_training_says_what_to_install(bare):
    answer = bare("run", "examples/digits.yaml")
    assert answer.returncode == 1
    assert "S606 error: this needs TensorFlow, which is not installed" in answer.stderr
    assert "pip install 'specc[train]'" in answer.stderr
    assert "Traceback" not in answer.stderr
