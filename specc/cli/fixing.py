"""Remedies that are certain, applied to the files of specs.

A remedy is kept only where it mends: what it was for is gone, and no pass that had looked at the spec before finds
anything that it did not find then. Passes that had not got so far may now find what was there all along. Where several
specs extend one file, this is true of each of them. What does not stand the trial is taken back, and nothing is written
before all is settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from specc.cli.checking import Checked, Terms, check, real
from specc.cli.files import Contents, contents, replaced
from specc.diagnostics import Diagnostic, Edit
from specc.text.edits import Draft, Edited, Place, applied

MOST_TRIALS = 1000
LONGEST_CHAIN = 20
"""How many remedies may follow from one: a name that is right at last shows that its arguments are misspelt too."""

Key = tuple[str, str, Place]
"""A finding by its code, its file and its place: what it says may change with what is around it."""
Change = tuple[Place, Place, str]


@dataclass(slots=True)
class Fixing:
    """Specs that were checked, and the files of theirs that are being edited, by their real paths."""

    checked: list[Checked]
    terms: Terms
    may_edit: Callable[[str], bool]
    files: dict[str, Contents] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """The paths as they were typed, or as `extends` has them."""

    def run(self) -> dict[str, int]:
        """Apply what is certain and write it. How many remedies each file got, by its path."""
        for file in self._editable():
            self._fix(file)
        for file, count in self.counts.items():
            if count:
                replaced(self.names[file], self.files[file], self.drafts[file].text)
        return {self.names[file]: count for file, count in self.counts.items() if count}

    def out_of_reach(self) -> dict[str, int]:
        """How many remedies remain in files that may not be edited, by path."""
        found: dict[tuple[str, Change], str] = {}
        for each in self.checked:
            for diagnostic in each.findings:
                if diagnostic.fix and not self.may_edit(real(diagnostic.fix.span.path)):
                    found[real(diagnostic.fix.span.path), _change(diagnostic.fix)] = diagnostic.fix.span.path
        return {path: list(found.values()).count(path) for path in found.values()}

    def _editable(self) -> list[str]:
        """The files that findings have remedies for, as far as they can be read and may be edited."""
        for each in self.checked:
            for path in dict.fromkeys(d.fix.span.path for d in each.findings if d.fix):
                file = real(path)
                if file not in self.files and self.may_edit(file) and (read := contents(path)) is not None:
                    self.files[file], self.names[file] = read, path
                    self.drafts[file], self.counts[file] = Draft.of(read.text), 0
        return list(self.files)

    def _fix(self, file: str) -> None:
        refused: set[Change] = set()
        for _ in range(MOST_TRIALS):
            edits = {
                _change(fix): fix
                for each in self.checked
                for d in each.findings
                if (fix := d.fix) is not None and real(fix.span.path) == file and _change(fix) not in refused
            }
            if not edits:
                return
            step = self._attempt(file, list(edits.values())) if len(edits) > 1 else None
            for change, edit in edits.items():
                if step is not None:
                    break
                step = self._attempt(file, [edit])
                if step is None:
                    refused.add(change)
            if step is not None:
                refused = {(_through(step, start), _through(step, end), text) for start, end, text in refused}

    def _attempt(self, file: str, edits: Sequence[Edit]) -> list[Edited] | None:
        """Make some edits of a file, and those that follow from them. None, and nothing is changed, where they fail."""
        affected = [i for i, each in enumerate(self.checked) if file in {real(path) for path in each.sources}]
        known = {i: {_key(d) for _, d in self.checked[i].by_pass} for i in affected}
        draft, steps, after, count = self.drafts[file], list[Edited](), dict[int, Checked](), 0
        looking: Mapping[int, Checked] = {i: self.checked[i] for i in affected}
        for _ in range(LONGEST_CHAIN):
            step = applied(draft, edits)
            made = {change for edit in edits if (change := _change(edit)) in _changes(step)}
            steps.append(step)
            count += len(made)
            draft = step.after
            for i in affected:
                mended = {_key(d) for d in looking[i].findings if d.fix and d.fix in edits and _change(d.fix) in made}
                known[i] = {_moved(key, file, step) for key in known[i] - mended}
            after = {i: self._checked(self.checked[i].spec, file, draft) for i in affected}
            new = [
                d
                for i in affected
                for number, d in after[i].by_pass
                if number <= self.checked[i].passes and _key(d) not in known[i]
            ]
            if not new:
                self.drafts[file] = draft
                self.counts[file] += count
                for i in affected:
                    self.checked[i] = after[i]
                return steps
            edits = [d.fix for d in new if d.fix is not None and real(d.fix.span.path) == file]
            if len(edits) < len(new):
                return None
            looking = after
        return None

    def _checked(self, spec: str, file: str, draft: Draft) -> Checked:
        drafts = {path: each.text for path, each in self.drafts.items()} | {file: draft.text}
        return check(spec, self.terms, drafts.get(real(spec)), drafts)


def _key(found: Diagnostic) -> Key:
    return found.code.id, real(found.span.path), (found.span.line, found.span.column)


def _change(edit: Edit) -> Change:
    span = edit.span
    return (span.line, span.column), (span.end_line, span.end_column), edit.text


def _changes(step: Edited) -> set[Change]:
    return {(step.before.place(start), step.before.place(end), text) for start, end, text in step.changes}


def _moved(key: Key, file: str, step: Edited) -> Key:
    code, path, place = key
    return (code, path, step.moved(place)) if path == file else key


def _through(steps: Iterable[Edited], place: Place) -> Place:
    for step in steps:
        place = step.moved(place)
    return place
