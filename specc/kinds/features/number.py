"""`number`: a measurement. A missing one is NaN, or what `impute` says.

With `bins` it becomes the number of the bin that it lies in: of how many bounds it is not below. A bound is the least
float32 that is not below what was asked for, so that comparing with it in float32 says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S105, S503
from specc.diagnostics import Refusal
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State, missing
from specc.kinds.features._columns import numbers, scalars
from specc.kinds.features._moments import Moments
from specc.tensors import Tensor


@dataclass(frozen=True, slots=True)
class Number:
    """A measurement, float [1], or the number of a bin: cut to `clip`, filled by `impute`, then scaled or binned."""

    numeric: ClassVar[bool] = True

    impute: str | float | None = argument(
        "what stands for a missing value: the training rows' mean or median, or a number",
        {"anyOf": [{"enum": ["mean", "median"]}, {"type": "number"}]},
        default=None,
    )
    scale: str = argument(
        "standard: mean 0 and deviation 1 over the training rows; minmax: from 0 to 1 over them",
        {"enum": ["standard", "minmax", "none"]},
        default="none",
    )
    clip: Sequence[float] | None = argument(
        "the lowest and the highest value, in the units of the data; what lies beyond becomes the bound",
        {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        default=None,
    )
    bins: int | Sequence[float] | None = argument(
        "how many bins that share the training rows evenly; or the bounds between bins, a value on one being above it",
        {
            "anyOf": [
                {"type": "integer", "minimum": 2},
                {"type": "array", "items": {"type": "number"}, "minItems": 1, "uniqueItems": True},
            ]
        },
        default=None,
    )

    def __post_init__(self) -> None:
        if self.bins is not None and self.scale != "none":
            raise Refusal(S105, "the number of a bin has no scale", "leave out `scale`, or `bins`", "scale")
        if self._bounds is not None and (np.diff(self._bounds) <= 0).any():
            raise Refusal(S105, "the bounds of `bins` do not ascend", "give the lowest first, each once", "bins")
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise Refusal(
                S105,
                f"`clip` from {self.clip[0]:g} to {self.clip[1]:g} leaves no values",
                "give the lower bound first",
                "clip",
            )

    @property
    def is_class(self) -> bool:
        """Is its value the number of a bin?"""
        return self.bins is not None

    @property
    def _bounds(self) -> Array | None:
        """The bounds that are given."""
        return None if self.bins is None or isinstance(self.bins, int) else _not_below(np.array(self.bins, np.float64))

    def tensor(self, state: State | None = None) -> Tensor:
        return Tensor((None, 1), "float32") if self.bins is None else Tensor((None,), "int32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        if self.bins is None:
            return {"shape": [1]}
        # Where few values differ, fewer bins than were asked for have any: the others stay empty.
        facts = {"shape": [], "classes": self.bins if isinstance(self.bins, int) else len(self.bins) + 1}
        bounds = self._bounds if state is None else state["bounds"]
        return facts if bounds is None else facts | {"vocabulary": _names(bounds)}

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        with np.errstate(over="ignore"):  # told below
            values = numbers(scalars(column, "number"), origin).astype(np.float32)
        if self.impute is None and (absent := missing(values)).any():
            remedy = "say what stands for it: `impute: median`, `impute: mean` or a number"
            raise BadRows(S503, "the value in {rows} is missing", absent, origin, remedy)
        if (beyond := np.isinf(values)).any():
            raise BadRows(S503, "the number in {rows} is beyond float32", beyond, origin, "store it in larger units")
        return values

    def learn(self) -> Learning:
        moments, absent = Moments(), 0
        kept: list[Array] = []  # Quantiles need every value at once.
        while (sent := (yield)) is not None:
            values, times = sent
            values = values if times is None else np.repeat(values, times)
            observed = values[~np.isnan(values)]
            absent += len(values) - len(observed)
            if self.clip is not None:
                observed = observed.clip(self.clip[0], self.clip[1])
            moments.add(observed.astype(np.float64))
            if self.impute == "median" or isinstance(self.bins, int):
                kept.append(observed)
        learns = self.impute in ("mean", "median") or self.scale != "none" or isinstance(self.bins, int)
        if not moments.count and learns:
            raise Refusal(S503, "every training row lacks this value, so nothing can be learnt from it")
        state: dict[str, Any] = {"raw": "float32"}
        match self.impute:
            case "mean":
                state["fill"] = moments.mean
            case "median":
                state["fill"] = float(np.median(np.concatenate(kept).astype(np.float64)))
            case float() | int():
                state["fill"] = float(self.impute)
        if self._bounds is not None:
            state["bounds"] = self._bounds.tolist()
        elif isinstance(self.bins, int):
            filled = np.concatenate([*kept, np.full(absent, state.get("fill", 0.0), np.float32)]).astype(np.float64)
            inner = np.quantile(filled, np.linspace(0, 1, self.bins + 1)[1:-1])
            # Nothing lies below the least value: a bound there would part nothing.
            state["bounds"] = [bound for bound in np.unique(_not_below(inner)).tolist() if bound > filled.min()]
        moments.repeat(state.get("fill", 0.0), absent)
        match self.scale:
            case "standard":
                state |= {"center": moments.mean, "spread": moments.deviation}
            case "minmax":
                state |= {"center": moments.least, "spread": moments.greatest - moments.least}
        if "spread" in state and moments.least == moments.greatest:
            state["spread"] = 1.0  # a value that never changes has no deviation: it becomes 0, not NaN
        return state

    def raw(self, state: State) -> Tensor:
        return Tensor((None,), "float32")

    def kept(self, state: State) -> str:
        return "float32" if self.bins is None else "uint8" if self.facts()["classes"] <= 256 else "int32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        if self.clip is not None:
            values = tf.clip_by_value(values, *(tf.constant(b, tf.float32) for b in self.clip))
        if "fill" in state:
            values = tf.where(tf.math.is_nan(values), tf.constant(state["fill"], tf.float32), values)
        if "bounds" in state:
            return self._bin(tf, values, state["bounds"])
        if "spread" in state:
            values = (values - state["center"]) / state["spread"]
        return values[:, None]

    def _bin(self, tf: ModuleType, values: Any, bounds: Sequence[float]) -> Any:
        """How many bounds a value is not below."""
        check = tf.debugging.Assert(
            ~tf.reduce_any(tf.math.is_nan(values)), ["a missing number lies in no bin:", values]
        )
        with tf.control_dependencies([] if check is None else [check]):
            return tf.searchsorted(tf.constant(bounds, tf.float32), values, side="right")

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output * state["spread"] + state["center"] if "spread" in state else output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        if self.clip is None:
            return generator.standard_normal(rows)
        return generator.uniform(self.clip[0], self.clip[1], rows)


def _not_below(bounds: Array) -> Array:
    """For each bound the least float32 that is not below it."""
    near = bounds.astype(np.float32)
    return np.where(near.astype(np.float64) < bounds, np.nextafter(near, np.float32(np.inf)), near)


def _names(bounds: Iterable[float]) -> list[str]:
    """What each bin holds, in words."""
    told = [str(np.float32(bound)).removesuffix(".0") for bound in bounds]
    if not told:
        return ["any"]
    inner = [f"{low} to {high}" for low, high in pairwise(told)]
    return [f"below {told[0]}", *inner, f"{told[-1]} and above"]
