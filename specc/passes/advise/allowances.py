"""Comments that silence a warning: each must name a warning that is there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import takewhile

from specc import codes
from specc.diagnostics import Code, Diagnostic, Log, Severity, Span, nearest
from specc.plan import Plan
from specc.tree import Tree

COMMENT = re.compile(r"#\s*specc:\s*allow\b(?P<named>[^#]*)")
WORD, CODE = re.compile(r"[^\s,]+"), re.compile(r"[SWsw]\d+")
"""Codes come first; behind them may stand a reason."""


def idle_allowances(plan: Plan, log: Log, told: Collection[Code]) -> Iterator[Diagnostic]:
    """W101: `# specc: allow` with no code, a code that there is not, an error, or a warning that is not given here.

    `told` are the codes that checking brings. Whether one of them is given here can only be said of a spec as it
    stands: `-p` and `--set` may take the reason away, and data not read yet may bring it.
    """
    path = plan.source.path
    text = log.sources.get(path, "")
    if not COMMENT.search(text):
        return
    as_written = not (plan.source.params or plan.source.sets or plan.source.facts or plan.open_facts)
    for number, line in enumerate(text.splitlines(), 1):
        found = COMMENT.search(line)
        if found is None or _within_value(plan.tree, path, number, found.start() + 1):
            continue
        codes_named = list(takewhile(lambda word: CODE.fullmatch(word[0]), WORD.finditer(found["named"])))
        if not codes_named:
            span = Span(path, number, found.start() + 1, number, len(line.rstrip()) + 1)
            yield Diagnostic(codes.W101, span, "this comment names no warning", help="name it: `# specc: allow W301`")
        for word in codes_named:
            start = found.start("named") + word.start() + 1
            span = Span(path, number, start, number, start + len(word[0]))
            code = codes.ALL.get(word[0])
            if code is None:
                near = nearest(word[0], codes.ALL)
                help = f"did you mean `{near}`?" if near else "`specc explain` lists them"
                yield Diagnostic(codes.W101, span, f"there is no code `{word[0]}`", help=help)
            elif code.severity is Severity.ERROR:
                message = f"{code} is an error, and only warnings can be allowed"
                yield Diagnostic(codes.W101, span, message, help=f"mend it: `specc explain {code}` says how")
            elif as_written and code in told and (path, number, code.id) not in log.silenced:
                help = "take it out, or put it on the line that the warning names"
                yield Diagnostic(codes.W101, span, f"nothing on this line is given {code}", help=help)


def _within_value(tree: Tree, path: str, line: int, column: int) -> bool:
    """Is a place within a text, and so no comment?"""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        waiting += [*node.entries.values(), *node.elements]
        span = node.span
        if not node.is_scalar or span.path != path:
            continue
        if (span.line, span.column) <= (line, column) < (span.end_line, span.end_column):
            return True
    return False
