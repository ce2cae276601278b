"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from specc.codes import ALL
from specc.diagnostics import Refusal, Severity, nearest
from specc.passes.compose import parse_assignment

TPU_CORES = 8
"""Those of the smallest TPU that one machine has to itself."""

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


def as_typed(params: Mapping[str, Any], sets: Mapping[str, Any]) -> list[str]:
    """What was laid over a spec, as words of a command line again."""
    laid = (("-p", params), ("--set", sets))
    return [word for option, values in laid for key, value in values.items() for word in (option, _typed(key, value))]


def _typed(key: str, value: Any) -> str:
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


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


def diagnostic_format(command: Function) -> Function:
    """The option `--format` of what reports diagnostics: for people, for programs, for GitHub, for code scanning."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", "github", "sarif"]),
        default="text",
        show_default=True,
        help="For people; for programs; as annotations of a GitHub workflow; as SARIF 2.1.0 for code scanning.",
    )(command)


def allowing(command: Function) -> Function:
    """The option `--allow`: codes of warnings that are not told, as a frozenset."""
    return click.option(
        "--allow",
        metavar="CODE[,CODE]",
        multiple=True,
        callback=_warnings,
        help="Do not tell this warning; one line alone is silenced by a comment on it, `# specc: allow CODE`.",
    )(command)


def tpu_target(command: Function) -> Function:
    """The option `--target`: the cores of the TPU that specs are to run on, or None."""
    return click.option(
        "--target",
        "tpu_cores",
        metavar="tpu[:CORES]",
        callback=_cores,
        help="Also ask whether it can run on a TPU, of 8 cores unless told.",
    )(command)


def _cores(context: click.Context, option: click.Parameter, typed: str | None) -> int | None:
    if typed is None:
        return None
    device, colon, cores = typed.partition(":")
    if device != "tpu" or (colon and not (cores.isdecimal() and int(cores))):
        raise click.BadParameter("a target is `tpu`, or `tpu:32` for one of 32 cores", context, option)
    return int(cores) if colon else TPU_CORES


def _warnings(context: click.Context, option: click.Parameter, typed: Sequence[str]) -> frozenset[str]:
    """The codes of all `--allow`, each one that a warning has."""
    named = [word.strip().upper() for text in typed for word in text.split(",") if word.strip()]
    warnings = [code.id for code in ALL.values() if code.severity is Severity.WARNING]
    for code in named:
        if code in warnings:
            continue
        if code in ALL:
            message = f"{code} ({ALL[code].title}) is an error, and only warnings can be allowed"
        else:
            near = nearest(code, warnings)
            message = f"there is no warning `{code}`" + (f"; did you mean `{near}`?" if near else "")
        raise click.BadParameter(message, context, option)
    return frozenset(named)


def _assignments(context: click.Context, option: click.Parameter, typed: Sequence[str]) -> dict[str, Any]:
    try:
        return dict(parse_assignment(text) for text in typed)
    except Refusal as refusal:
        raise click.BadParameter("; ".join(filter(None, (refusal.message, refusal.help))), context, option) from None
