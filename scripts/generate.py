"""Make everything that is generated from something else, or with --check say what is stale.

The catalog comes from the Keras that is installed, the JSON Schema from catalog and kinds, the command reference from
the commands' own help, the index of codes from `specc.codes`, the list of shape rules from `specc.shapes`, the pictures
of the docs from what the commands show.
"""

from __future__ import annotations

import argparse
import inspect
import json
import runpy
import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from specc import catalog, codes, shapes
from specc.backend import introspect
from specc.backend.introspect import architectures
from specc.cli import program
from specc.schema.document import text as schema

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Made by `make generated`; edit {origin} instead. -->"


def generated() -> Iterator[tuple[str, str]]:
    """Every generated file: its path from the root of the repository, and what it should hold.

    One at a time, and what others are made from first: the schema reads the catalog only after that was written.
    """
    with TemporaryDirectory() as folder:
        introspect.main(Path(folder))
        for file in sorted(Path(folder).iterdir()):
            yield f"specc/catalog/{file.name}", file.read_text(encoding="utf-8")
    yield from built()
    yield "schemas/specc-v1.schema.json", schema()
    yield "docs/errors.md", errors()
    yield "docs/coverage.md", coverage()
    yield from runpy.run_path(str(ROOT / "scripts/pictures.py"))["pictures"]()
    yield "docs/reference/index.md", contents()
    for name in program.names():
        yield f"docs/reference/{name}.md", reference(name)


def built() -> Iterator[tuple[str, str]]:
    """What the architectures are made of, where that was not read from the Keras that is installed.

    To build them all takes minutes. What is there is held against Keras by the slow tests.
    """
    for name in architectures.names():
        path = f"specc/catalog/architectures/{name}.json"
        made = json.loads((ROOT / path).read_text(encoding="utf-8")) if (ROOT / path).exists() else {}
        if made.get("keras") != metadata.version("keras"):
            yield path, architectures.text(name)


def errors() -> str:
    """The index of codes: each with its title, its page behind it."""
    rows = [
        f"| [{code.id}](../specc/explain/{code.id}.md) | {code.title} | {code.severity} |"
        for code in codes.ALL.values()
    ]
    return "\n".join(
        [
            NOTE.format(origin="`specc/codes.py` and `specc/explain/`"),
            "# Codes",
            "",
            "What specc reports has a code, and every code a page that says what it means, with an example that is",
            "given it and one that is not. `specc explain S302` shows the page in a terminal.",
            "[Reading what specc reports](diagnostics.md) tells of `--fix`, `--allow` and formats for programs.",
            "",
            "| code | what | severity |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def coverage() -> str:
    """Which layers and ops have a rule for their shapes, and which are unknown to `validate` and `summary`."""
    agreement = runpy.run_path(str(ROOT / "tests/shapes/agreement.py"))
    sections: list[str] = []
    for family, title in (("layers", "Layers"), ("ops", "Ops"), ("applications", "Applications")):
        known, all_of_them = set(shapes.names(family)), catalog.names(family)
        sections += [f"## {title}", ""]
        for what, names in (
            ("with a rule", [n for n in all_of_them if n in known]),
            ("without one", [n for n in all_of_them if n not in known]),
        ):
            sections += [f"{len(names)} {what}:", "", " · ".join(f"`{n}`" for n in names), ""]
    return "\n".join(
        [
            NOTE.format(origin="`specc/shapes/`"),
            "# What shapes are known of",
            "",
            "A rule says what a layer or an op makes of its inputs: shape, dtype and weights, held against Keras on",
            "generated configurations. What has no rule works like everything else; its outputs are unknown to",
            "`validate` and `summary`, and what comes after it is checked once Keras builds the network.",
            "",
            *sections,
            "## Layers and their agreement with Keras",
            "",
            agreement["table"](),
            "",
            "## Ops and their agreement with Keras",
            "",
            agreement["table_of_ops"](),
            "",
        ]
    )


def contents() -> str:
    """The list of commands."""
    rows = [f"| [`specc {name}`]({name}.md) | {program.summary(name)} |" for name in program.names()]
    return "\n".join(
        [
            NOTE.format(origin="the docstrings in `specc/cli/commands/`"),
            "# The command line",
            "",
            "| command | does |",
            "| --- | --- |",
            *rows,
            "",
            "Exit status: 0 done · 1 the spec, the data or the run is at fault · 2 wrong usage · 3 a bug in specc.",
            "",
            "Colours follow the terminal; `NO_COLOR=1` turns them off and `FORCE_COLOR=1` on.",
            "",
            "## Shell completion",
            "",
            "Put one line into the file that your shell reads when it starts:",
            "",
            "| shell | line |",
            "| --- | --- |",
            '| bash | `eval "$(_SPECC_COMPLETE=bash_source specc)"` |',
            '| zsh | `eval "$(_SPECC_COMPLETE=zsh_source specc)"` |',
            "| fish | `_SPECC_COMPLETE=fish_source specc \\| source` |",
            "",
        ]
    )


def reference(name: str) -> str:
    """One command's page, made of its docstring, its arguments and its options."""
    command = program.load(name)
    docstring = inspect.cleandoc(import_module(f"specc.cli.commands.{name}").__doc__ or "")
    context = click.Context(command, info_name=name, parent=click.Context(program.program, info_name="specc"))
    rows = [
        f"| {', '.join(f'`{option}`' for option in option_forms(parameter))} | {meaning(parameter)} |"
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
    ]
    return "\n".join(
        [
            NOTE.format(origin=f"`specc/cli/commands/{name}.py`"),
            f"# specc {name}",
            "",
            docstring,
            "",
            "## Usage",
            "",
            f"    {context.get_usage().removeprefix('Usage: ')}",
            "",
            "| option | meaning |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def option_forms(option: click.Option) -> list[str]:
    """An option as it is typed: `--out DIR`."""
    if option.is_flag:
        return list(option.opts)
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    value = option.metavar or "\\|".join(str(c) for c in choices) or option.type.name.upper()
    return [*option.opts[:-1], f"{option.opts[-1]} {value}"]


def meaning(option: click.Option) -> str:
    default = f" Default: {option.default}." if option.show_default and option.default is not None else ""
    return f"{option.help or ''}{default}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where something is stale")
    check = parser.parse_args().check
    stale = []
    for name, text in generated():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    known = {f"{name}.md" for name in (*program.names(), "index")}
    for path in sorted((ROOT / "docs/reference").glob("*.md")):
        if path.name not in known:
            stale.append(f"{path.relative_to(ROOT)} (of a command that is gone)")
            if not check:
                path.unlink()
    for name in stale:
        print(f"{'stale' if check else 'made'}: {name}")
    if check and stale:
        print("`make generated` makes them anew")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
