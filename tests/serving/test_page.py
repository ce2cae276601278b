"""The page at `/`, tried in a browser: what a person fills in is answered as the REST API answers it."""

from __future__ import annotations

import base64
import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_selenium_python
import pytest
from models_to_serve import Running, running
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.xdist_group("serving"),
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="there is no chromium with its chromedriver here"),
]

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

AXE = Path(axe_selenium_python.__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def tables(people: Path) -> Iterator[Running]:
    with running(people) as there:
        yield there


@pytest.fixture(scope="module")
def pictures(photos: Path) -> Iterator[Running]:
    with running(photos) as there:
        yield there


@pytest.fixture
def visit(browser: Any) -> Callable[..., None]:
    """`visit(server)`: the page, once its form is there."""

    def open_page(server: Running, width: int = 1200, dark: bool = False) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get(f"{server.url}/")
        WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, "#fields .field"))

    return open_page


def field(browser: Any, name: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, f"#fields [name='{name}']")


def fill(browser: Any, name: str, value: str) -> None:
    entry = field(browser, name)
    if entry.tag_name == "select":
        Select(entry).select_by_visible_text(value)
    else:
        entry.clear()
        entry.send_keys(value)


def answered(browser: Any) -> list[tuple[str, float]]:
    """The bars, once they are there: names and shares."""
    browser.execute_script("document.querySelector('#answer').replaceChildren()")
    browser.find_element(By.ID, "ask").click()
    bars = WebDriverWait(browser, 20).until(lambda b: b.find_elements(By.CSS_SELECTOR, "#answer .bars li"))
    return [
        (
            bar.find_element(By.CLASS_NAME, "name").text,
            float(bar.find_element(By.CLASS_NAME, "score").text.rstrip("%")) / 100,
        )
        for bar in bars
    ]


def predicted(server: Running, name: str, row: Any) -> list[float]:
    data = json.dumps({"instances": [row]}).encode()
    with urllib.request.urlopen(f"{server.url}/v1/models/{name}:predict", data, timeout=30) as answer:
        found: list[float] = json.load(answer)["predictions"][0]
        return found


def test_a_row_is_asked_about_with_a_gap_and_a_word_of_ones_own(browser: Any, visit: Any, tables: Running) -> None:
    visit(tables)
    fill(browser, "age", "")
    fill(browser, "hours", "31.5")
    fill(browser, "work", "another…")
    browser.find_element(By.CSS_SELECTOR, "[aria-label='another work']").send_keys("a circus")
    fill(browser, "sex", "male")
    fill(browser, "rooms", "2")
    row = {"age": None, "hours": 31.5, "work": "a circus", "sex": "male", "rooms": 2}
    expected = sorted(
        zip(("low", "middle", "high"), predicted(tables, "people", row), strict=True), key=lambda p: -p[1]
    )
    found = answered(browser)
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert [share for _, share in found] == pytest.approx([share for _, share in expected], abs=6e-4)
    fill(browser, "work", "(missing)")
    row["work"] = None
    told = dict(answered(browser))
    assert [told[n] for n in ("low", "middle", "high")] == pytest.approx(predicted(tables, "people", row), abs=6e-4)


def test_the_page_can_be_asked_without_filling_anything_in(browser: Any, visit: Any, tables: Running) -> None:
    visit(tables)
    assert sum(share for _, share in answered(browser)) == pytest.approx(1, abs=2e-3)


def test_a_picture_is_chosen_shown_and_classified(browser: Any, visit: Any, pictures: Running, photos: Path) -> None:
    visit(pictures)
    file = photos.parent / "photos" / "bright" / "3.jpg"
    field(browser, "picture").send_keys(str(file))
    WebDriverWait(browser, 20).until(lambda b: b.find_element(By.CSS_SELECTOR, "img.preview").size["width"])
    coded = {"b64": base64.b64encode(file.read_bytes()).decode()}
    expected = dict(zip(("bright", "dark"), predicted(pictures, "photos", coded), strict=True))
    assert dict(answered(browser)) == pytest.approx(expected, abs=6e-4)
    assert "base64" not in browser.find_element(By.ID, "curl").get_attribute("textContent")


def test_what_the_server_refuses_is_shown(browser: Any, visit: Any, pictures: Running, tmp_path: Path) -> None:
    visit(pictures)
    (tmp_path / "none.jpg").write_bytes(b"no picture")
    field(browser, "picture").send_keys(str(tmp_path / "none.jpg"))
    browser.find_element(By.ID, "ask").click()
    wrong = WebDriverWait(browser, 20).until(lambda b: b.find_element(By.CSS_SELECTOR, "#answer .wrong"))
    assert "image" in wrong.text.lower()


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (390, False)])
def test_anybody_can_use_it(browser: Any, visit: Any, tables: Running, width: int, dark: bool) -> None:
    visit(tables, width, dark)
    answered(browser)
    browser.execute_script("document.querySelector('#details').open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 10


def test_it_asks_no_other_host_and_complains_of_nothing(browser: Any, visit: Any, tables: Running) -> None:
    browser.get_log("browser")
    browser.get_log("performance")
    visit(tables)
    answered(browser)
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert {f"{tables.url}/page.js", f"{tables.url}/openapi.json"} <= set(urls)
    assert [url for url in urls if not url.startswith((tables.url, "data:"))] == []
    assert browser.get_log("browser") == []
