"""Runs to be served, made once, and a client for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from models_to_serve import HOUSES, PEOPLE, PHOTOS, save_odd, trained, write_people, write_photos
from starlette.testclient import TestClient

from specc import driver
from specc.backend.serving.app import Service
from specc.backend.serving.versions import Model, learnt
from specc.diagnostics import Log


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    write_people(folder)
    return trained(folder, PEOPLE)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder)
    return trained(folder, PHOTOS)


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("houses")
    write_people(folder)
    return trained(folder, HOUSES)


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of versions."""
    folder = tmp_path_factory.mktemp("odd")
    save_odd(folder / "1")
    return folder


Serve = Callable[..., TestClient]


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """`serve(path)`: a client of a server in this process."""
    opened: list[TestClient] = []

    def client(path: Path, **options: Any) -> TestClient:
        log = Log()
        run = (path / "spec.yaml").is_file()
        plan = driver.check(driver.open_spec(path / "spec.yaml", log), log) if run else None
        model = Model("m", path, plan, learnt(path) if run else {})
        model.open()
        given = {"batch": 16, "wait": 0, "queue": 100, "timeout": 30, "body": 2**20} | options
        opened.append(TestClient(Service(model, **given).app(), raise_server_exceptions=False))
        opened[-1].__enter__()
        opened[-1].model = model  # type: ignore[attr-defined]
        return opened[-1]

    yield client
    for one in opened:
        one.__exit__(None, None, None)
