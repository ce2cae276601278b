"""Too many steps are told at once where they can be counted, and else as soon as they are there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from specc import driver
from specc.diagnostics import Log, Rejected
from specc.passes import bind
from specc.passes.bind import network
from specc.tree import Source

ROOT = Path(__file__).parents[2]
GOOD = [*sorted((ROOT / "tests/cases/good").glob("*.yaml")), *sorted((ROOT / "examples").glob("*.yaml"))]
BLOCKS = """\
specc: 1
params: {n: 4}
blocks:
  inner: {params: {times: 2}, layers: [{Dense: 4, repeat: "${times}"}, {residual: [Dense: 4], shortcut: [Dense: 4]}]}
  outer: {layers: [{inner: 3, repeat: 2}, {branches: [[Dense: 2], [Dense: 2]]}, Add]}
model:
  inputs: {x: {shape: [4]}}
  layers:
    - Dense: 4
"""


def found(steps: str, monkeypatch: pytest.MonkeyPatch, most: int) -> list[tuple[str, int]]:
    monkeypatch.setattr(network, "MOST_STEPS", most)
    log = Log()
    with suppress(Rejected):
        driver.check(Source("spec.yaml", BLOCKS + steps), log)
    return [(one.code.id, one.span.line) for one in log.sorted() if one.code.id[0] == "S"]


@pytest.mark.parametrize(
    ("steps", "made", "line"),
    [
        ("    - {Dense: 4, repeat: 20}\n", 21, 10),
        ("    - {Dense: 4, repeat: '${5 * n}'}\n", 21, 10),
        ("    - {layers: [{Dense: 4, repeat: 5}, ReLU], repeat: 4}\n", 25, 10),
        # A block's residual makes 3, `inner: 3` 6, and `outer` 15; of its own steps 9 are certain.
        ("    - {outer: , repeat: 2}\n", 31, 5),
        ("    - {outer: , repeat: 10}\n", 151, 10),
        # What hangs on `i` or on a condition is counted when it is there.
        ("    - {layers: [{Dense: 4, repeat: '${i}'}], repeat: 8}\n", 29, 10),
        ("    - {layers: [{Dense: 4, repeat: 20, when: '${i == 0}'}], repeat: 100}\n", 21, None),
        ("    - {outer: }\n    - {Dense: 4, repeat: 30, when: false}\n", 16, None),
    ],
)
def test_the_last_step_that_fits_is_the_last_that_is_allowed(steps, made, line, monkeypatch):
    assert found(steps, monkeypatch, made) == []
    assert [code for code, _ in found(steps, monkeypatch, made - 1)] == ["S003"]
    if line is not None:
        assert found(steps, monkeypatch, 20) == [("S003", line)]


def test_a_repeat_that_is_too_much_makes_no_step(monkeypatch):
    made = []
    emit = network.Weaver._emit
    monkeypatch.setattr(network.Weaver, "_emit", lambda *given: [made.append(given), emit(*given)][1])
    log = Log()
    with pytest.raises(Rejected):
        driver.check(Source("spec.yaml", BLOCKS + "    - {outer: , repeat: 20000}\n"), log)
    assert [(one.code.id, one.span.line) for one in log.sorted()] == [("S003", 10)]
    assert len(made) == 1


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_certain_is_never_more_than_what_is_made(path, monkeypatch):
    log, seen = Log(), []

    class Watched(network.Weaver):
        def chain(self, tree, scope, given):
            before, certain = len(self.steps), self._least_of(tree)
            end = super().chain(tree, scope, given)
            assert certain <= len(self.steps) - before
            seen.append(certain)
            return end

    monkeypatch.setattr(bind, "Weaver", Watched)
    driver.check(driver.open_spec(path, log), log)
    assert seen
