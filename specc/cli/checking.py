"""One spec checked: what was found, by which pass, and what files it was read from."""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from specc import driver
from specc.data.portrait import Portrait
from specc.diagnostics import Diagnostic, In, Log, Out, Rejected
from specc.text.files import decode
from specc.tree import Source

STDIN = "-"
"""What is typed for a spec that comes from standard input."""
SHOWN = "<stdin>"
"""How its place is shown."""


@dataclass(slots=True)
class Passes(Log):
    """A log that knows which pass each finding is of."""

    begun: list[int] = field(default_factory=list)
    """How many findings there were when each pass began."""

    def stage(self, arrow: Callable[[In, Log], Out], value: In) -> Out:
        """Run one pass, and remember what came before it."""
        self.begun.append(len(self.diagnostics))
        return Log.stage(self, arrow, value)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms specs are checked: warnings that are allowed, and whether they are to run on a TPU.

    `tpu_cores` are those of the TPU, None where none is meant; `exact`: XLA is asked too, which loads TensorFlow.
    `data`: the dataset is opened as well; `full`: to its last row.
    """

    allow: frozenset[str] = frozenset()
    tpu_cores: int | None = None
    exact: bool = False
    data: bool = False
    full: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking a spec came to. `sources` are the texts it was read from, by the paths that findings name."""

    spec: str
    findings: tuple[Diagnostic, ...]
    errors: int
    sources: Mapping[str, str]
    by_pass: tuple[tuple[int, Diagnostic], ...]
    passes: int
    """How many passes ran; 0 where the file could not be read."""
    portrait: Portrait | None = None
    """What the data is like, where it was asked for and could be opened."""


def check(spec: str, terms: Terms, text: str | None = None, drafts: Mapping[str, str] | None = None) -> Checked:
    """Check one spec, with a text that is not in its file yet and drafts of those it extends, by their real paths."""
    log = Passes(allow=terms.allow)
    portrait = None
    with suppress(Rejected):
        source = _open(spec, log) if text is None else Source(spec, text)
        plan = driver.check(replace(source, drafts=drafts or {}), log, tpu_cores=terms.tpu_cores)
        if terms.data:
            portrait = driver.look_at_data(plan, log, full=terms.full)
        if terms.exact and terms.tpu_cores:
            driver.compile_for_tpu(plan, terms.tpu_cores, log)
    by_pass = tuple((bisect_right(log.begun, i), found) for i, found in enumerate(log.diagnostics))
    return Checked(spec, tuple(log.sorted()), log.errors, log.sources, by_pass, len(log.begun), portrait)


def _open(spec: str, log: Log) -> Source:
    if spec != STDIN:
        return driver.open_spec(spec, log)
    text = decode(SHOWN, sys.stdin.buffer.read(), log)
    if text is None:
        raise Rejected(log)
    return Source(SHOWN, text)


def real(path: str) -> str:
    """The one name of a file, however it is reached."""
    return os.path.realpath(path)
