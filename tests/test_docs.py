"""The documentation tells the truth: its specs are good ones, its links lead somewhere, its commands exist."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path

import click
import pytest

from specc import driver
from specc.cli import program
from specc.diagnostics import Log, Rejected
from specc.tree import Source

ROOT = Path(__file__).parents[1]
PAGES = [p for p in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if p.name != "LICENSE"]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fenced(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for kind, text in FENCE.findall(page.read_text(encoding="utf-8")):
            if kind == language:
                found.append((str(page.relative_to(ROOT)), text))
    return found


@pytest.mark.parametrize(("page", "text"), fenced("yaml"))
def test_a_spec_in_the_documentation_is_a_good_one(page: str, text: str):
    log = Log()
    with suppress(Rejected):
        driver.check(Source(page, text), log)
    assert [f"{d.code} {d.message}" for d in log.sorted()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_link_leads_to_a_file(page: Path):
    links = re.findall(r"\]\(([^)#:]+)\)", FENCE.sub("", page.read_text(encoding="utf-8")))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(("page", "text"), fenced("console"))
def test_a_command_in_the_documentation_can_be_typed(page: str, text: str):
    for line in re.findall(r"^\$ specc (.*)$", text.replace("\\\n", " "), re.MULTILINE):
        name, *arguments = shlex.split(re.split(r" [|>] ", line)[0])
        command = program.load(name) if name in program.names() else None
        assert command is not None, line
        # Parsing alone: an unknown option, a bad value or a missing argument raises.
        with command.make_context(name, arguments, parent=click.Context(program.program)):
            pass
