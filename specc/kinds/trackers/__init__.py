"""Trackers: where one follows training, during a run and long after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from specc.codes import S606
from specc.diagnostics import Refusal


@dataclass(frozen=True, slots=True)
class Tracked:
    """A run as a tracker gets to know it: its name, its directory, and the values of its spec, `training.epochs`."""

    name: str
    path: Path
    values: Mapping[str, Any]


class Tracker(Protocol):
    """A file of this folder: frozen, its fields the arguments of the tracker."""

    def follow(self, keras: ModuleType, tracked: Tracked) -> Any:
        """A Keras callback that follows a run, from its beginning or from a checkpoint on, through all its phases.

        Its `ended(status, artefacts)` is called in the end: `finished`, `interrupted`, `terminated`, `diverged` or
        `failed`, and the paths of artefacts by name.

        Raises:
            Refusal: S606 where a package is missing.
        """


def needed(packages: Mapping[str, str], tracker: str, extra: str) -> None:
    """See to it that modules are there, before training begins: their names, and those of their packages.

    Raises:
        Refusal: S606.
    """
    if lacking := [package for module, package in packages.items() if find_spec(module) is None]:
        names = " and ".join(f"`{name}`" for name in lacking)
        raise Refusal(
            S606,
            f"`{tracker}` needs {names}, which {'is' if len(lacking) == 1 else 'are'} not installed",
            f"pip install 'specc[{extra}]'",
        )
