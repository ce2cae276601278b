"""Features: what a field of the data is, what it learns from data, and the arithmetic from raw field to tensor."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Protocol, TypeAlias

from specc.diagnostics import Code, Refusal
from specc.kinds.arrays import Array, np
from specc.tensors import Tensor

State = Mapping[str, Any]
"""What a feature learnt from the training split, plain data that JSON can hold: means, vocabularies.

`raw` is always there: the dtype of the raw field by its name. `files` is there when the values that `read` gives are
files, whose bytes are the raw field: `names` of them, as texts, or, in some rows at least, their `contents`, as bytes.
"""

NAMES, PACKED = "names", "contents"
"""The two forms of files."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows of a column came from: their names, for messages, and the folder that file names start from."""

    where: Callable[[int], str]
    folder: Path
    column: str = ""
    """The column, where messages should name it."""

    def rows(self, bad: Array, count: int | None = None) -> str:
        """The rows that a mask picks: `titanic.csv:7`, or `titanic.csv:7 and 176 other rows`; or so many of which the
        first is the mask's."""
        at = np.flatnonzero(bad)
        return others(self.row(int(at[0])), len(at) if count is None else count)

    def row(self, number: int) -> str:
        """One row."""
        return self.where(number) + (f" (column `{self.column}`)" if self.column else "")

    def after(self, start: int, column: str = "") -> Origin:
        """That of the rows from `start` on, of one column."""
        return Origin(lambda row: self.where(start + row), self.folder, column)


def others(first: str, count: int) -> str:
    """So many rows, of which the first is named."""
    return first + {1: "", 2: " and 1 other row"}.get(count, f" and {count - 1:,} other rows")


class BadRows(Refusal):
    """Some rows hold what a feature cannot read: `bad` is a mask of them. `{rows}` in the message names them."""

    def __init__(self, code: Code, message: str, bad: Array, origin: Origin, help: str = "") -> None:
        super().__init__(code, message.replace("{rows}", origin.rows(bad)), help)
        self.template = message
        self.bad = bad
        self.origin = origin

    def told(self, count: int) -> str:
        """The message, for so many rows instead of those of the mask."""
        return self.template.replace("{rows}", self.origin.rows(self.bad, count))


def missing(values: Array) -> Array:
    """Which rows of what a feature read hold no value: NaN among numbers, empty among texts."""
    if values.dtype.kind == "O":
        return np.asarray(values == "", dtype=bool)
    if values.dtype.kind == "f" and values.ndim == 1:
        return np.isnan(values)
    return np.zeros(len(values), dtype=bool)


Learning: TypeAlias = "Generator[None, tuple[Array, Array | None] | None, State]"
"""A pass over training rows: it is sent values as `read` gave them, some at a time, and None in the end.

Beside the values stands how often each occurs, or None where each is one row.
"""


def learnt(learning: Learning, chunks: Iterable[tuple[Array, Array | None]]) -> State:
    """What a feature learns from chunks of values.

    Raises:
        Refusal: as `Feature.learn` says.
    """
    next(learning)
    for chunk in chunks:
        learning.send(chunk)
    return taught(learning)


def taught(learning: Learning) -> State:
    """What was learnt in a pass that has come to its end."""
    try:
        learning.send(None)
    except StopIteration as stop:
        state: State = stop.value
        return state
    raise RuntimeError("a pass went on after its end")


def columns(feature: Feature, column: str) -> tuple[str, ...]:
    """The columns of the data that a feature reads: its own `columns` where it has several, else the one given."""
    return tuple(str(name) for name in getattr(feature, "columns", None) or (column,))


def offsets(feature: Feature) -> tuple[int, ...] | None:
    """The rows that are one example together, counted from the example's own; None where an example is one row."""
    of_window: tuple[int, ...] | None = getattr(feature, "offsets", None)
    return of_window


def takes_files(feature: Feature | None) -> bool:
    """Can it read files, by their names or their bytes? A feature may say so with `takes_files`."""
    return bool(getattr(feature, "takes_files", False))


def is_class(feature: Feature) -> bool:
    """Are its values the numbers of classes, one or many an example? A feature may say so with `is_class`."""
    return bool(getattr(feature, "is_class", False))


def ignored(feature: Feature) -> int | None:
    """The value that stands, in a target, for what counts neither in losses nor in metrics: its `ignore_class`."""
    value: int | None = getattr(feature, "ignore_class", None)
    return value


class Feature(Protocol):
    """A file of this folder: frozen, its fields the properties of the feature.

    One arithmetic: `prepare` is what training, evaluation and the served model all run. It gets TensorFlow as an
    argument, so that checking a spec never imports it. Properties that contradict one another are a Refusal (S105,
    with the `argument` at fault) when the feature is made.
    """

    numeric: ClassVar[bool]
    """Whether a reader that has only texts should give numbers, where all of them are.

    A feature of files may have `contents(data)`, which gives the bytes of a file as the served model takes them and
    raises ValueError when that cannot be; without it, they are as the file has them. `formats` is then what to do with
    one that cannot be decoded.
    """

    def tensor(self, state: State | None = None) -> Tensor:
        """What the network receives, batch dimension first; `state` sharpens what only data can tell."""

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        """What `${inputs.NAME.…}` may ask for, as far as it is known: `shape`, `classes`, `vocabulary`."""

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        """The raw field as it will be served: a column as the reader gave it, in the raw dtype, every value checked.

        With a `state`, also against what was learnt. What it gave it takes again, unchanged.

        A row's value depends on nothing but that row, so that distinct values can be read instead of all rows.

        Raises:
            BadRows: S503 for values that cannot be read, S504 for those out of range.
            Refusal: when the column as a whole is of no use.
        """

    def learn(self) -> Learning:
        """One pass over the training rows, as `read` gave them.

        Raises:
            Refusal: S503 or S504 when these rows cannot teach it (all missing, more classes than declared).
        """

    def raw(self, state: State) -> Tensor:
        """The raw field of the served model, batch dimension first."""

    def kept(self, state: State) -> str:
        """The smallest dtype that holds what `prepare` gives without loss: what a split is kept in in memory."""

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        """A batch of raw values to the network's tensor, in TensorFlow's own graph operations."""

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        """The inverse for a target: what the network answers, in the units of the raw field."""

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        """A column of made-up values, as a reader would give it, for the reader `random`.

        Raises:
            Refusal: S104 when the feature leaves open what only data could tell.
        """
