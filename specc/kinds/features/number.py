"""`number`: a measurement. A missing one is NaN, or what `impute` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """A measurement, float [1]: cut to `clip`, then filled by `impute`, then brought to `scale`."""

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

    def __post_init__(self) -> None:
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise Refusal(
                S105,
                f"`clip` from {self.clip[0]:g} to {self.clip[1]:g} leaves no values",
                "give the lower bound first",
                "clip",
            )

    def tensor(self, state: State | None = None) -> Tensor:
        return Tensor((None, 1), "float32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        return {"shape": [1]}

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
        kept: list[Array] = []  # The median needs every value at once.
        while (sent := (yield)) is not None:
            values, times = sent
            values = values if times is None else np.repeat(values, times)
            observed = values[~np.isnan(values)]
            absent += len(values) - len(observed)
            if self.clip is not None:
                observed = observed.clip(self.clip[0], self.clip[1])
            moments.add(observed.astype(np.float64))
            if self.impute == "median":
                kept.append(observed)
        if not moments.count and (self.impute in ("mean", "median") or self.scale != "none"):
            raise Refusal(S503, "every training row lacks this value, so nothing can be learnt from it")
        state: dict[str, Any] = {"raw": "float32"}
        match self.impute:
            case "mean":
                state["fill"] = moments.mean
            case "median":
                state["fill"] = float(np.median(np.concatenate(kept).astype(np.float64)))
            case float() | int():
                state["fill"] = float(self.impute)
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
        return "float32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        if self.clip is not None:
            values = tf.clip_by_value(values, *(tf.constant(b, tf.float32) for b in self.clip))
        if "fill" in state:
            values = tf.where(tf.math.is_nan(values), tf.constant(state["fill"], tf.float32), values)
        if "spread" in state:
            values = (values - state["center"]) / state["spread"]
        return values[:, None]

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output * state["spread"] + state["center"] if "spread" in state else output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        values = generator.standard_normal(rows)
        return values if self.clip is None else generator.uniform(self.clip[0], self.clip[1], rows)
