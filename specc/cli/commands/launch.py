"""Run a spec in several processes of this machine.

Each gets its part in `TF_CONFIG`, a free port and a share of the cores. The first keeps the run and is heard as ever;
of the others one hears warnings and errors. When one fails all are ended, and it is said which and why. Ctrl-C ends
training early and keeps what was learnt; a second one ends all at once.

    specc launch model.yaml --workers 2
    specc launch model.yaml --workers 2 --servers 1
    specc launch model.yaml --workers 2 --out runs/night --restart 3
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from specc import driver
from specc.cli.options import as_typed, overrides
from specc.cluster.members import gpus, members
from specc.cluster.spread import spread
from specc.cluster.watch import Ended, run_together
from specc.diagnostics import Log


@click.command()
@click.argument("spec", metavar="SPEC", type=click.Path())
@click.option("-w", "--workers", metavar="N", type=click.IntRange(1), default=2, show_default=True, help="Workers.")
@click.option(
    "-s",
    "--servers",
    metavar="M",
    type=click.IntRange(0),
    default=0,
    help="Servers that hold the variables; with any, workers wait for nobody (`parameter_server`).",
)
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The run's directory, new or empty. Left out: the next free runs/NAME-N.",
)
@overrides
@click.option("--resume", is_flag=True, help="Go on with the run in DIR; where there is none, begin.")
@click.option(
    "--restart",
    metavar="K",
    type=click.IntRange(0),
    default=0,
    help="When a process dies, start all again, up to K times: the run goes on from its last checkpoint.",
)
def command(
    spec: str,
    workers: int,
    servers: int,
    out: Path | None,
    params: dict[str, Any],
    sets: dict[str, Any],
    resume: bool,
    restart: int,
) -> int:
    if restart and out is None:
        raise click.UsageError("`--restart` needs `--out`: the run that is gone on with")
    log = Log()
    plan = driver.check(driver.open_spec(spec, log, params=params, sets=sets), log)
    laid = spread(plan, workers, servers, log)
    there = gpus()
    if there and len(there) < workers:
        raise click.UsageError(
            f"each worker needs a GPU of its own, and {workers} have {len(there)}: take fewer workers, or have them "
            "run on the CPU, with `CUDA_VISIBLE_DEVICES=` before the command"
        )
    asked = ["--workers", str(workers), *(["--servers", str(servers)] if servers else []), *as_typed(params, sets)]
    whole = shlex.join(["specc", "launch", spec, *asked])
    words = as_typed(params, sets | laid)
    words += ["--out", str(out)] if out is not None else []
    for start in range(restart + 1):
        resumed = ["--resume"] if resume or start else []
        ended = run_together(
            [sys.executable, "-m", "specc", "run", spec, *words, *resumed],
            members(workers, servers, there, whole),
            _tell,
        )
        if ended.failed is not None:
            _tell(_blame(ended))
        if not ended.died or start == restart:
            break
        _tell(f"starting all again, from the last checkpoint: {start + 1} of {restart}")
    return ended.status


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _blame(ended: Ended) -> str:
    assert ended.failed is not None
    told = f"error: {ended.failed.name} {ended.why}, and the others were ended"
    return "\n".join([told, *(f"{ended.failed.name} | {line}" for line in ended.lines)])
