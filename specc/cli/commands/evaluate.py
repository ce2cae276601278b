"""Hold a finished run against the truth: on a split of its data, or on other data.

RUN is the directory that `specc run` left behind. The data is read again and divided as it was for training; with
--data, all of another file (CSV, JSON lines, Parquet, NPZ) or folder is taken, with the columns of the spec, targets
among them.

Beside loss and metrics stand, for classes, precision, recall and F1 of each, what is confused with what, how likely
answers are that are held to be likely, and the areas under ROC and precision-recall curves; for numbers MAE, RMSE, R²
and quantiles of what they are off; and the worst examples, by where they stand. With --output they become a page with
charts, which a browser shows and which needs no other file; or, where FILE ends in `.json`, JSON.

    specc evaluate runs/digits-1
    specc evaluate runs/digits-1 --split validation --format json
    specc evaluate runs/digits-1 --data later.csv --output later.html
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from specc import driver
from specc.cli.runs import open_run
from specc.cli.screen import show
from specc.diagnostics import Log
from specc.render.evaluation.page import as_page
from specc.render.evaluation.words import in_words


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="Which part of the data; test.")
@click.option("--data", metavar="PATH", type=click.Path(path_type=Path), help="Other data, all of it.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to write."
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a page with charts.")
def command(run: Path, split: str | None, data: Path | None, form: str, output: Path | None) -> None:
    if split is not None and data is not None:
        raise click.UsageError("--split is a part of the run's own data, and --data is other data: give one of them")
    log = Log()
    plan = open_run(run, log)
    report = driver.backend("inference", log, str(run)).examine(run, plan, log, split or "test", data)
    show(log.sorted(), log.sources)
    if form == "json":
        print(_json(report))
    if output is None:
        if form == "text":
            print(in_words(report))
        return
    unfinished = output.with_name(f"{output.name}.unfinished")
    try:
        page = _json(report) if output.suffix == ".json" else as_page(plan.name, report)
        unfinished.write_text(page, encoding="utf-8")
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)
    if form == "text":
        print(f"{report['examples']:,} examples in {output}")


def _json(report: dict[str, Any]) -> str:
    return json.dumps(_finite(report), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    """What is not a finite number is null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value
