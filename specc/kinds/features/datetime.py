"""`datetime`: a date, or a date and a time, as numbers that a network can use.

Parts are those of the clock on the wall where it was written: an offset from UTC is read and changes nothing. Each
goes from 0 to just below 1 over its whole range, a year by hundreds from 2000; as `hour_sin` and `hour_cos` a part is a
point on a circle, so that 23 and 0 lie side by side.
"""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State
from specc.kinds.features._columns import scalars, shortened
from specc.tensors import Tensor

RANGES = {
    "year": (2000, 100),
    "month": (1, 12),
    "day": (1, 31),
    "dayofyear": (1, 366),
    "weekday": (0, 7),
    "hour": (0, 24),
    "minute": (0, 60),
    "second": (0, 60),
}
"""For each part its first value, and how many there are. Monday is weekday 0."""

CYCLES = tuple(f"{part}_{turn}" for part in RANGES if part != "year" for turn in ("sin", "cos"))

ISO = r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
"""The dates and times of ISO 8601 that are read, here and by TensorFlow."""

NUMBERS = r"\1 \2 \3 0\4 0\5 0\6"
"""The six numbers of one; what is not there is 0."""

BEFORE_MONTH = (0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
"""The days of a common year before the first of each month."""


@dataclass(frozen=True, slots=True)
class Datetime:
    """A date and a time, ISO 8601, as its parts: float [parts]."""

    numeric: ClassVar[bool] = False

    parts: Sequence[str] = argument(
        "what of it the network gets, each from 0 to 1; with `_sin` and `_cos`, as a point on a circle",
        {"type": "array", "items": {"enum": [*RANGES, *CYCLES]}, "minItems": 1, "uniqueItems": True},
    )

    def tensor(self, state: State | None = None) -> Tensor:
        return Tensor((None, len(self.parts)), "float32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        return {"shape": [len(self.parts)]}

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        values = _texts(column)
        if (absent := np.asarray(values == "", dtype=bool)).any():
            told = "the date in {rows} is missing"
            raise BadRows(S503, told, absent, origin, "correct the rows, or leave them out")
        whole = re.compile(ISO, re.ASCII)
        if (bad := np.array([not _is_date(whole, text) for text in values], bool)).any():
            text = shortened(values[int(np.flatnonzero(bad)[0])])
            remedy = "write dates as ISO 8601 does: 2024-02-29, or 2024-02-29T23:59:00"
            raise BadRows(S503, f"`{text}` in {{rows}} is no date", bad, origin, remedy)
        return values

    def learn(self) -> Learning:
        while (yield) is not None:
            pass
        return {"raw": "string"}

    def raw(self, state: State) -> Tensor:
        return Tensor((None,), "string")

    def kept(self, state: State) -> str:
        return "float32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        read = tf.strings.regex_full_match(values, ISO)
        texts = tf.where(read, tf.strings.regex_replace(values, f"^{ISO}$", NUMBERS), "0 0 0 0 0 0")
        numbers = tf.strings.to_number(tf.strings.split(texts).flat_values, tf.int32)
        year, month, day, hour, minute, second = tf.unstack(tf.reshape(numbers, (-1, 6)), axis=1)
        before = _days_before(tf, year)
        leap = _days_before(tf, year + 1) - before - 365
        index = tf.clip_by_value(month, 0, 12)
        first = tf.gather(tf.constant(BEFORE_MONTH), index) + tf.where(month > 2, leap, 0)
        longest = tf.gather(tf.constant([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]), index)
        longest += tf.where(month == 2, leap, 0)
        good = read & (year >= 1) & (month <= 12) & (day >= 1) & (day <= longest)
        good &= (hour < 24) & (minute < 60) & (second < 60)
        check = tf.debugging.Assert(tf.reduce_all(good), ["a date cannot be read:", values])
        with tf.control_dependencies([] if check is None else [check]):
            dayofyear = first + day
        # The first of January of the year 1 was a Monday.
        weekday = tf.math.floormod(before + dayofyear - 1, 7)
        found = {"year": year, "month": month, "day": day, "dayofyear": dayofyear, "weekday": weekday}
        found |= {"hour": hour, "minute": minute, "second": second}
        return tf.stack([_scaled(tf, part, found) for part in self.parts], axis=1)

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        seconds = generator.integers(0, 2**31, size=rows)
        return _texts(np.array("1970-01-01", "datetime64[s]") + seconds.astype("timedelta64[s]"))


def _texts(column: Array) -> Array:
    """A column as ISO 8601 has it; a value that is none is empty."""
    if column.dtype.kind == "O":
        column = np.array([v.isoformat() if isinstance(v, datetime.date) else v for v in column], dtype=object)
    if column.dtype.kind != "M":
        values = scalars(column, "datetime")
        return values if values.dtype.kind == "O" else values.astype(str).astype(object)
    if column.ndim != 1:
        raise Refusal(S503, f"an example of this column is an array of shape {column.shape[1:]}, not one date")
    texts = np.datetime_as_string(column.astype("datetime64[s]")).astype(object)
    return np.where(np.isnat(column), "", texts)


def _is_date(whole: re.Pattern[str], text: str) -> bool:
    if not (match := whole.fullmatch(text)):
        return False
    year, month, day, *time = (int(part or 0) for part in match.groups())
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return False
    return all(part < limit for part, limit in zip(time, (24, 60, 60), strict=True))


def _days_before(tf: ModuleType, year: Any) -> Any:
    """The days from the first of January of the year 1 to that of a year."""
    past = year - 1
    return 365 * past + past // 4 - past // 100 + past // 400


def _scaled(tf: ModuleType, name: str, found: Mapping[str, Any]) -> Any:
    part, _, turn = name.partition("_")
    first, count = RANGES[part]
    # A graph would multiply by the inverse where it is told to divide, and differ in the last digit.
    share = tf.cast(found[part] - first, tf.float32) * tf.constant(1 / count, tf.float32)
    if not turn:
        return share
    angle = share * tf.constant(2 * np.pi, tf.float32)
    return tf.sin(angle) if turn == "sin" else tf.cos(angle)
