"""Show the network of a spec: its steps, their shapes and parameters.

Nothing is built: shapes and parameters are computed from the spec, without TensorFlow. What is not known is shown as
`?`.

    specc summary model.yaml
    specc summary model.yaml -p width=128
    specc summary --format json model.yaml
"""

from __future__ import annotations

from typing import Any

import click

from specc import driver
from specc.cli.options import overrides, text_or_json
from specc.cli.screen import page, show
from specc.diagnostics import Log
from specc.render import summary


@click.command()
@click.argument("spec", metavar="SPEC", type=click.Path())
@text_or_json
@overrides
def command(spec: str, form: str, params: dict[str, Any], sets: dict[str, Any]) -> None:
    log = Log()
    plan = driver.check(driver.open_spec(spec, log, params=params, sets=sets), log)
    show(log.sorted(), log.sources)
    if form == "json":
        print(summary.as_json(plan))
    else:
        page(summary.as_table(plan))
