"""Weights to begin with: those of another network's layers, by name."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras.src.saving import saving_lib

from specc import codes
from specc.backend.lower import reason
from specc.diagnostics import Log, Rejected, Related, Span
from specc.plan import Plan

WEIGHTS = "model.weights.h5"
"""The file of weights within one of Keras's own format."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What came of it: the layers that have weights of `path`, and those that begin afresh."""

    path: str
    layers: tuple[str, ...]
    afresh: tuple[str, ...]

    def __str__(self) -> str:
        taken = f"{len(self.layers):,} layer{'s' * (len(self.layers) != 1)} begin with the weights of `{self.path}`"
        if not self.afresh:
            return taken
        named = ", ".join(f"`{name}`" for name in self.afresh[:8]) + (", …" if len(self.afresh) > 8 else "")
        return f"{taken}; afresh: {named}"


def start_from(model: keras.Model, plan: Plan, log: Log) -> Begun | None:
    """Give layers the weights that layers of the same name have where `training.start_from` leads; None without it.

    Nothing of the file is run: only its arrays are read.

    Raises:
        Rejected: S501 for what is not there or no file of Keras's, S302 at a layer whose weights have other shapes,
            S105 where no layer bears a name of the network.
    """
    if plan.training is None or plan.training.start_from is None:
        return None
    path, span = plan.training.start_from
    before = log.errors
    taken, afresh = [], []
    with _opened(path, span, log) as store:
        layers = store.h5_file.get("layers", {})
        # Keras names groups after classes, and notes the layers' own names beside their variables.
        held = {group["vars"].attrs.get("name"): f"layers/{key}" for key, group in layers.items() if "vars" in group}
        for layer in model.layers:
            if not layer.weights:
                continue
            if layer.name not in held:
                afresh.append(layer.name)
                continue
            taken.append(layer.name)
            try:
                saving_lib._load_state(layer, store, None, held[layer.name], visited_saveables=set())
            except (ValueError, KeyError, TypeError) as error:
                _report(layer.name, path, reason(error), span, plan, log)
    if not taken:
        names = ", ".join(f"`{name}`" for name in list(held)[:8] if name)
        log.report(
            codes.S105,
            span,
            f"no layer of `{path}` bears a name of this network",
            help=f"name its steps as they are there: {names}" if names else "it holds no layers",
        )
    if log.errors > before:
        raise Rejected(log)
    return Begun(path, tuple(taken), tuple(afresh))


@contextmanager
def _opened(path: str, span: Span, log: Log) -> Iterator[Any]:
    """The arrays of a `.keras` file, of one of weights, or of the network that a run has left."""
    file = Path(path) / "model.keras" if Path(path).is_dir() else Path(path)
    if not file.is_file():
        log.report(codes.S501, span, f"there is no file `{file}`", help="name a run, a `.keras` file or one of weights")
        raise Rejected(log)
    try:
        archive = zipfile.ZipFile(file) if zipfile.is_zipfile(file) else None
        store = saving_lib.H5IOStore(WEIGHTS if archive else file, archive=archive, mode="r")
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        log.report(
            codes.S501,
            span,
            f"`{file}` is no file of Keras's: {reason(error)}",
            help="name a run, a `.keras` file or one that ends in `.weights.h5`",
        )
        raise Rejected(log) from error
    try:
        yield store
    finally:
        store.close()
        if archive:
            archive.close()


def _report(name: str, path: str, why: str, span: Span, plan: Plan, log: Log) -> None:
    step = plan.network.step(name)
    log.report(
        codes.S302,
        step.span if step else span,
        f"the weights of `{name}` in `{path}` do not fit this layer: {why}",
        help="make it as it is there, or give the step another name, and it begins afresh",
        related=(Related("the weights come from here", span), *(step.callers if step else ())),
    )
