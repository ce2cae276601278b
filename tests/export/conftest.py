"""Two networks over every kind of feature, made and exported once."""

from __future__ import annotations

from pathlib import Path

import pytest
from served_networks import ARRAYS, TABLE, Made, export_all, make, write_arrays, write_table

from specc.backend.export import Artefact
from specc.diagnostics import Log


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(TABLE, tmp_path_factory.mktemp("table"), write_table)


@pytest.fixture(scope="session")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(ARRAYS, tmp_path_factory.mktemp("arrays"), write_arrays)


@pytest.fixture(scope="session")
def exported(table: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artefact]:
    """The artefacts of the table's network, in a directory that holds nothing else."""
    log = Log()
    artefacts = export_all(table, tmp_path_factory.mktemp("run") / "export", log)
    assert log.diagnostics == []
    return artefacts


@pytest.fixture(scope="session")
def exported_arrays(arrays: Made, tmp_path_factory: pytest.TempPathFactory) -> Artefact:
    """The SavedModel of the network over arrays."""
    log = Log()
    artefacts = export_all(arrays, tmp_path_factory.mktemp("run") / "export", log)
    assert log.diagnostics == []
    return artefacts["saved_model"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
