"""Specs in files: a bad one carries what it must be told on the lines that are wrong, a good one is told nothing.

`#! S302` at the end of a line expects that code there; `#! S105 S105` two of them. For a line that cannot carry a
comment the first line says `#! 3: S001`. Files that a case extends lie in a folder beside it, `NAME.d/`, and may carry
marks too.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from specc import codes
from specc.diagnostics import Log, Rejected
from specc.driver import check, open_spec

CASES = Path(__file__).parent / "cases"
BAD = sorted((CASES / "bad").glob("*.yaml"))
GOOD = sorted((CASES / "good").glob("*.yaml"))

MARK = re.compile(r"#! (?:(?P<line>\d+): )?(?P<codes>[SW]\d{3}(?: [SW]\d{3})*)\s*$", re.MULTILINE)
RUNNING = ("S5", "S6", "W602", "W603")
"""What only reading data and running bring: ranges, and single codes."""

Findings = Counter[tuple[str, int, str]]


def expected(path: Path) -> Findings:
    """The marks of a case and of its companions: file, line, code."""
    found: Findings = Counter()
    for file in [path, *sorted(path.with_suffix(".d").rglob("*.yaml"))]:
        for number, line in enumerate(_text(file).split("\n"), 1):
            if mark := MARK.search(line):
                at = int(mark["line"] or number)
                found.update((str(file), at, code) for code in mark["codes"].split())
    return found


def reported(path: Path) -> Findings:
    """What checking it says: file, line, code."""
    log = Log()
    with suppress(Rejected):
        check(open_spec(path, log), log)
    return Counter((str(Path(d.span.path)), d.span.line, d.code.id) for d in log.diagnostics)


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")


def name(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", BAD, ids=name)
def test_a_bad_spec_is_told_its_faults_and_nothing_else(path: Path):
    assert expected(path), f"{path.name} carries no mark: `#! S302` on the line that is wrong"
    assert reported(path) == expected(path)


@pytest.mark.parametrize("path", GOOD, ids=name)
def test_a_good_spec_is_told_nothing(path: Path):
    assert not reported(path)


def test_every_code_that_checking_brings_has_a_bad_case():
    shown = {code for path in BAD for _, _, code in expected(path)}
    checking = {code for code in codes.ALL if not code.startswith(RUNNING)}
    assert checking - shown == set()


def test_a_case_is_named_after_a_code_that_it_shows():
    assert [p.name for p in BAD if p.name[:4].upper() not in {code for _, _, code in expected(p)}] == []
