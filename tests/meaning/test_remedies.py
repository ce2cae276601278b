"""A remedy that is an edit mends what it was given for, and brings nothing new."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from specc import driver
from specc.diagnostics import Diagnostic, Edit, Log, Rejected
from specc.tree import Source

BAD = Path(__file__).parents[1] / "cases" / "bad"
MEANING = ("s105_monitors", "s105_class_weight", "s306", "s401", "s402", "s403", "s404", "s405")


def errors(text: str) -> list[Diagnostic]:
    log = Log()
    with suppress(Rejected):
        driver.check(Source("spec.yaml", text), log)
    return [found for found in log.sorted() if found.code.id.startswith("S")]


def edited(text: str, edit: Edit) -> str:
    lines = text.split("\n")
    line = lines[edit.span.line - 1]
    assert edit.span.line == edit.span.end_line
    lines[edit.span.line - 1] = line[: edit.span.column - 1] + edit.text + line[edit.span.end_column - 1 :]
    return "\n".join(lines)


def kinds(found: list[Diagnostic]) -> Counter[tuple[str, int]]:
    return Counter((one.code.id, one.span.line) for one in found)


CASES = sorted(path for path in BAD.glob("*.yaml") if path.name.startswith(MEANING))


def fixes(path: Path) -> list[Diagnostic]:
    return [found for found in errors(path.read_text(encoding="utf-8")) if found.fix]


@pytest.mark.parametrize("path", [p for p in CASES if fixes(p)], ids=lambda p: p.stem)
def test_an_edit_takes_away_its_error_and_brings_no_other(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    before = errors(text)
    for found in before:
        if found.fix is None:
            continue
        assert kinds(errors(edited(text, found.fix))) == kinds(before) - Counter([(found.code.id, found.span.line)])


SPEC = """
specc: 1
params: {which: binary_crossentropy}
dataset:
  source: {csv: none.csv}
  inputs: {x: {type: number}}
  targets: {y: {type: binary}}
model:
  layers:
    - Dense: 1
training:
  loss: binary_crossentropy
  metrics: [mae]
  optimizer: adam
"""


@pytest.mark.parametrize(
    ("old", "new", "fix"),
    [
        ("mae", "mae", "{BinaryCrossentropy: {from_logits: true}}"),
        ("loss: binary_crossentropy", "loss: {BinaryCrossentropy: {from_logits: false}}", "true"),
        # Then `accuracy` would take scores for probabilities.
        ("mae", "accuracy", None),
        ("loss: binary_crossentropy", 'loss: "${which}"', None),
        ("loss: binary_crossentropy", "loss: {BinaryCrossentropy: {label_smoothing: 0.1}}", None),
        ("Dense: 1", "Dense: {units: 1, activation: relu}", None),
        ("Dense: 1", "Dense: {units: 1, activation: softmax}", "sigmoid"),
    ],
)
def test_an_edit_is_given_only_where_it_is_certain(old: str, new: str, fix: str | None) -> None:
    (found,) = errors(SPEC.replace(old, new))
    assert found.code.id == "S402"
    assert (found.fix.text if found.fix else None) == fix


def test_a_name_that_the_command_line_gives_is_left_as_it_is() -> None:
    log = Log()
    source = Source("spec.yaml", SPEC, sets={"training.loss": "binary_focal_crossentropy"})
    with suppress(Rejected):
        driver.check(source, log)
    (found,) = [d for d in log.sorted() if d.code.id == "S402"]
    assert found.fix is None


def test_a_layer_that_merges_is_offered_all_there_is() -> None:
    (told,) = errors((BAD / "s204_first_merges.yaml").read_text(encoding="utf-8"))
    assert told.help == "say which: `inputs: [a, b]` beside the call"
