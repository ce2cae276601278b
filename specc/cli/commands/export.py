"""Write an artefact of a finished run, and check it.

RUN is the directory that `specc run` left behind. What is written is loaded again by its own runtime in a process of
its own, asked about real examples, and has its name only if it answers as the trained network does. FORMAT is what an
entry of `export:` is: a name, or a name with arguments. Without `--format`, it is what the run's spec asks for.

    specc export runs/digits-1 --format onnx
    specc export runs/digits-1 --format 'litert: int8' --out digits.tflite
    specc export runs/digits-1 --format saved_model --format 'onnx: {opset: 17}'
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specc import driver
from specc.cli.runs import open_run
from specc.cli.screen import DONE, FAULT, show
from specc.diagnostics import Log, Refusal
from specc.passes.compose import parse_assignment
from specc.render.artefacts import artefacts

if TYPE_CHECKING:
    from specc.backend.export import Artefact


def _entries(context: click.Context, option: click.Parameter, typed: Sequence[str]) -> list[Any]:
    """The entries of `export` that were typed: `litert: int8` is one."""
    try:
        return list(parse_assignment(f"export=[{', '.join(typed)}]")[1])
    except Refusal as refusal:
        raise click.BadParameter("; ".join(filter(None, (refusal.message, refusal.help))), context, option) from None


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--format",
    "exports",
    metavar="FORMAT",
    multiple=True,
    callback=_entries,
    help="What to write, as an entry of `export`; may be given again.",
)
@click.option(
    "-o",
    "--out",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The artefact's name, which nothing has yet. Left out: it stands in RUN/export, in place of one before.",
)
def command(run: Path, exports: list[Any], out: Path | None) -> int:
    if out is not None and len(exports) != 1:
        raise click.UsageError("--out is the name of one artefact: give one --format with it")
    log = Log()
    plan = open_run(run, log, {"export": exports} if exports else {})
    left: dict[str, Artefact] = driver.backend("export.finished", log, str(run)).export_run(run, plan, log, out)
    show(log.sorted(), log.sources)
    print("\n".join(artefacts(left)))
    return FAULT if log.errors else DONE
