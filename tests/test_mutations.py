"""Whatever a good spec is turned into, `specc validate` answers: status 0 or 1, no traceback, within seconds.

A mutation drops, doubles or misspells a key, replaces a value by one of another type, swaps lines, or cuts the text.
The fast suite tries a few hundred, `make test-all` ten thousand. A seed that fails is printed with the mutated text.
"""

from __future__ import annotations

import contextlib
import io
import random
import time
from pathlib import Path

import pytest

from specc.cli.entry import status

ROOT = Path(__file__).parents[1]
SPECS = sorted([*(ROOT / "tests" / "cases" / "good").glob("*.yaml"), *(ROOT / "examples").glob("*.yaml")])
VALUES = (
    *("7", "-1", "0", "2.5", "1e400", "true", "null", "ten", '"${x}"', '"${1/0}"', "[1, 2]", "{a: 1}", "[]", "{}"),
    *("''", "*a", "&a b", "!!python/object:os.system x", "'", '"', "[", "{", "@", "\t", "${width}", "9" * 400, "é☃"),
    *(".nan", ".inf", "prev", "[[[]]]", "- x", "? y", "<<", "2001-01-01", "Dense", "{Dense: {}}", "~", "|", "0x1F"),
)


def mutate(text: str, draw: random.Random) -> str:
    lines = text.split("\n")
    at = draw.randrange(len(lines))
    line = lines[at]
    match draw.randrange(9):
        case 0:
            del lines[at]
        case 1:
            lines.insert(draw.randrange(len(lines)), line)
        case 2 if line.strip():
            place = draw.randrange(len(line))
            lines[at] = line[:place] + draw.choice(" abcXYZ:-{}[],#\"'$\t0") + line[place + draw.randrange(2) :]
        case 3 if ":" in line:
            key, _, _ = line.partition(":")
            lines[at] = f"{key}: {draw.choice(VALUES)}"
        case 4:
            other = draw.randrange(len(lines))
            lines[at], lines[other] = lines[other], line
        case 5:
            return text[: draw.randrange(len(text) + 1)]
        case 6:
            lines[at] = draw.choice(["  ", "", "    ", "- "]) + line.lstrip()
        case 7 if ": " in line:
            start, end = sorted(draw.sample(range(len(line) + 1), 2))
            lines[at] = line[:start] + draw.choice(VALUES) + line[end:]
        case _:
            words = line.split(" ")
            word = draw.randrange(len(words))
            words[word] = draw.choice([words[word] * 2, words[word][1:], words[word].swapcase(), draw.choice(VALUES)])
            lines[at] = " ".join(words)
    return "\n".join(lines)


def answer(seed: int, folder: Path) -> None:
    draw = random.Random(seed)
    spec = draw.choice(SPECS)
    text = spec.read_text(encoding="utf-8")
    for _ in range(draw.choice([1, 1, 1, 2, 5])):
        text = mutate(text, draw)
    path = folder / "mutated.yaml"
    path.write_text(text, encoding="utf-8")
    began = time.perf_counter()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = status(["validate", str(path)])
    seconds = time.perf_counter() - began
    assert code in (0, 1), f"seed {seed} ({spec.name}):\n{text}\n{printed.getvalue()}"
    assert code == 0 or "error" in printed.getvalue(), f"seed {seed}: status 1 without a reason\n{text}"
    assert seconds < 5, f"seed {seed} took {seconds:.1f} s:\n{text}"


@pytest.mark.parametrize("block", range(4))
def test_a_mutated_spec_is_answered(block: int, tmp_path: Path) -> None:
    for seed in range(block * 100, block * 100 + 100):
        answer(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_ten_thousand_mutated_specs_are_answered(block: int, tmp_path: Path) -> None:
    for seed in range(1000 + block * 500, 1000 + block * 500 + 500):
        answer(seed, tmp_path)
