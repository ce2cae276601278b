"""Where a row stands: found by reading the file again, which happens for messages only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Place = TypeVar("Place")


class Lines(Generic[Place]):
    """The places of rows. Asked for in ascending order, as they mostly are, a file is read once."""

    def __init__(self, places: Callable[[], Iterator[Place]], none: Place) -> None:
        """`places` begins anew at every call, and gives the place of each row; `none` is where there is no row."""
        self._places = places
        self._ahead: Iterator[Place] = iter(())
        self._row, self._place = -1, none

    def at(self, row: int) -> Place:
        """The place of a row, counted from 0; beyond the last row, the last place known."""
        if row < self._row or self._row < 0:
            self._ahead, self._row = self._places(), -1
        while self._row < row:
            place = next(self._ahead, None)
            if place is None:
                break
            self._row, self._place = self._row + 1, place
        return self._place
