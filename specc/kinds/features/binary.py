"""`binary`: yes or no, as a float 1 or 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S503
from specc.diagnostics import Refusal, nearest
from specc.kinds import argument
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State, missing
from specc.kinds.features._columns import BLANKS, numbers, scalars, shortened, stripped
from specc.tensors import Tensor

YES, NO = ("1", "true", "yes"), ("0", "false", "no")

SHOWN = 1000
"""How many different values are looked at for what `positive` may have meant."""


@dataclass(frozen=True, slots=True)
class Binary:
    """Yes or no: float [1], 1 or 0."""

    numeric: ClassVar[bool] = False

    positive: str | float | bool | None = argument(
        "the value that becomes 1; every other becomes 0. Left out: 1, true and yes against 0, false and no",
        {"type": ["string", "number", "boolean"]},
        default=None,
    )

    def tensor(self, state: State | None = None) -> Tensor:
        return Tensor((None, 1), "float32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        return {"shape": [1]}

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        values = stripped(scalars(column, "binary"))
        if values.dtype.kind == "O" and state is not None and state["raw"] != "string":
            values = numbers(values, origin)
        elif values.dtype.kind != "O" and state is not None and state["raw"] == "string":
            values = np.array([_shown(v) for v in values.tolist()], dtype=object)
        elif values.dtype.kind != "O":
            values = values.astype(np.float32)
        if (absent := missing(values)).any():
            remedy = "correct the rows, or leave them out"
            raise BadRows(S503, "the value in {rows} is missing", absent, origin, remedy)
        if self.positive is None:
            self._check(values, origin)
        return values

    def _check(self, values: Array, origin: Origin) -> None:
        if values.dtype.kind == "O":
            strange = {v for v in set(values.tolist()) if v.strip().lower() not in YES + NO}
            bad = np.array([v in strange for v in values.tolist()]) if strange else np.zeros(0, bool)
        else:
            bad = (values != 0) & (values != 1)
        if not bad.any():
            return
        value = values[int(np.flatnonzero(bad)[0])]
        shown = _shown(value)
        raise BadRows(
            S503,
            f"`{shown}` in {{rows}} is neither 0 nor 1, true nor false, yes nor no",
            bad,
            origin,
            f"say which value is 1: `positive: {shown}`",
        )

    def learn(self) -> Learning:
        raw, there, found = "float32", set[str](), self.positive is None
        while (sent := (yield)) is not None:
            raw = "string" if sent[0].dtype.kind == "O" else raw
            there |= {_shown(v) for v in set(sent[0].tolist())} if len(there) < SHOWN else set()
            found = found or bool(self._is_positive(sent[0], raw).any())
        if self.positive is not None and not found:
            close = nearest(self._text, sorted(there))
            shown = ", ".join(f"`{v}`" for v in sorted(there)[:5])
            raise Refusal(
                S503,
                f"no training row has the value `{self._text}` that `positive` names",
                f'did you mean `positive: "{close}"`?'
                if close
                else f"the values are {shown}{', …' if len(there) > 5 else ''}",
            )
        return {"raw": raw}

    @property
    def _text(self) -> str:
        """The positive value as a text column has it."""
        if isinstance(self.positive, str):
            return self.positive.strip(BLANKS)
        return str(self.positive).lower() if isinstance(self.positive, bool) else _shown(self.positive or 0)

    def _is_positive(self, values: Array, raw: str) -> Array:
        if raw == "string":
            return np.asarray(values == self._text, dtype=bool)
        return np.asarray(values == self._number, dtype=bool)

    @property
    def _number(self) -> float:
        """The positive value as a column of numbers has it; NaN, which equals nothing, where it is a word."""
        try:
            return float(np.float32(1 if self.positive is None else self.positive))
        except ValueError:
            return float("nan")

    def raw(self, state: State) -> Tensor:
        return Tensor((None,), state["raw"])

    def kept(self, state: State) -> str:
        return "uint8"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        if state["raw"] != "string":
            yes = tf.equal(values, tf.constant(self._number, tf.float32))
        elif self.positive is not None:
            yes = tf.equal(tf.strings.strip(values), self._text)
        else:
            folded = tf.strings.lower(tf.strings.strip(values))
            yes = tf.reduce_any(tf.equal(folded[:, None], tf.constant(YES)), axis=1)
        return tf.cast(yes, tf.float32)[:, None]

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        drawn = generator.integers(2, size=rows)
        if self.positive is None:
            return drawn
        return np.array([f"not {self._text}", self._text], dtype=object)[drawn]


def _shown(value: str | float) -> str:
    """A value as text: 4, not 4.0."""
    if isinstance(value, str):
        return shortened(value)
    return str(int(value)) if value == int(value) else repr(float(value))
