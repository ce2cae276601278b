"""Diagnostics as SARIF 2.1.0, which code scanning takes. Columns count characters from 1, and an end is exclusive."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from specc import codes
from specc.diagnostics import Code, Diagnostic, Edit, Related, Span
from specc.render.places import from_root, root

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
PAGES = Path(codes.__file__).parent / "explain"

Object: TypeAlias = dict[str, Any]
"""An object of JSON."""


def diagnostics(findings: Iterable[Diagnostic], version: str) -> str:
    """A whole log of one run of specc in this version, without results where there are no findings."""
    found = list(findings)
    return json.dumps(_Run(root(), found).log(version), ensure_ascii=False, indent=2)


@dataclass(frozen=True, slots=True)
class _Run:
    """What results refer to: the root that paths are relative to, and the findings, for their codes and files."""

    top: Path
    found: Sequence[Diagnostic]

    def log(self, version: str) -> Object:
        rules = list({found.code.id: found.code for found in self.found}.values())
        places = (span.path for found in self.found for span in (found.span, *(r.span for r in found.related)))
        artifacts = [file for path in dict.fromkeys(places) if (file := self.file(path)) is not None]
        run: Object = {
            "tool": {"driver": {"name": "specc", "version": version, "rules": [_rule(code) for code in rules]}},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
            "artifacts": [{"location": file} for file in artifacts],
            "results": [self.result(found, rules.index(found.code)) for found in self.found],
        }
        return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}

    def result(self, found: Diagnostic, rule: int) -> Object:
        help = f"\nhelp: {found.help}" if found.help else ""
        result: Object = {
            "ruleId": found.code.id,
            "ruleIndex": rule,
            "level": found.severity.value,
            "message": {"text": f"{found.message}{help}"},
        }
        if (place := self.place(found.span)) is not None:
            result["locations"] = [place]
        if related := [told for i, one in enumerate(found.related) if (told := self.related(i, one)) is not None]:
            result["relatedLocations"] = related
        if found.fix is not None and (fix := self.fix(found.fix, found.help)) is not None:
            result["fixes"] = [fix]
        return result

    def place(self, span: Span) -> Object | None:
        """A location; None for what is in no file."""
        file = self.file(span.path)
        return None if file is None else {"physicalLocation": {"artifactLocation": file, "region": _region(span)}}

    def related(self, number: int, related: Related) -> Object | None:
        place = self.place(related.span)
        return None if place is None else {"id": number, **place, "message": {"text": related.message}}

    def fix(self, edit: Edit, help: str) -> Object | None:
        file = self.file(edit.span.path)
        if file is None:
            return None
        change = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        described = {"description": {"text": help}} if help else {}
        return {**described, "artifactChanges": [{"artifactLocation": file, "replacements": [change]}]}

    def file(self, path: str) -> Object | None:
        """A file by its path from the root of the repository, or by its whole path where it lies elsewhere."""
        inside = from_root(path, self.top)
        if inside is not None:
            return {"uri": quote(inside), "uriBaseId": ROOT}
        return None if path.startswith(("-", "<")) else {"uri": Path(path).resolve().as_uri()}


def _region(span: Span) -> Object:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _rule(code: Code) -> Object:
    """A code with its page, as `specc explain` shows it."""
    page = (PAGES / f"{code.id}.md").read_text(encoding="utf-8")
    first = re.split(r"\n\s*\n", page)[1]
    return {
        "id": code.id,
        "name": "".join(word.capitalize() for word in re.findall(r"[A-Za-z]+", code.title)),
        "shortDescription": {"text": f"{code.title[:1].upper()}{code.title[1:]}."},
        "fullDescription": {"text": " ".join(first.split())},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": code.severity.value},
    }
