"""Show what is installed here, and which devices there are.

For what is missing it says what to type. Listing devices loads TensorFlow, where there is one.

specc doctor
"""

from __future__ import annotations

import os
import platform
import re
import sys
import textwrap
from importlib import metadata

import click

from specc import __version__, driver
from specc.cli.screen import colourful, width
from specc.diagnostics import Log, Rejected
from specc.render.text import count, paint

EXTRAS = ("", "train", "gpu", "tpu", "onnx")
REQUIREMENT = re.compile(
    r"""(?P<name>[\w.-]+)(?:\[(?P<inner>[\w,-]+)\])?[^;]*(?:;.*extra == ["'](?P<extra>[\w-]+)["'])?"""
)


@click.command()
def command() -> None:
    colour = colourful(sys.stdout)
    _row("specc", __version__)
    _row("Python", f"{platform.python_version()} at {sys.executable}")
    _row("machine", f"{platform.system()} {platform.machine()}, {count(os.cpu_count() or 1, 'processor')}")
    for extra in EXTRAS:
        versions = {name: _version(name) for name in _needed("specc", extra)}
        missing = [name for name, version in versions.items() if version is None]
        print()
        _row(extra or "core", paint("missing", "quiet", colour) if missing else paint("ready", "help", colour))
        if missing:
            _row("", f"not installed: {', '.join(missing)}")
            _row("", f"to install: pip install '{f'specc[{extra}]' if extra else 'specc'}'")
        else:
            _row("", ", ".join(f"{name} {version}" for name, version in versions.items()))
    print()
    log = Log()
    try:
        devices = driver.backend("devices", log, "").describe()
    except Rejected:
        devices = [f"not known: {log.diagnostics[0].message}"]
    for i, line in enumerate(devices):
        _row("" if i else "devices", line)


def _row(head: str, what: str) -> None:
    """A line, or as many as it takes, with its heading in a column of its own."""
    lines = textwrap.wrap(what, max(width() - 10, 40), break_long_words=False, break_on_hyphens=False) or [""]
    for i, line in enumerate(lines):
        print(f"{'' if i else head:<10}{line}")


def _needed(package: str, extra: str) -> list[str]:
    """The packages that an extra of a package brings, by its own metadata; `""` is what it always brings."""
    found: list[str] = []
    try:
        requirements = metadata.requires(package) or ()
    except metadata.PackageNotFoundError:  # Run from a checkout, without being installed.
        return []
    for requirement in requirements:
        match = REQUIREMENT.match(requirement)
        if match is None or (match["extra"] or "") != extra or match["name"] == package:
            continue
        found.append(match["name"])
        for inner in (match["inner"] or "").split(","):
            found += _needed(match["name"], inner) if inner else []
    return list(dict.fromkeys(found))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
