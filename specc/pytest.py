"""A plug-in for pytest: every spec under the directories that are tested is a test of its own.

    pytest -p specc.pytest models/

A spec fails when checking it finds an error, and the report is what `specc validate` prints. Warnings become pytest's
warnings. TensorFlow is not loaded and no data is read.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from specc import driver
from specc.cli.paths import SUFFIXES, is_spec
from specc.diagnostics import Log, Rejected, Severity
from specc.render import text


class Faulty(Exception):
    """A spec has errors; the message is the report."""


class SpecFile(pytest.File):
    """A YAML file with a top-level `specc:`."""

    def collect(self) -> Iterator[pytest.Item]:
        yield SpecItem.from_parent(self, name="spec")


class SpecItem(pytest.Item):
    """The check of one spec."""

    def runtest(self) -> None:
        log = Log()
        shown = os.path.relpath(self.path)
        with suppress(Rejected):
            driver.check(driver.open_spec(shown, log), log)
        for found in log.sorted():
            if found.severity is Severity.WARNING:
                message = f"{found.code} {found.message}"
                warnings.warn_explicit(message, pytest.PytestWarning, found.span.path, found.span.line)
        errors = [found for found in log.sorted() if found.severity is Severity.ERROR]
        if errors:
            raise Faulty(text.diagnostics(errors, log.sources))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        if isinstance(excinfo.value, Faulty):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        return self.path, None, f"spec {self.path.name}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file that is a spec."""
    if file_path.suffix in SUFFIXES and is_spec(str(file_path)):
        return SpecFile.from_parent(parent, path=file_path)
    return None
