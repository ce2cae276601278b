"""Put specs into the usual form; comments stay where they are.

A PATH is a spec or a directory. Indentation and spacing change; the order of keys, and what it means, never do.

    specc fmt model.yaml
    specc fmt --check examples/
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from specc import driver
from specc.cli.files import write
from specc.cli.paths import find
from specc.cli.screen import show
from specc.diagnostics import Log, Rejected
from specc.passes.read import read
from specc.render.text import count
from specc.text.layout import layout


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@click.option("--check", is_flag=True, help="Write nothing; name the specs that are in another form and exit with 1.")
def command(paths: Sequence[str], check: bool) -> int:
    changed = unreadable = 0
    found = find(paths).specs
    for spec in found:
        log = Log()
        try:
            source = driver.open_spec(spec, log)
            log.stage(read, source)
        except Rejected:
            unreadable += 1
            show(log.sorted(), log.sources)
            continue
        formed = layout(source.text)
        if formed != source.text:
            changed += 1
            print(f"{spec}: {'would be reformatted' if check else 'reformatted'}")
            if not check:
                write(spec, formed.encode("utf-8"))
    print(f"{count(len(found), 'spec')}, {changed} {'to reformat' if check else 'reformatted'}")
    return 1 if unreadable or (check and changed) else 0
