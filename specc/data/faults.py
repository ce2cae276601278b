"""Rows that cannot be read and are passed over, as `on_error: skip` asks: which, why, and how many are too many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specc.codes import S501, S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array
from specc.kinds.features import Feature, is_class
from specc.kinds.readers._urls import address

LISTED = 100
"""So many are named in the manifest; the others are counted."""

NAMED = 5
"""So many files that cannot be decoded are named."""


@dataclass(slots=True, eq=False)
class Faults:
    """What of one source was passed over. `share` is how many of all rows may be; None where none may.

    A source is read several times, and a row at fault counts once: by its number in the source, or, where the reader
    itself passes over it and it has no number, by where it stands.
    """

    share: float | None
    numbers: set[int] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    named: list[str] = field(default_factory=list)
    """What is wrong with the first of them, each with its file and row."""
    total: int = 0
    """All rows of the source, once they were counted."""

    @property
    def count(self) -> int:
        return len(self.numbers) + len(self.unread)

    def add(self, where: str, what: str) -> None:
        """Count a row that the reader passes over."""
        if where not in self.unread:
            self.unread.add(where)
            self._name(f"{where}: {what}")

    def note(self, numbers: Array, told: Sequence[Callable[[], str]]) -> None:
        """Count rows by their numbers in the source; of the first of them, `told` says what is wrong with each."""
        for number, tell in zip(numbers.tolist(), told, strict=False):
            if number not in self.numbers and len(self.named) < LISTED:
                self._name(tell())
        self.numbers.update(numbers.tolist())

    def _name(self, told: str) -> None:
        if len(self.named) < LISTED:
            self.named.append(told)

    def check(self, rows: int) -> None:
        """Refuse when too many were passed over of so many rows that have a number.

        Raises:
            Refusal: S503, with the first of them.
        """
        self.total = rows + len(self.unread)
        if self.share is not None and self.count > self.share * self.total:
            raise Refusal(
                S503,
                f"{self.count:,} of {self.total:,} rows cannot be used, and at most {self.share:.0%} may be passed "
                f"over; the first: {self.named[0]}",
                "correct the rows, or allow more: `on_error: {skip: 0.5}`",
            )

    def manifest(self) -> Mapping[str, Any]:
        """For `manifest.json`: nothing where nothing was passed over."""
        if not self.count:
            return {}
        return {"count": self.count, "of": self.total, "first": list(self.named)}

    def summary(self) -> str:
        """For a person, in one line; empty where nothing was passed over."""
        if not self.count:
            return ""
        return f"passed over {self.count:,} of {self.total:,} rows that cannot be used; the first: {self.named[0]}"


def undecodable(files: Sequence[str | bytes], feature: Feature, rows: Sequence[str] = ()) -> Refusal:
    """Files that cannot be decoded, as one refusal; those that are gone since they were found are told alone.

    Args:
        files: their names, or their contents.
        rows: where each of the first `NAMED` comes from; needed of those that have no name.
    """
    gone = [f"`{address(Path(one))}`" for one in files if isinstance(one, str) and not Path(one).exists()]
    what = type(feature).__name__.lower()
    bad = gone or [
        f"`{address(Path(one))}`" if isinstance(one, str) else f"the {what} in {rows[number]}"
        for number, one in enumerate(files[:NAMED])
    ]
    count = len(gone or files)
    told = ", ".join(bad[:NAMED]) + (f" and {count - NAMED} more" if count > NAMED else "")
    if gone:
        was = "is" if count == 1 else "are"
        remedy = "files must stay where they are until the end"
        return Refusal(S501, f"{told} {was} gone since the data was opened", remedy)
    remedy = f"damaged, or of another format: {getattr(feature, 'formats', 'save it again')}, or remove"
    if is_class(feature):
        remedy = "a mask is a PNG, grey or with a palette, and its pixels are class numbers below `classes`"
    return Refusal(S503, f"cannot decode {told}", remedy)
