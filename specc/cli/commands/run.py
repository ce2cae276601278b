"""Train, evaluate and export what a spec describes.

The run is left behind in a directory of its own: the trained network, loss and metrics, their history, and what the
spec asks to be exported. Ctrl-C ends training early and keeps what was learnt. A run that was stopped, however it was,
goes on from its last checkpoint with `--resume`.

With --dry-run, --target tpu also has XLA on this machine compile the training step as one of 8 cores would take it, and
names the step that does not compile; --target tpu:32 means 32 cores.

    specc run examples/digits.yaml
    specc run model.yaml -p width=64 --set training.epochs=3
    specc run model.yaml --dry-run
    specc run model.yaml --dry-run --target tpu
    specc run model.yaml --out runs/night --resume
    specc run model.yaml --find-lr
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specc import driver
from specc.cli.options import overrides, tpu_target
from specc.cli.screen import DONE, FAULT, INTERRUPTED, TERMINATED, show
from specc.diagnostics import Log
from specc.plan import Plan
from specc.render import rates
from specc.render.artefacts import artefacts
from specc.render.metrics import metrics

if TYPE_CHECKING:
    from specc.backend.job import Run


@click.command()
@click.argument("spec", metavar="SPEC", type=click.Path())
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The run's directory, new or empty. Left out: the next free runs/NAME-N.",
)
@overrides
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the run in DIR, or with the last of this name that is not finished; where there is none, begin.",
)
@click.option(
    "--debug",
    is_flag=True,
    help="When the loss becomes NaN or infinite, take the last steps again and say where it began.",
)
@click.option(
    "--find-lr", is_flag=True, help="Try ever greater learning rates, draw what the loss does, and suggest one. No run."
)
@click.option("--dry-run", is_flag=True, help="Take one training step on one batch, and leave nothing behind.")
@tpu_target
def command(
    spec: str,
    out: Path | None,
    params: dict[str, Any],
    sets: dict[str, Any],
    resume: bool,
    debug: bool,
    find_lr: bool,
    dry_run: bool,
    tpu_cores: int | None,
) -> int:
    if tpu_cores is not None and not dry_run:
        raise click.UsageError("--target is a trial, and for --dry-run: a run takes the devices of `runtime.strategy`")
    if find_lr and (resume or debug or dry_run):
        raise click.UsageError("--find-lr trains on a trial, and goes with none of --resume, --debug and --dry-run")
    log = Log()
    plan = driver.check(driver.open_spec(spec, log, params=params, sets=sets), log, tpu_cores=tpu_cores)
    show(log.sorted(), log.sources)
    told = set(log.diagnostics)
    print(f"{plan.name}: checked, loading TensorFlow", file=sys.stderr)
    if driver.join_cluster(plan, log):
        return DONE
    if find_lr:
        return _find_rate(plan, out, log)
    if tpu_cores is not None:
        driver.compile_for_tpu(plan, tpu_cores, log)
    run = driver.run(plan, out, log, dry_run=dry_run, resume=resume, debug=debug, show_progress=not dry_run)
    show([d for d in log.sorted() if d not in told], log.sources)
    if tpu_cores is not None:
        print(f"one training step compiles for a core of a TPU, one of {tpu_cores}")
    print("\n".join(_outcome(run)))
    ended = {"interrupted": INTERRUPTED, "terminated": TERMINATED}
    return ended.get(run.status, FAULT if log.errors else DONE)


def _find_rate(plan: Plan, out: Path | None, log: Log) -> int:
    folder, found = driver.find_rate(plan, out, log, show_progress=True)
    picture, data = folder / "learning_rate.svg", folder / "learning_rate.json"
    picture.write_text(rates.as_svg(found, plan.name), encoding="utf-8")
    data.write_text(json.dumps(rates.as_json(found), indent=2) + "\n", encoding="utf-8")
    print("\n".join(["", rates.table(found), "", *rates.advice(found, plan), f"picture      {picture}"]))
    return DONE


def _outcome(run: Run) -> Iterator[str]:
    """What a run came to: its figures, and where everything is."""
    if run.path is None and not run.checked:
        yield f"{run.status}: another process of the cluster keeps the run"
        return
    if run.path is None:
        yield from (*run.checked, *run.skipped)
        yield "a dry run: nothing is left behind"
        return
    if run.status == "terminated":
        yield f"terminated: the same with `--out {run.path} --resume` goes on from here"
        return
    if run.status == "interrupted":
        yield "\ninterrupted: what was learnt is kept"
    yield f"\n{metrics(run.metrics)}\n"
    for line in run.skipped:
        yield f"{line}\n"
    yield f"trained on   {run.chosen}"
    if not isnan(run.waiting):
        yield f"data         waited for in {run.waiting:.0%} of the time of training"
    yield f"run          {run.path}"
    yield from artefacts(run.artefacts)
