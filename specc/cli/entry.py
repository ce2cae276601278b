"""The border of the program: what a command raises becomes an exit status and a message, never a traceback."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from specc import __version__
from specc.cli.program import parse
from specc.cli.screen import BUG, CLOSED, DONE, FAULT, INTERRUPTED, USAGE, show
from specc.diagnostics import Rejected


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    gc.freeze()  # What was imported stays, and need not be looked through again and again.
    sys.exit(status(arguments))


def status(arguments: Sequence[str]) -> int:
    """Run the command line and give its exit status."""
    try:
        result = parse(arguments)
        sys.stdout.flush()
        return result if isinstance(result, int) else DONE
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        return _usage(error)
    except Rejected as rejected:
        show(rejected.log.sorted(), rejected.log.sources)
        return FAULT
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read has gone, like `head` does. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except OSError as error:
        place = f"`{error.filename}`: " if error.filename else ""
        print(f"error: {place}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        return FAULT
    except Exception as bug:  # The last border: what no command foresaw is a bug, and is told as one.
        return _bug(bug, arguments)


def _usage(error: click.UsageError) -> int:
    message = error.format_message().rstrip(".")
    path = error.ctx.command_path if error.ctx else "specc"
    print(f"error: {message[:1].lower()}{message[1:]}", file=sys.stderr)
    if error.ctx:
        print(error.ctx.get_usage().replace("Usage:", "usage:", 1), file=sys.stderr)
    print(f"`{path} --help` says more", file=sys.stderr)
    return USAGE


def _bug(bug: Exception, arguments: Sequence[str]) -> int:
    told = "".join(traceback.format_exception(bug))
    what = str(bug).strip().partition("\n")[0]
    print(f"This is a bug in specc, not in your spec: {type(bug).__name__}: {what}", file=sys.stderr)
    if "--traceback" in arguments:
        print(told, file=sys.stderr)
        return BUG
    head = f"specc {__version__}, Python {sys.version.split()[0]}, {sys.platform}\nspecc {' '.join(arguments)}\n\n"
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="specc-bug-", suffix=".txt", delete=False) as report:
        report.write(head + told)
    print(f"What happened is written down in {report.name}; please send it along when you report it.", file=sys.stderr)
    return BUG
