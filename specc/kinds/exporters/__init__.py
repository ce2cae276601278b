"""Exporters: what a run leaves behind for serving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol

from specc.tensors import Tensor


@dataclass(frozen=True, slots=True)
class Served:
    """A trained network, and around it what it takes to be asked about raw fields.

    `model` takes prepared tensors by input name and gives outputs by name. `answer` is the whole way in TensorFlow's
    graph operations, from the raw fields by name, described by `inputs`, to answers by target name.
    """

    model: Any
    inputs: Mapping[str, Tensor]
    answer: Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Exporter(Protocol):
    """A file of this folder: frozen, its fields the arguments of the exporter.

    `reading` is what someone without specc writes to use the artefact at `path`: Python that leaves a function `answer`
    from a batch of fields by name to answers by name. The check runs it in a fresh process where specc, and everything
    of `barred`, cannot be imported.
    """

    artefact: ClassVar[str]
    """The artefact's name in the folder of exports."""
    raw: ClassVar[bool]
    """It takes the raw fields and answers in their units; else prepared tensors, and it answers as the network does."""
    barred: ClassVar[tuple[str, ...]]
    """Packages that using the artefact must not need."""
    reading: ClassVar[str]

    def write(self, tf: ModuleType, served: Served, path: Path) -> None:
        """Write the artefact at a path that does not exist yet."""
