"""Show what the data of a spec is like: its fields, and examples as the network gets them.

The fields come in a table: what each is, what it becomes, gaps, and how often each value occurs. The examples are the
first of the training split in the order of the first epoch, prepared and augmented as for training. With --output they
become a page with their pictures, which a browser shows and which needs no other file.

    specc data model.yaml
    specc data model.yaml --examples 2
    specc data model.yaml --output batch.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from specc import driver
from specc.cli.options import overrides
from specc.cli.screen import page, show
from specc.codes import S104
from specc.diagnostics import Log, Rejected
from specc.render.data.examples import as_page, in_words
from specc.render.data.table import as_table


@click.command()
@click.argument("spec", metavar="SPEC", type=click.Path())
@click.option(
    "--examples", metavar="N", type=click.IntRange(1, 1000), default=None, help="How many; 3, or 24 on a page."
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write a page with pictures.")
@overrides
def command(spec: str, examples: int | None, output: Path | None, params: dict[str, Any], sets: dict[str, Any]) -> None:
    log = Log()
    plan = driver.check(driver.open_spec(spec, log, params=params, sets=sets), log)
    portrait = driver.look_at_data(plan, log)
    if portrait is None:
        log.report(S104, plan.tree.span, "there is no `dataset` to look at", help="say where examples come from")
        raise Rejected(log)
    show(log.sorted(), log.sources)
    if output is None:
        page(as_table(portrait), "")
    batch = driver.first_batch(plan, log, examples or (3 if output is None else 24))
    if output is None:
        print(in_words(batch.fields, batch.words))
        return
    unfinished = output.with_name(f"{output.name}.unfinished")
    try:
        unfinished.write_text(as_page(plan.name, portrait, batch.fields, batch.words), encoding="utf-8")
        os.replace(unfinished, output)
    finally:
        unfinished.unlink(missing_ok=True)
    print(f"{len(batch.fields[0].values)} examples in {output}")
