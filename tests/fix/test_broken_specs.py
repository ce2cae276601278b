"""A good spec with one slip in it is mended to what it was, or left alone: there is nothing between."""

from __future__ import annotations

import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from specc.cli.checking import Terms, check
from specc.cli.entry import status

ROOT = Path(__file__).parents[2]
GOOD = [*sorted((ROOT / "tests/cases/good").glob("*.yaml")), *sorted((ROOT / "examples").glob("*.yaml"))]
BAD = sorted((ROOT / "tests/cases/bad").glob("*.yaml"))
NOTHING = Terms()

WORD = re.compile(r"(?<![\w.$])[A-Za-z_]\w{2,}")
NUMBER = re.compile(r"(?<=[\s\[{,])-?\d+(?:\.\d+)?(?=[\s,\]}]|$)")
COMMENT = re.compile(r"(?:^|\s)#[^\n]*")


def fixed(path: Path) -> str:
    """What `validate --fix` makes of a file."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        assert status(["validate", "--fix", str(path)]) in (0, 1)
    return path.read_bytes().decode("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with copies of the good specs and all that they extend."""
    made = tmp_path_factory.mktemp("good")
    shutil.copytree(ROOT / "tests/cases/good", made, dirs_exist_ok=True)
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        shutil.copy(path, made)
    return made


@st.composite
def misspelt(draw: st.DrawFn) -> tuple[str, str, str]:
    """A good spec, and the same with one word in it misspelt: a letter left out, doubled, changed or swapped."""
    path = draw(st.sampled_from(GOOD))
    text = path.read_bytes().decode("utf-8")
    word = draw(st.sampled_from(list(WORD.finditer(text))))
    at = draw(st.integers(word.start(), word.end() - 2))
    letter = draw(st.sampled_from("aeinorstlxyAS_"))
    wrong = draw(
        st.sampled_from(
            [
                text[:at] + text[at + 1 :],
                text[:at] + text[at] + text[at:],
                text[:at] + letter + text[at + 1 :],
                text[:at] + letter + text[at:],
                text[:at] + text[at + 1] + text[at] + text[at + 2 :],
                text[:at] + text[at].swapcase() + text[at + 1 :],
            ]
        )
    )
    return path.name, text, wrong


@settings(max_examples=200, deadline=None)
@given(misspelt())
def test_a_misspelt_word_becomes_what_it_was_or_stays(folder: Path, case: tuple[str, str, str]):
    name, good, wrong = case
    path = folder / f"broken-{name}"
    path.write_bytes(wrong.encode())
    assert fixed(path) in (good, wrong)


SLIPS = {
    "no space behind a colon": (r"(?<=\w:) (?=[A-Za-z0-9])", ""),
    "no space behind a dash": (r"(?<=^    -) (?=\w)", ""),
    "no colon before what stands below": (r"(?<=\w):$", ""),
    "no comma": (r"(?<=\w),(?= \w+:)", ""),
    "no quotes around an expression": (r'"(\$\{\w+\})"', r"\1"),
    "quotes around a number": (NUMBER.pattern, r'"\g<0>"'),
    "yes": (r"\btrue\b", "yes"),
    "off": (r"\bfalse\b", "off"),
    "a boolean in quotes": (r"\b(true|false)\b", r'"\1"'),
}


@pytest.mark.parametrize("slip", SLIPS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_slip_of_the_pen_is_undone_or_stays(folder: Path, slip: str, data: st.DataObject):
    pattern, wrong = SLIPS[slip]
    path = data.draw(st.sampled_from(GOOD))
    good = path.read_bytes().decode("utf-8")
    places = list(re.finditer(pattern, good, re.MULTILINE))
    assume(places)
    place = data.draw(st.sampled_from(places))
    broken = good[: place.start()] + place.expand(wrong) + good[place.end() :]
    copy = folder / f"slip-{path.name}"
    copy.write_bytes(broken.encode())
    assert fixed(copy) in (good, broken)


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_spec_is_never_worse_afterwards_and_keeps_its_comments(path: Path, tmp_path: Path):
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    companions = path.with_suffix(".d")
    if companions.is_dir():
        shutil.copytree(companions, tmp_path / companions.name)
    before = check(str(copy), NOTHING)
    written = copy.read_bytes().decode("utf-8", "replace")
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        status(["validate", "--fix", str(copy)])
    after = check(str(copy), NOTHING)
    assert after.passes >= before.passes
    assert after.passes > before.passes or len(after.findings) <= len(before.findings)
    assert after.errors <= before.errors
    assert COMMENT.findall(copy.read_bytes().decode("utf-8", "replace")) == COMMENT.findall(written)
    again = copy.read_bytes()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        status(["validate", "--fix", str(copy)])
    assert copy.read_bytes() == again, "a second time there is nothing left to fix"
