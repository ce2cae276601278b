"""Every code has a page, and the examples on the pages are true."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest

from specc import codes, driver
from specc.diagnostics import Log, Rejected
from specc.tree import Source

PAGES = Path(codes.__file__).parent / "explain"
FENCE = re.compile(r"^```(\w+)(?: ([SW]\d+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(code: str) -> str:
    return (PAGES / f"{code}.md").read_text(encoding="utf-8")


def examples() -> list[tuple[str, str, list[str]]]:
    """Every YAML example: the page it is on, its text, and the codes it must be given."""
    return [
        (path.stem, text, [code] if code else [])
        for path in sorted(PAGES.glob("*.md"))
        for language, code, text in FENCE.findall(path.read_text(encoding="utf-8"))
        if language == "yaml"
    ]


def test_every_code_has_a_page_and_every_page_a_code():
    assert {p.stem for p in PAGES.iterdir()} == set(codes.ALL)


@pytest.mark.parametrize("code", codes.ALL)
def test_a_page_begins_with_its_code_and_shows_a_mistake_and_its_remedy(code: str):
    text = page(code)
    assert text.startswith(f"# {code}: {codes.ALL[code].title}\n")
    assert text.index("\n## Reported\n") < text.index("\n## Instead\n")
    in_data_or_running = code.startswith(("S5", "S6", "W602", "W603"))
    assert in_data_or_running or f"```yaml {code}\n" in text


@pytest.mark.parametrize(
    ("on", "text", "expected"), examples(), ids=lambda v: str(v) if not isinstance(v, str) else v[:4]
)
def test_an_example_is_given_exactly_the_codes_that_its_fence_names(on: str, text: str, expected: list[str]):
    log = Log()
    with suppress(Rejected):
        driver.check(Source(f"{on}.yaml", text), log)
    assert [d.code.id for d in log.sorted()] == expected, [d.message for d in log.sorted()]


def test_a_link_between_pages_leads_to_a_page():
    links = [target for path in PAGES.iterdir() for target in re.findall(r"\]\(([^)#]+)", path.read_text("utf-8"))]
    assert links
    assert all((PAGES / link).exists() for link in links)
