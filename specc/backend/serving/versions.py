"""What is served: the versions of a model, found in a directory, loaded, and looked for again while it runs."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from specc import codes
from specc.backend import manifest
from specc.backend.serving.signatures import Version, load
from specc.diagnostics import Refusal
from specc.kinds.features import State
from specc.plan import Plan

FILE = "saved_model.pb"
"""What makes a directory a SavedModel."""

EVERY = 1.0
"""Seconds from one look for new versions to the next."""


def find(path: Path, described: bool) -> tuple[dict[int, Path], bool]:
    """The SavedModels at a path by their versions, and whether more may come: those of a directory of versions.

    `described` says that it is a run, whose export is version 1.

    Raises:
        Refusal: S501 where there is none.
    """
    if described:
        told = manifest.read(path) or {}
        names = {"saved_model": "export/saved_model"} | {
            name: artefact["path"] for name, artefact in told.get("artefacts", {}).items() if name == "saved_model"
        }
        export = path / names["saved_model"]
        if not (export / FILE).is_file():
            help = f"`specc export {path} --format saved_model` writes one, and checks it"
            raise Refusal(codes.S501, f"the run `{path}` has no SavedModel, which is what is served", help)
        return {1: export}, False
    if (path / FILE).is_file():
        return {1: path}, False
    found = _numbered(path)
    if not found:
        there = "a file" if path.is_file() else "not there"
        what = "no run, no SavedModel and no directory of versions" if path.is_dir() else there
        help = "name a run, a SavedModel's directory, or one with a SavedModel in `1/`, `2/`, …"
        raise Refusal(codes.S501, f"`{path}` is {what}", help)
    return found, True


def _numbered(path: Path) -> dict[int, Path]:
    if not path.is_dir():
        return {}
    there = [child for child in path.iterdir() if child.name.isdecimal() and child.name.isascii()]
    return {int(child.name): child for child in sorted(there) if (child / FILE).is_file()}


@dataclass(slots=True, eq=False)
class Model:
    """A model by its name, with the versions that are loaded. `plan` and `states` are those of its run."""

    name: str
    path: Path
    plan: Plan | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    """Why a version is not served."""
    grows: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)

    def open(self) -> None:
        """Load what there is.

        Raises:
            Refusal: S501 or S503 where there is nothing to serve.
        """
        found, self.grows = find(self.path, self.plan is not None)
        for number, path in found.items():
            try:
                self._load(number, path)
            except Refusal as refusal:
                self.failed[number] = refusal.message
                if not self.grows:
                    raise
        if not self.versions:
            raise Refusal(codes.S503, next(iter(self.failed.values())))

    def version(self, number: int | None = None) -> Version:
        """One by its number, or the newest.

        Raises:
            HTTPException: 404 where it is not served.
        """
        versions = self.versions
        if number is None:
            return versions[max(versions)]
        if number not in versions:
            there = ", ".join(map(str, sorted(versions)))
            why = f" ({self.failed[number]})" if number in self.failed else ""
            raise HTTPException(404, f"`{self.name}` has no version {number}{why}; there is {there}")
        return versions[number]

    def status(self, number: int | None = None) -> dict[str, Any]:
        """What TensorFlow Serving says of the versions, the newest first.

        Raises:
            HTTPException: 404 where there is no such version.
        """
        there = dict.fromkeys(sorted({*self.versions, *self.failed}, reverse=True))
        if number is not None and number not in there:
            self.version(number)
        told = []
        for each in there if number is None else (number,):
            error = self.failed.get(each)
            told.append(
                {
                    "version": str(each),
                    "state": "END" if error else "AVAILABLE",
                    "status": {"error_code": "UNKNOWN" if error else "OK", "error_message": error or ""},
                }
            )
        return {"model_version_status": told}

    def metadata(self, number: int | None = None) -> dict[str, Any]:
        """The signatures, as TensorFlow Serving describes them."""
        version = self.version(number)
        return {
            "model_spec": {"name": self.name, "signature_name": "", "version": str(version.number)},
            "metadata": {"signature_def": {"signature_def": version.described}},
        }

    def watch(self) -> None:
        """Look for versions that came and went, until it is over; where only one can be, nothing is looked for."""
        if self.grows:
            threading.Thread(target=self._watch, name="versions", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(EVERY):
            self.look()

    def look(self) -> None:
        """Load the versions that came, and let go of those that went; the last one stays."""
        found = _numbered(self.path)
        for number, path in found.items():
            if number in self.versions:
                continue
            try:
                self._load(number, path)
                self.failed.pop(number, None)
                print(f"version {number} is served", file=sys.stderr)
            except Refusal as refusal:
                # It may still be written: it is tried again, and told of once.
                if self.failed.get(number) != refusal.message:
                    print(f"version {number} is not served: {refusal.message}", file=sys.stderr)
                self.failed[number] = refusal.message
        self.failed = {number: why for number, why in self.failed.items() if number in found}
        kept = {number: version for number, version in self.versions.items() if number in found}
        if kept and len(kept) < len(self.versions):
            gone = ", ".join(str(number) for number in self.versions if number not in kept)
            print(f"no longer served: version {gone}", file=sys.stderr)
            self.versions = kept

    def _load(self, number: int, path: Path) -> None:
        # A new dictionary: whoever looks at the one before sees it whole.
        self.versions = self.versions | {number: load(path, number, self.plan, self.states)}


def learnt(run: Path) -> Mapping[str, State]:
    """What the features of a run learnt.

    Raises:
        Refusal: S503 where its manifest cannot be read.
    """
    try:
        states: Mapping[str, State] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))["features"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(codes.S503, f"the run `{run}` cannot be read: its manifest.json is missing or damaged") from error
    return states
