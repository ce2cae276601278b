"""Ask a finished run, or a SavedModel, about new data.

INPUT is a file of CSV, JSON lines or Parquet with the raw fields of the spec's inputs, or `-` for standard input (CSV
or JSON lines); or pictures or sounds, by their paths, and folders of them, for a network that takes one. What comes out
are the same rows in the same order, with the answers as new columns.

RUN is the directory that `specc run` left behind, or a SavedModel's. Of a SavedModel only the signature is known: its
inputs are asked for by their own names, and its outputs come as they are.

    specc predict runs/adult-1 people.csv
    specc predict runs/adult-1 people.parquet --output answers.parquet
    specc predict runs/adult-1 people.csv --on-error skip --format jsonl
    specc predict runs/photos-1 one.jpg two.jpg
    cat people.csv | specc predict runs/adult-1/export/saved_model -
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from specc import driver
from specc.cli.runs import open_run
from specc.cli.screen import show
from specc.diagnostics import Log
from specc.render.text import count

FORMS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""What the name of a file says of its form."""


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to a file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    help="How to write; else as the name of the file says, or as the rows came.",
)
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What a row that cannot be read does.",
)
def command(run: Path, inputs: Sequence[str], output: Path | None, form: str | None, on_error: str) -> None:
    log = Log()
    if form is None and output is not None:
        form = FORMS.get(output.suffix.lower())
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("a terminal cannot show Parquet: name a file with --output")
    plan = None if (run / "saved_model.pb").is_file() else open_run(run, log)
    inference = driver.backend("inference", log, str(run))
    passed = inference.Passed() if on_error == "skip" else None
    with _opened(output, binary=form == "parquet") as out:
        rows = inference.predict(run, plan, inputs, out, log, form=form, passed=passed)
    if passed is not None and passed.count:
        for told in passed.named:
            print(f"passed over: {told}", file=sys.stderr)
        of = count(rows + passed.count, "row")
        print(f"passed over {passed.count:,} of {of} that cannot be used", file=sys.stderr)
    if output is not None:
        print(f"{count(rows, 'row')} in {output}", file=sys.stderr)
    show(log.sorted(), log.sources)


@contextmanager
def _opened(output: Path | None, *, binary: bool) -> Iterator[Any]:
    """A stream for the answers; a file has its name only once it is whole."""
    if output is None:
        yield sys.stdout.buffer if binary else sys.stdout
        return
    unfinished = output.with_name(f"{output.name}.unfinished")
    try:
        with unfinished.open("wb") if binary else unfinished.open("w", encoding="utf-8", newline="") as out:
            yield out
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)
