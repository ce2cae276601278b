"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from specc.diagnostics import Refusal
from specc.passes.compose import parse_assignment

Function = TypeVar("Function", bound=Callable[..., Any])


def overrides(command: Function) -> Function:
    """The options `-p` and `--set`, what is laid over a spec before it is checked: `params` and `sets`, as dicts."""
    sets = click.option(
        "--set",
        "sets",
        metavar="PATH=VALUE",
        multiple=True,
        callback=_assignments,
        help="Override any value of the spec, as in --set training.epochs=3.",
    )
    params = click.option(
        "-p",
        "--param",
        "params",
        metavar="NAME=VALUE",
        multiple=True,
        callback=_assignments,
        help="Set one of the spec's own `params`.",
    )
    return params(sets(command))


def text_or_json(command: Function) -> Function:
    """The option `--format`: for people, or for programs."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="For people, or for programs.",
    )(command)


def _assignments(context: click.Context, option: click.Parameter, typed: Sequence[str]) -> dict[str, Any]:
    try:
        return dict(parse_assignment(text) for text in typed)
    except Refusal as refusal:
        raise click.BadParameter("; ".join(filter(None, (refusal.message, refusal.help))), context, option) from None
