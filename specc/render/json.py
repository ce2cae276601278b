"""Diagnostics as JSON, for editors and other programs: lines and columns count from 1, the end is exclusive."""

from __future__ import annotations

import json
from collections.abc import Iterable

from specc.diagnostics import Diagnostic

VERSION = 1


def diagnostics(findings: Iterable[Diagnostic]) -> str:
    """`{"version": 1, "diagnostics": […]}`; `pointer` is the JSON pointer of the value in its document."""
    rows = [
        {
            "path": d.span.path,
            "line": d.span.line,
            "column": d.span.column,
            "end_line": d.span.end_line,
            "end_column": d.span.end_column,
            "code": d.code.id,
            "severity": d.severity.value,
            "message": d.message,
            "help": d.help,
            "pointer": d.span.pointer,
        }
        for d in findings
    ]
    return json.dumps({"version": VERSION, "diagnostics": rows}, ensure_ascii=False, indent=2)
