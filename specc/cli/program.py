"""The `specc` program: its commands are the files of `specc/cli/commands`, imported when they are called."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from specc import __version__
from specc.cli import commands
from specc.cli.welcome import welcome
from specc.diagnostics import nearest


def names() -> list[str]:
    """Every command there is, in alphabetical order."""
    return sorted(m.name for m in pkgutil.iter_modules(commands.__path__))


def load(name: str) -> click.Command:
    """A command by its name, its help made from its file's docstring."""
    module = import_module(f"specc.cli.commands.{name}")
    command: click.Command = module.command
    command.name = name
    command.help = as_help(inspect.cleandoc(module.__doc__ or ""))
    return command


def summary(name: str) -> str:
    """The first line of a command's docstring, read without importing the command and all that it needs."""
    path = Path(commands.__path__[0]) / f"{name}.py"
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def as_help(docstring: str) -> str:
    """A docstring as click wants it: paragraphs are wrapped, indented ones marked to be kept as they stand."""
    paragraphs = docstring.split("\n\n")
    return "\n\n".join("\b\n" + p if p.startswith("    ") else p for p in paragraphs)


class Program(click.Group):
    """A group that reads its commands from a folder and knows the nearest name to a misspelt one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return load(cmd_name) if cmd_name in names() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in names() or name.startswith("-"):
            return super().resolve_command(ctx, args)
        near = nearest(name, names())
        if near is None and Path(name).suffix in (".yaml", ".yml"):
            raise click.UsageError(f"`{name}` is no command; to train it: specc run {name}", ctx)
        raise click.UsageError(f"`{name}` is no command" + (f"; did you mean `{near}`?" if near else ""), ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in names()])


@click.group(
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="specc %(version)s")
@click.option("--traceback", is_flag=True, help="Should specc itself fail, print the whole Python traceback.")
@click.pass_context
def program(ctx: click.Context, traceback: bool) -> None:
    """Check, train and export deep-learning models that are written in YAML."""
    if ctx.invoked_subcommand is None:
        welcome()


def parse(arguments: Sequence[str]) -> Any:
    """Run the program in this process and give what its command gave; exceptions come through."""
    return program.main(list(arguments), prog_name="specc", standalone_mode=False)
