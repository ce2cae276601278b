"""Evaluate a finished run on a split of its data.

RUN is the directory that `specc run` left behind. The data is read again and divided as it was for training.

    specc evaluate runs/digits-1
    specc evaluate runs/digits-1 --split validation
"""

from __future__ import annotations

from pathlib import Path

import click

from specc import driver
from specc.cli.runs import open_run
from specc.cli.screen import show
from specc.diagnostics import Log
from specc.render.metrics import metrics


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Which part of the data.",
)
def command(run: Path, split: str) -> None:
    log = Log()
    plan = open_run(run, log)
    figures = driver.backend("inference", log, str(run)).evaluate(run, plan, log, split)
    show(log.sorted(), log.sources)
    print(metrics({split: figures}))
