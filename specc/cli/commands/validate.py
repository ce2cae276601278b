"""Check specs, without loading TensorFlow or reading data.

A PATH is a spec, a pattern like 'specs/**/*.yaml', or a directory, in which every YAML file with a `specc:` key at its
top is a spec; other YAML files are passed over and counted.

The exit status is 0 when nothing is wrong and 1 when something is. Warnings count only with --strict.

    specc validate model.yaml
    specc validate --strict examples/
    specc validate --format json model.yaml
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from specc import driver
from specc.cli.options import text_or_json
from specc.cli.paths import specs
from specc.cli.screen import show
from specc.diagnostics import Diagnostic, Log, Rejected
from specc.render import json, text


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path())
@text_or_json
@click.option("--strict", is_flag=True, help="Let warnings fail like errors.")
def command(paths: Sequence[str], form: str, strict: bool) -> int:
    found, others = specs(paths)
    findings: dict[Diagnostic, None] = {}  # A file that two specs extend is complained of once.
    sources: dict[str, str] = {}
    errors = 0
    for spec in found:
        log = Log()
        try:
            driver.check(driver.open_spec(spec, log), log)
        except Rejected:
            errors += 1
        findings.update(dict.fromkeys(log.sorted()))
        sources.update(log.sources)
    if form == "json":
        print(json.diagnostics(findings))
    else:
        show(list(findings), sources)
        if others:
            print(f"{text.count(others, 'YAML file')} without `specc:` at the top passed over", file=sys.stderr)
        if not findings:
            print(f"{text.count(len(found), 'spec')} checked, nothing to report")
    return 1 if errors or (strict and findings) else 0
