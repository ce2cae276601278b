"""What every test may ask for: the command line in this process, and specs in a directory of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from specc.cli.entry import status


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests the names by which pytest-xdist knows their group: it sets what pytest 9.2 does not read any more.

    Without it every process trains what `xdist_group` says that one is to train for all.
    """
    for item in items:
        if (grouped := getattr(item, "_nodeid", item.nodeid)) != item.nodeid:
            item._id = type(item.id).parse(grouped)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """`cli("validate", path)`: the command line, from its arguments to its exit status."""

    def run(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        ended = status([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return Ended(ended, out, err)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """`write("model.yaml", text)`: a file in the test's own directory."""

    def file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return file
