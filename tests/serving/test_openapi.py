"""The description of a server is true: schemathesis asks at random by it, and never meets a 5xx."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from models_to_serve import Running, running

pytestmark = pytest.mark.xdist_group("serving")

TOOL = Path(sys.executable).with_name("schemathesis")

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def tables(people: Path) -> Iterator[Running]:
    with running(people, "--name", "m") as there:
        yield there


@pytest.fixture(scope="module")
def pictures(photos: Path) -> Iterator[Running]:
    with running(photos, "--name", "m") as there:
        yield there


def described(server: Running) -> Any:
    with urllib.request.urlopen(f"{server.url}/openapi.json", timeout=30) as answer:
        return json.load(answer)


def fuzz(server: Running, examples: int, checks: str, folder: Path) -> None:
    command = [str(TOOL), "run", f"{server.url}/openapi.json", "--checks", checks]
    command += ["--max-examples", str(examples), "--seed", "7", "--no-color", "--phases", "examples,coverage,fuzzing"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, cwd=folder)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_random_requests_get_what_is_described(tables: Running, tmp_path: Path) -> None:
    fuzz(tables, 15, f"{CHECKS},negative_data_rejection", tmp_path)


@pytest.mark.slow
def test_many_random_requests_get_what_is_described(tables: Running, pictures: Running, tmp_path: Path) -> None:
    fuzz(tables, 400, f"{CHECKS},negative_data_rejection", tmp_path)
    fuzz(pictures, 400, CHECKS, tmp_path)


def test_a_row_is_described_as_the_fields_are(tables: Running, pictures: Running) -> None:
    row = described(tables)["components"]["schemas"]["Row"]
    assert list(row["properties"]) == ["age", "hours", "work", "sex", "rooms"]
    assert row["required"] == ["hours", "sex", "rooms"]
    assert row["properties"]["sex"] == {"enum": ["female", "male"]}
    assert row["properties"]["rooms"] == {"enum": [0, 1, 2, 3]}
    assert row["properties"]["work"] == {"type": ["string", "null"], "examples": ["farm", "shop", "the mill"]}
    check = jsonschema.Draft202012Validator(row)
    good = {"age": None, "hours": 3.5, "work": "circus", "sex": "male", "rooms": 2}
    assert check.is_valid(good)
    for wrong in ({"hours": None}, {"sex": "mal"}, {"rooms": 4}, {"work": 3}, {"more": 1}):
        assert not check.is_valid(good | wrong)
    schemas = described(pictures)["components"]["schemas"]
    assert schemas["Row"]["properties"]["picture"]["properties"]["b64"]["contentMediaType"] == "image/*"
    assert schemas["Prediction"]["x-classes"] == ["bright", "dark"]
