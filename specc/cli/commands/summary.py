"""Show the network of a spec: its steps, their shapes, and what they cost.

Nothing is built: all is computed from the spec, without TensorFlow. FLOPs are the floating-point operations of a
forward pass over one example, a multiplication and an addition counting two; `kept` is the memory that training holds
of a step for the way back, for one example. What is not known is shown as `?`. Repetitions in a row that are alike are
shown once.

    specc summary model.yaml
    specc summary model.yaml -p width=128
    specc summary --format json model.yaml
    specc summary --format svg model.yaml --output model.svg
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from specc import driver
from specc.cli.options import overrides
from specc.cli.screen import page, rendered, show, width
from specc.diagnostics import Log
from specc.render.summary.json import as_json
from specc.render.summary.mermaid import as_mermaid
from specc.render.summary.svg import as_svg
from specc.render.summary.table import as_table


@click.command()
@click.argument("spec", metavar="SPEC", type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "svg", "mermaid"]),
    default="text",
    show_default=True,
    help="For people, for programs, or a picture.",
)
@click.option("--expand", is_flag=True, help="Show every repetition.")
@click.option("--depth", metavar="N", type=click.IntRange(0), help="Show boxes within boxes to this depth (text only).")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to a file.")
@overrides
def command(
    spec: str,
    form: str,
    expand: bool,
    depth: int | None,
    output: Path | None,
    params: dict[str, Any],
    sets: dict[str, Any],
) -> None:
    if depth is not None and form != "text":
        raise click.UsageError("--depth is of the text alone")
    log = Log()
    plan = driver.check(driver.open_spec(spec, log, params=params, sets=sets), log)
    show(log.sorted(), log.sources)
    if form == "text" and output is None:
        page(as_table(plan, width(), expand=expand, depth=depth))
        return
    if form == "text":
        written = rendered(as_table(plan, width(), expand=expand, depth=depth), colour=False)
    elif form == "json":
        written = as_json(plan)
    elif form == "svg":
        written = as_svg(plan, expand=expand)
    else:
        written = as_mermaid(plan, expand=expand)
    if output is None:
        print(written)
    else:
        output.write_text(written + "\n", encoding="utf-8")
