"""Explain a code: what it means, and what to do about it.

Each code has an example that is given it and one that is not. Without a CODE, list them all.

    specc explain S302
"""

from __future__ import annotations

import sys
from importlib.resources import files

import click

from specc.cli.screen import colourful, page
from specc.codes import ALL

RANGES = {
    "S0": "Text",
    "S1": "Form",
    "S2": "Names",
    "S3": "Tensors",
    "S4": "Meaning",
    "S5": "Data",
    "S6": "Running",
    "S7": "Safety",
    "W1": "Advice on form",
    "W3": "Advice on the network",
    "W4": "Advice on training",
    "W5": "Advice on data",
    "W6": "Advice on running",
}


@click.command()
@click.argument(
    "code",
    required=False,
    shell_complete=lambda context, argument, typed: [c for c in ALL if c.startswith(typed.upper())],
)
def command(code: str | None) -> None:
    if code is None:
        _list()
    elif code.upper() in ALL:
        _page(code.upper())
    else:
        raise click.UsageError(f"there is no code `{code}`; `specc explain` lists them")


def _page(code: str) -> None:
    text = files("specc").joinpath("explain", f"{code}.md").read_text(encoding="utf-8")
    if not colourful(sys.stdout):
        print(text.rstrip())
        return
    # Rich's Markdown takes a while to load and is for eyes only.
    from rich.markdown import Markdown

    page(Markdown(text, code_theme="ansi_dark"))


def _list() -> None:
    group = ""
    for code in ALL.values():
        if code.id[:2] != group:
            group = code.id[:2]
            print(f"\n{RANGES[group]}" if group != "S0" else RANGES[group])
        warning = " (warning)" if code.severity == "warning" else ""
        print(f"  {code.id}  {code.title}{warning}")
    print("\n`specc explain CODE` tells what one means and what to do about it.")
