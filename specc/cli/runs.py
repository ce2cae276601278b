"""Finished runs, as commands are given them: a directory with a spec in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from specc import driver
from specc.codes import ALL, S501
from specc.diagnostics import Log, Rejected, Severity, Span, nearest
from specc.plan import Plan


def open_run(run: Path, log: Log, sets: Mapping[str, Any] | None = None) -> Plan:
    """The plan that a run was made of. `sets` are laid over its spec. What there was to warn of was told before it ran.

    Raises:
        Rejected: with S501 in `log` when there is no run in this directory.
    """
    spec = run / "spec.yaml"
    if not spec.is_file():
        message = f"`{run}` is not a run: it has no spec.yaml" if run.is_dir() else f"there is no run `{run}`"
        log.report(S501, Span(str(run), 1, 1, 1, 1), message, help=_suggest(run))
        raise Rejected(log)
    log.allow |= {code.id for code in ALL.values() if code.severity is Severity.WARNING}
    return driver.check(driver.open_spec(spec, log, sets=sets), log)


def url_name(name: str) -> str:
    """What a model of this name is called in URLs: with nothing in it that means something there."""
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.") or "model"


def _suggest(run: Path) -> str:
    """The run that was meant, or how to come by one."""
    for place in (run, run.parent, Path("runs")):
        runs = [p.parent for p in sorted(place.glob("*/spec.yaml"))]
        if near := nearest(run.name, (r.name for r in runs)):
            return f"did you mean `{next(r for r in runs if r.name == near)}`?"
        if place == run and runs:
            return f"name a run in it: `{runs[-1]}`"
    return "`specc run SPEC` makes one"
