"""specc: a compiler for deep-learning models that are written in YAML.

    >>> import specc
    >>> specc.check("model.yaml")           # every mistake, without loading TensorFlow
    []
    >>> plan = specc.plan("model.yaml")     # what will be built: steps, shapes, parameters
    >>> model = specc.build("model.yaml")   # a keras.Model
    >>> run = specc.run("model.yaml")       # trained, evaluated, exported

The language is explained in docs/language.md. TensorFlow is loaded by `build` and `run`, when they are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specc import driver
from specc.diagnostics import Code, Diagnostic, Log, Rejected, Related, Severity, Span
from specc.plan import Plan

if TYPE_CHECKING:
    import keras

    from specc.backend.job import Run

__version__ = "0.1.0"
__all__ = [
    "Code",
    "Diagnostic",
    "Plan",
    "Rejected",
    "Related",
    "Severity",
    "Span",
    "__version__",
    "build",
    "check",
    "plan",
    "run",
]


def check(
    path: str | PathLike[str], *, params: Mapping[str, Any] | None = None, sets: Mapping[str, Any] | None = None
) -> list[Diagnostic]:
    """Everything that is wrong with the spec at `path`, in the order of its lines; empty when nothing is.

    Neither TensorFlow nor data is read.

    Args:
        path: the spec.
        params: values for the spec's own `params`, as `-p` gives them: `{"width": 64}`.
        sets: values anywhere in the spec by their path, as `--set` gives them: `{"training.epochs": 3}`.
    """
    log = Log()
    with suppress(Rejected):
        driver.check(driver.open_spec(path, log, params=params, sets=sets), log)
    return log.sorted()


def plan(
    path: str | PathLike[str], *, params: Mapping[str, Any] | None = None, sets: Mapping[str, Any] | None = None
) -> Plan:
    """What the spec at `path` will become: a graph of steps with shapes, dtypes and weights, and all that trains it.

    Shapes have the batch dimension first; a dimension of None is not known before the network runs. Neither TensorFlow
    nor data is read.

    Args:
        path, params, sets: as for `check`.

    Raises:
        Rejected: the spec has errors; they are in its `log`.
    """
    log = Log()
    return driver.check(driver.open_spec(path, log, params=params, sets=sets), log)


def build(
    path: str | PathLike[str], *, params: Mapping[str, Any] | None = None, sets: Mapping[str, Any] | None = None
) -> keras.Model:
    """The network of the spec at `path`, its weights drawn from the spec's seed; compiled where it has `training`.

    The model takes and gives dicts of prepared tensors by name, the batch dimension first:
    `model({"image": …})` gives `{"digit": …}`.

    Args:
        path, params, sets: as for `check`.

    Raises:
        Rejected: the spec has errors, Keras refuses a layer, or TensorFlow is not installed (S606); its `log` has all.
    """
    log = Log()
    return driver.build(driver.check(driver.open_spec(path, log, params=params, sets=sets), log), log)


def run(
    path: str | PathLike[str],
    *,
    out: str | PathLike[str] | None = None,
    params: Mapping[str, Any] | None = None,
    sets: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> Run:
    """Train, evaluate and export what the spec at `path` describes.

    The `Run` has the run directory (`path`), loss and metrics of each split (`metrics`), the same for each epoch
    (`history`), the trained `model`, and what `export` asked for (`artefacts`).

    Args:
        path, params, sets: as for `check`.
        out: the run directory, new or empty; the next free `runs/NAME-N` when left out.
        dry_run: one step on one batch, and nothing is left behind.

    Raises:
        Rejected: the spec, its data or the run is at fault, or TensorFlow is not installed (S606); all is in its `log`.
            What was learnt by a run that diverged is kept.
    """
    log = Log()
    made = driver.check(driver.open_spec(path, log, params=params, sets=sets), log)
    return driver.run(made, None if out is None else Path(out), log, dry_run=dry_run)
