"""Columns that are no features: what orders rows, and what keeps them together. Every row must have a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from specc.codes import S503
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Origin, State, missing
from specc.kinds.features._columns import numbers, scalars, shortened, stripped

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MONTH = re.compile(r"\d{4}-\d{2}")


class Readable(Protocol):
    """What checks the values of a column: a feature, or a key."""

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        """The values as they are used, every one checked. Raises BadRows."""


@dataclass(slots=True)
class Order:
    """Numbers, or dates and times that begin with their year, as float64 that sort alike.

    Which of the two is decided by the first value that is there, for the whole column: 10 comes after 9, and a date
    among numbers has no place.
    """

    name: str
    dates: bool | None = None

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        if column.dtype.kind == "M":
            absent = np.isnat(column)
            values = column.astype("datetime64[us]").astype(np.int64).astype(np.float64)
        else:
            column = scalars(column, "order")
            absent = missing(column)
            values = self._texts(column, absent, origin) if column.dtype.kind == "O" else numbers(column, origin)
        _all_there(f"the value of `{self.name}` in {{rows}} is missing", absent, origin)
        return values

    def _texts(self, texts: Array, absent: Array, origin: Origin) -> Array:
        if self.dates is None and not absent.all():
            self.dates = _number(texts[~absent][0]) is None
        parse = _date if self.dates else _number
        parsed = [parse(text) for text in texts]
        bad = np.array([one is None for one in parsed], bool) & ~absent
        if bad.any():
            what = "is no date that begins with its year" if self.dates else "is not a number"
            raise BadRows(
                S503,
                f"`{shortened(texts[bad][0])}` in {{rows}} {what}, and rows are ordered by `{self.name}`",
                bad,
                origin,
                "order by numbers, or by dates like 2024-02-29 and 2024-02-29 13:45",
            )
        return np.array([np.nan if one is None else one for one in parsed], np.float64)


@dataclass(frozen=True, slots=True)
class Group:
    """Whole numbers or texts; rows of equal value stay in one split."""

    name: str

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        values = column.astype(str).astype(object) if column.dtype.kind == "M" else stripped(scalars(column, "group"))
        absent = missing(values)
        _all_there(f"the group of {{rows}} is missing: `{self.name}` is empty", absent, origin)
        # One part of a column may have been read as floats and another as whole numbers.
        whole = values.dtype.kind in "biu" or (values.dtype.kind == "f" and bool((values == np.floor(values)).all()))
        if whole:
            return values.astype(np.int64)
        return values if values.dtype.kind == "O" else values.astype(str).astype(object)


def _all_there(told: str, absent: Array, origin: Origin) -> None:
    if absent.any():
        raise BadRows(S503, told, absent, origin, "fill it in, or leave these rows out")


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _date(text: str) -> float | None:
    """Microseconds since 1970; a time without a zone is taken for one of UTC."""
    text = text.replace("/", "-")
    try:
        moment = datetime.fromisoformat(f"{text}-01" if MONTH.fullmatch(text) else text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return float((moment - EPOCH) // MICROSECOND)
