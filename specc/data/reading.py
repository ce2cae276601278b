"""The values of a column checked, a part at a time: by a feature, or as a key; and what is wrong with some of them."""

from __future__ import annotations

from dataclasses import dataclass

from specc.codes import S503, S504
from specc.data.keys import Readable
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Origin, State, missing
from specc.kinds.readers import Coded, Column
from specc.plan import LookUp


@dataclass(frozen=True, slots=True)
class Reading:
    """How the values of a column are read."""

    by: Readable
    state: State | None
    target: bool
    looked_up: LookUp | None = None

    def read(self, column: Column, origin: Origin) -> Column:
        """The values of a column; of one in which few differ, each is read once."""
        values = column.values if isinstance(column, Coded) else column
        try:
            read = self.by.read(values, origin, self.state)
            if self.target and (absent := missing(read)).any():
                raise BadRows(
                    S503,
                    "the target in {rows} is missing",
                    absent,
                    origin,
                    "there is nothing to learn from these rows: leave them out",
                )
            if self.looked_up is not None:
                within(self.looked_up, read, origin)
        except BadRows as refusal:
            if not isinstance(column, Coded):
                raise
            raise BadRows(refusal.code, refusal.template, refusal.bad[column.codes], origin, refusal.help) from None
        return Coded(read, column.codes) if isinstance(column, Coded) else read

    def told(self, refusal: BadRows, column: Column, origin: Origin, row: int) -> str:
        """What is wrong with one row of those at fault: each has its own value, and maybe its own fault."""
        alone = np.array([row])
        try:
            self.read(column[alone], picked(origin, alone))
        except BadRows as its_own:
            return its_own.message
        except Refusal:
            pass  # Of a column of one row alone, in which it is not the odd one.
        return refusal.template.replace("{rows}", origin.row(row))


def within(into: LookUp, values: Array, origin: Origin) -> None:
    """Refuse rows that hold an index without an entry: a CPU would stop at it, and a GPU go on with zeros.

    As `keras.ops.take` has it, indices count from the end where they are negative, and lose their fraction.

    Raises:
        BadRows: S504.
    """
    most = into.entries
    if values.dtype.kind == "b" or not values.size or (-most - 1 < values.min() and values.max() < most):
        return
    outside = np.any((values <= -most - 1) | (values >= most), axis=tuple(range(1, values.ndim)))
    raise BadRows(
        S504,
        f"{{rows}} holds indices that `{into.step}` does not have: `{into.argument}: {most}` is from 0 to {most - 1}",
        np.asarray(outside),
        origin,
        f"let `{into.argument}` be above every index",
    )


@dataclass(slots=True)
class Fault:
    """What is wrong with a column, met first in one block, and in how many rows."""

    refusal: Refusal
    count: int = 0

    def whole(self) -> Refusal:
        """Told once, with the count of all rows at fault."""
        if not isinstance(self.refusal, BadRows):
            return self.refusal
        return Refusal(self.refusal.code, self.refusal.told(self.count), self.refusal.help)


def plain(column: Column) -> Array:
    """A column as an array, a value a row."""
    return column.values[column.codes] if isinstance(column, Coded) else column


def picked(origin: Origin, rows: Array) -> Origin:
    """That of some rows."""
    return Origin(lambda row: origin.where(int(rows[row])), origin.folder, origin.column)


def spread(column: Column, rows: Array, count: int) -> Array:
    """Values of some rows among all rows; the others have no value of any meaning."""
    values = plain(column)
    spread = np.zeros((count, *values.shape[1:]), values.dtype)
    if values.dtype.kind == "O":
        spread.fill("")
    spread[rows] = values
    return spread
