"""Print the network of a spec, and a script that trains it, as plain Keras Python.

It runs without specc and builds the same network, with the same initial weights: a function for each block, a loop for
each repetition. Of a finished run, `specc export RUN --format python` writes it with its weights.

specc emit model.yaml
specc emit model.yaml --output model.py
python model.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from specc import driver
from specc.cli.options import overrides
from specc.cli.screen import show
from specc.diagnostics import Log
from specc.emit import python


@click.command()
@click.argument("spec", metavar="SPEC", type=click.Path())
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path), help="Write to a file.")
@overrides
def command(spec: str, output: Path | None, params: dict[str, Any], sets: dict[str, Any]) -> None:
    log = Log()
    plan = driver.check(driver.open_spec(spec, log, params=params, sets=sets), log)
    code = python(plan, log)
    show(log.sorted(), log.sources)
    if output is None:
        print(code.rstrip())
    else:
        output.write_text(code, encoding="utf-8")
