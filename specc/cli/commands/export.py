"""Write an artefact of a finished run, and check it.

RUN is the directory that `specc run` left behind. What is written is loaded again by its own runtime in a process of
its own, asked about real examples, and has its name only if it answers as the trained network does. FORMAT is what an
entry of `export:` is: a name, or a name with arguments. Without `--format`, it is what the run's spec asks for.

With `--docker`, a Dockerfile stands beside the SavedModel, for an image of TensorFlow Serving that serves it.

    specc export runs/digits-1 --format onnx
    specc export runs/digits-1 --format 'litert: int8' --out digits.tflite
    specc export runs/digits-1 --format saved_model --format 'onnx: {opset: 17}'
    specc export runs/digits-1 --docker
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specc import driver
from specc.cli.runs import open_run, url_name
from specc.cli.screen import DONE, FAULT, show
from specc.diagnostics import Log, Refusal
from specc.passes.compose import parse_assignment
from specc.render.artefacts import artefacts
from specc.render.dockerfile import PLACE, commands, dockerfile, dockerignore

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
@click.option("--docker", is_flag=True, help="Write a Dockerfile that serves the SavedModel.")
def command(run: Path, exports: list[Any], out: Path | None, docker: bool) -> int:
    if out is not None and docker:
        raise click.UsageError("--docker writes into RUN/export, beside the SavedModel: leave out --out")
    if out is not None and len(exports) != 1:
        raise click.UsageError("--out is the name of one artefact: give one --format with it")
    log = Log()
    there = (run / "export" / PLACE / "saved_model.pb").is_file()
    if docker and not there and PLACE not in exports:
        exports = [*exports, PLACE]
    plan = open_run(run, log, {"export": exports} if exports else {})
    left: dict[str, Artefact] = {}
    if exports or not docker:
        left = driver.backend("export.finished", log, str(run)).export_run(run, plan, log, out)
    show(log.sorted(), log.sources)
    print("\n".join(artefacts(left)), end="\n" if left else "")
    if log.errors:
        return FAULT
    if docker:
        print("\n".join(_dockerfile(run / "export", url_name(plan.name))))
    return DONE


def _dockerfile(folder: Path, name: str) -> Iterator[str]:
    """Write it, and tell what makes use of it."""
    path = folder / "Dockerfile"
    path.write_text(dockerfile(name, metadata.version("tensorflow")), encoding="utf-8")
    (folder / ".dockerignore").write_text(dockerignore(), encoding="utf-8")
    build, start = commands(name, str(folder))
    yield f"{'docker':<11}  {path}  (TensorFlow Serving, the model as `{name}`)"
    yield f"{'':<11}  {build}"
    yield f"{'':<11}  {start}"
