"""Remedies as edits: given only where the text still stands in the source as it was understood."""

from __future__ import annotations

from specc import catalog
from specc.calls import Call
from specc.diagnostics import Edit, Log, Span


def instead(span: Span | None, old: str, new: str, log: Log) -> Edit | None:
    """An edit that puts `new` where the source says `old`; None for what was computed or laid over the source."""
    if span is None or span.path.startswith("-"):  # `--set` and `-p` are no file
        return None
    return Edit(span, new) if _line(span, log)[span.column - 1 : span.end_column - 1] == old else None


def another_name(call: Call, new: str, log: Log) -> Edit | None:
    """An edit that lets a call have another name, where what it is given may be given to that one too."""
    takes = catalog.signature(call.family, new)
    known = {argument.name for argument in takes.arguments} if takes else set()
    return instead(call.span, call.name, new, log) if known >= call.arguments.keys() else None


def with_argument(call: Call, new: str, log: Log) -> Edit | None:
    """An edit that puts a call with arguments, `{AUC: {from_logits: true}}`, where a bare name stands."""
    bare = not call.arguments and call.span is not None and not _rest(call.span, log).lstrip().startswith(":")
    return instead(call.span, call.name, new, log) if bare else None


def _line(span: Span, log: Log) -> str:
    """The line that a span stands on; empty where it goes over several, or is in no source."""
    lines = log.sources.get(span.path, "").splitlines()
    return lines[span.line - 1] if span.line == span.end_line and 0 < span.line <= len(lines) else ""


def _rest(span: Span, log: Log) -> str:
    return _line(span, log)[span.end_column - 1 :]
