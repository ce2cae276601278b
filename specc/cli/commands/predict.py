"""Ask a finished run about new data.

INPUT is a file of CSV or JSON lines with the raw fields of the spec's inputs, or `-` for standard input; or pictures
or sounds, by their paths, for a network that takes one. What comes out has the same form, with the answers as new
columns.

    specc predict runs/adult-1 people.csv
    specc predict runs/adult-1 people.jsonl --output answers.jsonl
    specc predict runs/photos-1 one.jpg two.jpg
    cat people.csv | specc predict runs/adult-1 -
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from specc import driver
from specc.cli.runs import open_run
from specc.cli.screen import show
from specc.diagnostics import Log
from specc.render.text import count


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to a file.")
def command(run: Path, inputs: Sequence[str], output: Path | None) -> None:
    log = Log()
    plan = open_run(run, log)
    predict = driver.backend("inference", log, str(run)).predict
    if output is None:
        predict(run, plan, inputs, sys.stdout, log)
    else:
        unfinished = output.with_name(f"{output.name}.unfinished")
        try:
            with unfinished.open("w", encoding="utf-8", newline="") as out:
                rows = predict(run, plan, inputs, out, log)
            os.replace(unfinished, output)
        finally:
            unfinished.unlink(missing_ok=True)
        print(f"{count(rows, 'row')} in {output}", file=sys.stderr)
    show(log.sorted(), log.sources)
