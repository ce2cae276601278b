"""Rows that cannot be read and are passed over, as `on_error: skip` asks: which, why, and how many are too many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows

LISTED = 100
"""So many are named in the manifest; the others are counted."""


@dataclass(slots=True, eq=False)
class Faults:
    """What of one source was passed over. `share` is how many of all rows may be; None where none may."""

    share: float | None
    named: dict[str, str] = field(default_factory=dict)
    """Where a row stands, and what is wrong with it: the first of them."""
    rows: set[int | str] = field(default_factory=set)
    """All of them, by number; those that a reader passes over, by where they stand."""

    @property
    def count(self) -> int:
        return len(self.rows)

    def add(self, where: str, what: str) -> None:
        """Count a row that the reader passes over."""
        self.rows.add(where)
        self._name(where, what)

    def note(self, refusal: BadRows, numbers: Array) -> Array:
        """Count the rows of a refusal, and give its mask; `numbers` are those of its rows in the source."""
        rows = np.flatnonzero(refusal.bad)
        what = refusal.template.replace(" in {rows}", "").replace("{rows} ", "")
        if refusal.origin.column:
            what += f" (column `{refusal.origin.column}`)"
        for row in rows[: max(0, LISTED - len(self.named))]:
            self._name(refusal.origin.where(int(row)), what)
        self.rows.update(numbers[rows].tolist())
        return refusal.bad

    def undecodable(self, name: str, number: int) -> None:
        """Count a row whose file cannot be decoded."""
        self.rows.add(number)
        self._name(name, "cannot be decoded")

    def _name(self, where: str, what: str) -> None:
        if len(self.named) < LISTED:
            self.named.setdefault(where, what)

    def check(self, rows: int) -> None:
        """Refuse when too many rows of so many were passed over."""
        if self.share is not None and self.count > self.share * rows:
            where, what = next(iter(self.named.items()))
            raise Refusal(
                S503,
                f"{self.count:,} of {rows:,} rows cannot be used, and at most {self.share:.0%} may be passed over; the "
                f"first is {where}: {what}",
                "correct the rows, or allow more: `on_error: {skip: 0.5}`",
            )

    def manifest(self) -> Mapping[str, Any]:
        """For `manifest.json`: nothing where nothing was passed over."""
        if not self.count:
            return {}
        return {"skipped": {"count": self.count, "rows": dict(self.named)}}
