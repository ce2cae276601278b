"""What specc says about a spec, and where: spans, codes, diagnostics and the log that gathers them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

ALLOWED = re.compile(r"#\s*specc:\s*allow\s+([A-Z]\d{3}(?:[,\s]+[A-Z]\d{3})*)")
"""A comment that silences warnings on its line: `# specc: allow W301`."""


class Severity(StrEnum):
    """How bad it is: an error stops the pipeline after its pass, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source. Lines and columns count from 1 in characters; the end is exclusive.

    `pointer` is the JSON pointer (RFC 6901) of the value in its document, for tools.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """A stable name for one kind of mistake: `S302`, what it is called, and how bad it is."""

    id: str
    title: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that explains the first: 'called here', 'first written here'."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a source: what stands in `span` becomes `text`."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what is wrong, where, and where it is known, what to do about it.

    `fix` is the remedy as an edit, given only where it is certain.
    """

    code: Code
    span: Span
    message: str
    help: str = ""
    related: tuple[Related, ...] = ()
    fix: Edit | None = None

    @property
    def severity(self) -> Severity:
        return self.code.severity


class Refusal(Exception):
    """Raised below the level that knows the place: by a shape rule, a reader, a feature.

    Whoever called, and knows the text that asked for it, turns it into a `Diagnostic` by `Log.refuse`.
    `argument` names the argument that is at fault, when one is.
    """

    def __init__(self, code: Code, message: str, help: str = "", argument: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.argument = argument


class Rejected(Exception):
    """A pass has reported errors; every reason is in `log`."""

    def __init__(self, log: Log) -> None:
        super().__init__("\n".join(f"{d.span.path}:{d.span.line}: {d.code} {d.message}" for d in log.sorted()))
        self.log = log


In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(slots=True)
class Log:
    """Gathers diagnostics while passes run, and keeps the text of every source for quoting.

    A diagnostic with the same code, place and message is kept once, however often a block is called. A warning is not
    kept when its code is in `allow`, or when its line ends in `# specc: allow W301`.
    """

    allow: frozenset[str] = frozenset()
    diagnostics: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    silenced: set[tuple[str, int, str]] = field(default_factory=set)
    """The warnings that a comment kept away: path, line and code."""
    _seen: set[tuple[str, Span, str]] = field(default_factory=set)

    def report(
        self,
        code: Code,
        span: Span,
        message: str,
        *,
        help: str = "",
        related: Iterable[Related] = (),
        fix: Edit | None = None,
    ) -> None:
        """Add one finding."""
        key = (code.id, span, message)
        if key not in self._seen and not (code.severity is Severity.WARNING and self._allows(code, span)):
            self._seen.add(key)
            self.diagnostics.append(Diagnostic(code, span, message, help, tuple(related), fix))

    def _allows(self, code: Code, span: Span) -> bool:
        """Whether a warning is silenced: on its line, or everywhere."""
        lines = _lines(self.sources.get(span.path, ""))[span.line - 1 : span.line]
        silenced = ALLOWED.search(lines[0]) if lines else None
        if silenced is not None and code.id in silenced[1].replace(",", " ").split():
            self.silenced.add((span.path, span.line, code.id))
            return True
        return code.id in self.allow

    def refuse(self, refusal: Refusal, span: Span, *, related: Iterable[Related] = ()) -> None:
        """Report what a rule or a kind refused, at the place that asked for it."""
        self.report(refusal.code, span, refusal.message, help=refusal.help, related=related)

    @property
    def errors(self) -> int:
        return sum(d.severity is Severity.ERROR for d in self.diagnostics)

    def sorted(self) -> list[Diagnostic]:
        """The findings in the order of the files as they were read, then of their lines."""
        order = {path: i for i, path in enumerate(self.sources)}
        return sorted(
            self.diagnostics,
            key=lambda d: (order.get(d.span.path, len(order)), d.span.line, d.span.column, d.code.id),
        )

    def stage(self, arrow: Callable[[In, Log], Out], value: In) -> Out:
        """Run one pass. Complaints gather within it; the pipeline stops after it, by raising `Rejected`."""
        before = self.errors
        out = arrow(value, self)
        if self.errors > before:
            raise Rejected(self)
        return out


@lru_cache(maxsize=8)
def _lines(text: str) -> list[str]:
    """The lines of a source, which every warning of it asks for."""
    return text.splitlines()


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely meant, or None when none is near.

    Case is not held against a name: `dense` finds `Dense`.
    """
    spellings: dict[str, list[str]] = {}
    for known in names:
        spellings.setdefault(known.casefold(), []).append(known)
    folded = name.casefold()
    close = [folded] if folded in spellings else difflib.get_close_matches(folded, spellings, n=1, cutoff=0.6)
    # Of `Accuracy` and `accuracy` the one that is written alike.
    return max(spellings[close[0]], key=lambda known: known.islower() == name.islower()) if close else None
