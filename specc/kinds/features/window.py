"""`window`: rows of a series that stand one after the other, as one example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S104, S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State
from specc.kinds.features._columns import COLUMNS, numbers, scalars
from specc.kinds.features._moments import Moments
from specc.tensors import Tensor

COUNT = {"type": "integer", "minimum": 1}


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of a series around the row of the example, float [rows, columns], each column brought to `scale`.

    `past` rows end with the example's own, `future` rows begin after it. An input takes the past; a target the future;
    an input with both what is known beforehand, like the hour.
    """

    numeric: ClassVar[bool] = True

    columns: Sequence[str | int] | None = argument(
        "the columns side by side; left out, the one that the feature is named after", COLUMNS, default=None
    )
    past: int | None = argument("how many rows, of which the example's own is the last", COUNT, default=None)
    future: int | None = argument("how many rows after the example's own", COUNT, default=None)
    stride: int | None = argument(
        "how many rows lie between an example and the next; the same for every window, 1 when left out",
        COUNT,
        default=None,
    )
    scale: str = argument(
        "standard: mean 0 and deviation 1 over the training rows, column by column; minmax: from 0 to 1 over them",
        {"enum": ["standard", "minmax", "none"]},
        default="none",
    )

    def __post_init__(self) -> None:
        if self.past is None and self.future is None:
            raise Refusal(
                S104,
                "a window needs `past` or `future`",
                "write `past: 24` for what the network sees, `future: 24` for what it is to say",
            )

    @property
    def offsets(self) -> tuple[int, ...]:
        """Its rows, counted from the example's own."""
        return tuple(range(1 - (self.past or 0), 1 + (self.future or 0)))

    @property
    def _form(self) -> tuple[int, int]:
        return len(self.offsets), len(self.columns or ("",))

    def tensor(self, state: State | None = None) -> Tensor:
        return Tensor((None, *self._form), "float32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        return {"shape": list(self._form)}

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        """Rows of a table, [rows, columns]; or windows as they are served, [windows, rows, columns]."""
        if column.ndim == 3:
            return self._served(column, origin)
        sides = [column] if column.ndim == 1 else list(column.T)
        if len(sides) != self._form[1]:
            raise Refusal(
                S503,
                f"a row of this column has {len(sides)} values, and the window has {self._form[1]} columns",
                "give each its column, and name them in `columns`",
            )
        read = [numbers(scalars(side, "window"), origin) for side in sides]
        return _checked(np.stack(read, axis=1), origin)

    def _served(self, windows: Array, origin: Origin) -> Array:
        if windows.shape[1:] != self._form:
            rows, columns = self._form
            raise Refusal(
                S503,
                f"a window of shape {list(windows.shape[1:])} was given, and {[rows, columns]} is needed",
                f"give {rows} rows, the earliest first, of {columns} {'value' if columns == 1 else 'values'} each",
            )
        return _checked(windows.astype(np.float64), origin)

    def learn(self) -> Learning:
        every = [Moments() for _ in range(self._form[1])]
        while (sent := (yield)) is not None:
            values, times = sent
            values = values if times is None else np.repeat(values, times, axis=0)
            for moments, side in zip(every, values.T, strict=True):
                moments.add(side.astype(np.float64))
        state: dict[str, Any] = {"raw": "float32"}
        match self.scale:
            case "standard":
                state |= {"center": [m.mean for m in every], "spread": [m.deviation or 1.0 for m in every]}
            case "minmax":
                state |= {"center": [m.least for m in every], "spread": [m.greatest - m.least or 1.0 for m in every]}
        return state

    def raw(self, state: State) -> Tensor:
        return Tensor((None, *self._form), "float32")

    def kept(self, state: State) -> str:
        return "float32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        """Rows or windows: columns come last in both."""
        if "spread" not in state:
            return tf.identity(values)
        return (values - tf.constant(state["center"], tf.float32)) / tf.constant(state["spread"], tf.float32)

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        if "spread" not in state:
            return output
        return output * tf.constant(state["spread"], output.dtype) + tf.constant(state["center"], output.dtype)

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        return generator.standard_normal(rows)


def _checked(values: Array, origin: Origin) -> Array:
    """As float32, every number there and finite."""
    within = tuple(range(1, values.ndim))
    with np.errstate(over="ignore"):  # told below
        narrow = values.astype(np.float32)
    if (absent := np.asarray(np.isnan(narrow).any(axis=within))).any():
        remedy = "fill it in beforehand, or leave it to `on_error: skip` to pass over the windows that it is in"
        raise BadRows(S503, "a value of the series in {rows} is missing", absent, origin, remedy)
    if (beyond := np.asarray(np.isinf(narrow).any(axis=within))).any():
        told = "a value of the series in {rows} is infinite, or beyond float32"
        raise BadRows(S503, told, beyond, origin, "store a finite number, in larger units")
    return narrow
