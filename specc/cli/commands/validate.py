"""Check specs, without loading TensorFlow.

A PATH is a spec, a pattern like 'specs/**/*.yaml', or a directory, in which every YAML file with a `specc:` key at its
top is a spec; other YAML files are passed over and counted, and so are hidden directories, virtual environments and
node_modules. A spec without a `model` that another one extends is checked as part of that. `-` is a spec from standard
input.

--fix applies the remedies that are certain, such as a misspelt name with one that is near, and then tells what remains.
Comments and layout stay as they are. A remedy after which anything new would be wrong is taken back. A file that a spec
extends is mended too where it lies in the spec's directory or in one that is given, or is given itself.

--target tpu also asks whether the specs can run on a TPU of 8 cores, --target tpu:32 on one of 32: whether there is
text in the network, a shape that values decide, an operation without a kernel, a batch that the cores cannot share.
With --exact, XLA compiles the whole training step for one core on this machine, and names the step that it cannot.

--data also opens the dataset, without TensorFlow: files and columns are there, values can be read, classes are those
that are declared. It looks at the first hundred thousand rows, and at two hundred pictures; with --full at all of them.
What the data is like is shown: rows of each split, missing values, how often each class occurs, and rows that stand in
two splits.

The exit status is 0 when nothing is wrong and 1 when something is. Warnings count only with --strict.

    specc validate model.yaml
    specc validate --fix model.yaml
    specc validate --strict examples/
    specc validate --format sarif . > specc.sarif
    specc validate --target tpu model.yaml
    specc validate --data --full model.yaml
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TextIO

import click

from specc import __version__
from specc.cli.checking import Checked, Terms, check, real
from specc.cli.fixing import Fixing
from specc.cli.options import allowing, diagnostic_format, tpu_target
from specc.cli.paths import STDIN, Found, find
from specc.cli.screen import page, show
from specc.codes import S006, S104, S501
from specc.diagnostics import Diagnostic, Severity, Span
from specc.render import github, json, sarif, text
from specc.render.data.table import as_table

FORMATS: dict[str, Callable[[Sequence[Diagnostic]], str]] = {
    "json": json.diagnostics,
    "github": github.diagnostics,
    "sarif": partial(sarif.diagnostics, version=__version__),
}
LEFT_OPEN = (S006, S104)
"""What a spec that others extend may leave to them: its parameters, and the sections it does not have."""


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@diagnostic_format
@click.option("--strict", is_flag=True, help="Let warnings fail like errors.")
@allowing
@click.option("--fix", is_flag=True, help="Apply the remedies that are certain, and tell what remains.")
@tpu_target
@click.option("--exact", is_flag=True, help="With --target: have XLA compile the training step; this needs TensorFlow.")
@click.option("--data", is_flag=True, help="Open the dataset too, and show what it is like.")
@click.option("--full", is_flag=True, help="With --data: look at every row and file.")
def command(
    paths: Sequence[str],
    form: str,
    strict: bool,
    allow: frozenset[str],
    fix: bool,
    tpu_cores: int | None,
    exact: bool,
    data: bool,
    full: bool,
) -> int:
    if exact and (fix or tpu_cores is None):
        raise click.UsageError("--exact compiles for a --target" + (", and --fix does without" if fix else ""))
    if full and not data:
        raise click.UsageError("--full looks at all of the data, and is for --data")
    if fix and data:
        raise click.UsageError("--fix mends specs, and does not look at --data")
    if fix and STDIN in paths:
        raise click.UsageError("--fix writes to files, and `-` is none")
    found = find(paths)
    terms = Terms(allow, tpu_cores, exact, data, full)
    checked = [check(spec, terms) for spec in found.specs]
    if fix:
        _fix(checked, terms, found, sys.stdout if form == "text" else sys.stderr)
    findings = list(dict.fromkeys(_findings(found, checked)))  # A file that two specs extend is complained of once.
    if form == "text":
        show(findings, {path: source for each in checked for path, source in each.sources.items()})
    elif told := FORMATS[form](findings):
        print(told)
    for note in _passed_over(found):
        print(note, file=sys.stderr)
    if form == "text":
        for each in checked:
            if each.portrait is not None:
                page(*([each.spec] if len(checked) > 1 else []), as_table(each.portrait), "")
    if form == "text" and not findings:
        print(f"{text.count(len(checked), 'spec')} checked, nothing to report")
    return 1 if any(d.severity is Severity.ERROR for d in findings) or (strict and findings) else 0


def _fix(checked: list[Checked], terms: Terms, found: Found, out: TextIO) -> None:
    """Mend what is certain, put what is found then into `checked`, and tell how much it was."""
    named = {real(spec) for spec in found.specs}
    homes = {os.path.dirname(file) for file in named} | {real(directory) for directory in found.directories}

    def may_edit(file: str) -> bool:
        return file in named or any(os.path.commonpath((home, file)) == home for home in homes)

    fixing = Fixing(checked, terms, may_edit)
    for path, count in fixing.run().items():
        print(f"{count} fixed in {path}", file=out)
    for path, count in fixing.out_of_reach().items():
        print(f"{count} can be fixed in {path}, which lies elsewhere: name it, or its directory", file=out)


def _findings(found: Found, checked: Sequence[Checked]) -> Iterator[Diagnostic]:
    for pattern in found.unmatched:
        yield Diagnostic(S501, Span(pattern, 1, 1, 1, 1), f"no file matches the pattern `{pattern}`")
    extended = {real(path) for each in checked for path in each.sources if path != each.spec}
    for each in checked:
        # What a spec that was come across leaves open, the specs that extend it have to fill in.
        is_base = each.spec not in found.named and real(each.spec) in extended
        yield from (d for d in each.findings if not (is_base and d.code in LEFT_OPEN))


def _passed_over(found: Found) -> Iterator[str]:
    if found.others:
        yield f"{text.count(len(found.others), 'YAML file')} without `specc:` at the top passed over"
    if found.unreadable:
        names = ", ".join(found.unreadable[:3]) + (", …" if len(found.unreadable) > 3 else "")
        yield f"{text.count(len(found.unreadable), 'YAML file')} that cannot be read passed over: {names}"
