"""`tensor`: numbers that are ready as they lie, all in one field or each in a column of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S104, S105, S503, S504
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State
from specc.kinds.features._columns import COLUMNS, arrays, numbers, scalars, unbounded
from specc.tensors import Tensor as Symbol

DTYPES = (
    *("float16", "float32", "float64"),
    *("int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
    "bool",
)


BOXES = ("xyxy", "yxyx", "xywh", "center_xywh", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")
"""How Keras's layers write a box; `rel` is in parts of the picture's width and height, the others in its pixels."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """An array of numbers, as given."""

    numeric: ClassVar[bool] = True

    shape: Sequence[int] | None = argument(
        "the shape of one example, without the batch; left out: as the arrays have it",
        {"type": "array", "items": {"type": "integer", "minimum": 1}},
        default=None,
    )
    dtype: str = argument("what the network gets", {"enum": list(DTYPES)}, default="float32")
    columns: Sequence[str | int] | None = argument(
        "the columns that hold one number each, instead of one that holds all; they fill `shape` row by row",
        COLUMNS,
        default=None,
    )
    boxes: str | None = argument(
        "as a target, its four last numbers are a box on the picture that the network gets, written as Keras does: "
        "`augment` moves it with the picture",
        {"enum": list(BOXES)},
        default=None,
    )

    def __post_init__(self) -> None:
        if self.columns is not None and self.shape is not None and prod(self.shape) != len(self.columns):
            raise Refusal(
                S105,
                f"`shape` {list(self.shape)} has {prod(self.shape)} values, and there are {len(self.columns)} columns",
                "leave `shape` out for one value a column",
                "shape",
            )
        if self.boxes is None:
            return
        if self.shape is None or len(self.shape) not in (1, 2) or self.shape[-1] != 4:
            told = "boxes have the shape [4], or [N, 4] for N of them"
            raise Refusal(S105, told, "add `shape: [N, 4]`; a row without area stands for no box", "boxes")
        if not self.dtype.startswith("float"):
            raise Refusal(
                S105, f"boxes are moved in fractions, and {self.dtype} has none", "leave `dtype` out", "dtype"
            )

    def _shape(self, state: State | None) -> tuple[int, ...] | None:
        if self.shape is not None:
            return tuple(self.shape)
        if self.columns is not None:
            return (len(self.columns),)
        return None if state is None else tuple(state["shape"])

    def tensor(self, state: State | None = None) -> Symbol:
        shape = self._shape(state)
        return Symbol(None if shape is None else (None, *shape), self.dtype)

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        shape = self._shape(state)
        return {} if shape is None else {"shape": list(shape)}

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        shape = self._shape(state)
        column = arrays(column, origin, shape)
        if self.columns is not None and column.shape[1:] == (len(self.columns),):
            column = self._filled(column, origin)
        if column.dtype.kind not in "biuf":
            column = numbers(scalars(column, "tensor"), origin)
        if shape is not None and column.shape[1:] != shape:
            if column.shape[1:] not in ((), (1,)) or shape not in ((), (1,)):
                raise Refusal(
                    S503,
                    f"an example of this column has shape {list(column.shape[1:])}, and {list(shape)} is declared",
                    f"`shape: {list(column.shape[1:])}`, and a `Reshape` in the network where it needs another",
                )
            column = column.reshape(len(column), *shape)
        if column.dtype == self.dtype and column.dtype.kind != "f":
            return column
        if column.dtype.kind == "f" and (bad := unbounded(column)).any():
            remedy = "correct the rows, or leave them out"
            raise BadRows(S503, "{rows} holds NaN or an infinity", bad, origin, remedy)
        if column.dtype == self.dtype:
            return column
        with np.errstate(over="ignore", invalid="ignore"):
            values = column.astype(self.dtype)
        if values.dtype.kind == "f":
            bad = unbounded(values)
        else:
            changed = (values.astype(column.dtype) != column) | ((values < 0) != (column < 0))
            bad = changed.any(axis=tuple(range(1, column.ndim)))
        if bad.any():
            remedy = f"`dtype: {'float32' if column.dtype.kind == 'f' else column.dtype}`"
            raise BadRows(S504, f"{{rows}} holds values that {self.dtype} cannot", bad, origin, remedy)
        return values

    def _filled(self, columns: Array, origin: Origin) -> Array:
        """Columns side by side, [rows, columns], as numbers in the shape that they fill."""
        if columns.dtype.kind not in "biuf":
            named = zip(columns.T, self.columns or (), strict=True)
            read = [numbers(scalars(side, "tensor"), replace(origin, column=str(name))) for side, name in named]
            columns = np.stack(read, axis=1)
        return columns.reshape(len(columns), *(self._shape(None) or ()))

    def learn(self) -> Learning:
        shape = self._shape(None)
        while (sent := (yield)) is not None:
            shape = sent[0].shape[1:]
        return {"raw": self.dtype, "shape": list(shape or ())}

    def raw(self, state: State) -> Symbol:
        return self.tensor(state)

    def kept(self, state: State) -> str:
        return self.dtype

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        return tf.identity(values)

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        size: tuple[int, ...]
        if self.columns is not None:
            size = (rows,)
        elif self.shape is not None:
            size = (rows, *self.shape)
        else:
            raise Refusal(S104, "made-up examples need to know their shape", "add `shape`")
        if np.dtype(self.dtype).kind == "f":
            return generator.standard_normal(size, dtype=np.float32)
        return generator.integers(2, size=size)
