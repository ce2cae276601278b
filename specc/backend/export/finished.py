"""Artefacts of a run that has ended: its data is read again, divided as it was for training."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from specc import codes
from specc.backend import manifest, rundir
from specc.backend.data import open_split
from specc.backend.export.write import Artefact, demand, export
from specc.backend.inference import load
from specc.diagnostics import Log, Refusal, Rejected, Span
from specc.plan import Plan


def export_run(run: Path, plan: Plan, log: Log, out: Path | None = None) -> dict[str, Artefact]:
    """Write and check what `plan.exports` says, and note it in the manifest of the run.

    Args:
        run: the run directory.
        plan: of the run's `spec.yaml`, with the exporters that are asked for.
        out: the path of the one artefact, which nothing has; None leaves all in the run's folder `export`.

    Raises:
        Rejected: S501 when this is no run or its data is gone, S606 for a package that is missing, S105 when `out` is
            taken. What cannot be written or fails its check is S607 or S612 in the log, and leaves nothing behind.
    """
    demand(plan, log)
    if out is not None and out.exists():
        here = Span(str(out), 1, 1, 1, 1)
        log.report(codes.S105, here, f"there is something at `{out}` already", help="choose a name that nothing has")
        raise Rejected(log)
    if not plan.exports:
        here = plan.tree.span
        log.report(codes.S104, here, "this spec exports nothing", help="say what to write: `--format saved_model`")
        raise Rejected(log)
    model, states = load(run, log)
    known = manifest.read(run) or {}
    names = known.get("data", {}).get("rows", ("train",))

    def write(folder: Path) -> dict[str, Artefact]:
        return export(plan, model, states, names, lambda name: open_split(plan, states, name, log), folder, log)

    try:
        left = write(run / "export") if out is None else _elsewhere(out, write)
    except OSError as error:
        log.report(codes.S609, Span(str(run), 1, 1, 1, 1), f"cannot write to `{run}`: {error.strerror or error}")
        raise Rejected(log) from error
    except Refusal as refusal:
        log.refuse(refusal, Span(str(out), 1, 1, 1, 1))
        raise Rejected(log) from refusal
    described = {name: artefact.described(run) for name, artefact in left.items()}
    paths = {told["path"] for told in described.values()}
    before = {name: told for name, told in known.get("artefacts", {}).items() if told.get("path") not in paths}
    rundir.write_json(run / "manifest.json", known | {"artefacts": before | described})
    return left


def _elsewhere(out: Path, write: Callable[[Path], dict[str, Artefact]]) -> dict[str, Artefact]:
    """Write one artefact into a folder beside its name, and then give it that."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out.parent) as folder:
            return {name: replace(one, path=one.path.rename(out)) for name, one in write(Path(folder)).items()}
    except OSError as error:
        message = f"cannot write to `{out}`: {error.strerror or error}"
        raise Refusal(codes.S609, message, "choose another: `--out`") from error
