"""Serve a model over HTTP, as TensorFlow Serving does, with a page to try it.

RUN is the directory that `specc run` left behind, the directory of a SavedModel, or one with several versions of one in
`1/`, `2/`, …: all of them are served, and new ones once they are there. Requests are those of TensorFlow Serving's REST
API; those that come at the same time are answered together.

It listens on this machine alone unless `--host` says otherwise. SIGTERM or Ctrl-C ends it once it has answered what it
was asked.

    specc serve runs/adult-1
    specc serve runs/adult-1 --port 0 --name people
    specc serve models/photos --host 0.0.0.0 --batch 32 --wait 5
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from specc import driver
from specc.cli.runs import open_run, url_name
from specc.diagnostics import Log
from specc.render.text import count

if TYPE_CHECKING:
    from specc.backend.serving import Listening


def _named(context: click.Context, option: click.Parameter, typed: str | None) -> str | None:
    if typed is not None and not re.fullmatch(r"[\w.-]+", typed, re.ASCII):
        raise click.BadParameter("a name is letters, digits, `-`, `_` and `.`", context, option)
    return typed


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=8501,
    show_default=True,
    help="The port; 0 takes a free one and says which.",
)
@click.option(
    "--name",
    metavar="NAME",
    callback=_named,
    help="The model's name in URLs. Left out: the spec's name, or the directory's.",
)
@click.option(
    "--batch",
    metavar="N",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="The most examples that are answered together.",
)
@click.option(
    "--wait",
    metavar="MS",
    type=click.FloatRange(0, 60_000),
    default=0,
    show_default=True,
    help="Milliseconds that a batch which is not full waits for more.",
)
@click.option(
    "--queue",
    metavar="N",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="The most requests that wait; further ones get 429.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.01, 86_400),
    default=30,
    show_default=True,
    help="Seconds until a request that has no answer gets 504.",
)
@click.option(
    "--max-body",
    metavar="MIB",
    type=click.FloatRange(0.001, 2048),
    default=32,
    show_default=True,
    help="The most MiB of a request's body; a longer one gets 413.",
)
def command(
    run: Path,
    host: str,
    port: int,
    name: str | None,
    batch: int,
    wait: float,
    queue: int,
    timeout: float,
    max_body: float,
) -> None:
    log = Log()
    plan = None if _bare(run) else open_run(run, log)
    name = name or url_name(plan.name if plan else run.resolve().name)
    print(f"{name}: loading TensorFlow", file=sys.stderr)
    driver.serving(log, str(run)).serve(
        run,
        plan,
        name,
        log,
        _tell,
        host=host,
        port=port,
        batch=batch,
        wait=wait / 1000,
        queue=queue,
        timeout=timeout,
        body=round(max_body * 2**20),
    )
    print("ended: all that was asked is answered", file=sys.stderr)


def _bare(path: Path) -> bool:
    """Whether it is a SavedModel, or versions of one, and no run."""
    if (path / "spec.yaml").is_file() or not path.is_dir():
        return False
    return (path / "saved_model.pb").is_file() or any(child.name.isdecimal() for child in path.iterdir())


def _tell(there: Listening) -> None:
    versions = ", ".join(map(str, there.versions))
    width = max(len(name) for name, _ in there.fields)
    print(f"page      {there.url}/")
    print(f"model     {there.model}  (version{'s' if len(there.versions) > 1 else ''} {versions})")
    print(f"takes     {count(len(there.fields), 'field')}")
    for name, what in there.fields:
        print(f"          {name:<{width}}  {what}")
    print(f"\n{there.curl}\n")
    print("Ctrl-C ends it", flush=True)
