"""How much an example counts: no word of the language, but read, kept and given like a feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from specc.codes import S503, S504
from specc.kinds.arrays import Array, np
from specc.kinds.features import BadRows, Learning, Origin, State, missing
from specc.kinds.features._columns import numbers, scalars
from specc.tensors import Tensor


@dataclass(frozen=True, slots=True)
class Weight:
    """A number of at least 0 for each example, float32 [batch]."""

    numeric: ClassVar[bool] = True

    def tensor(self, state: State | None = None) -> Tensor:
        return Tensor((None,), "float32")

    def facts(self, state: State | None = None) -> Mapping[str, Any]:
        return {}

    def read(self, column: Array, origin: Origin, state: State | None = None) -> Array:
        values = numbers(scalars(column, "weight"), origin).astype(np.float32)
        if (absent := missing(values)).any():
            raise BadRows(S503, "the weight of {rows} is missing", absent, origin, "give 0 to what is not to count")
        if (below := values < 0).any():
            told = f"the weight {values[below][0]:g} of {{rows}} is below 0"
            raise BadRows(S504, told, below, origin, "give 0 to what is not to count")
        return values

    def learn(self) -> Learning:
        while (yield) is not None:
            pass
        return {"raw": "float32"}

    def raw(self, state: State) -> Tensor:
        return self.tensor()

    def kept(self, state: State) -> str:
        return "float32"

    def prepare(self, tf: ModuleType, values: Any, state: State) -> Any:
        return tf.identity(values)

    def restore(self, tf: ModuleType, output: Any, state: State) -> Any:
        return output

    def sample(self, generator: np.random.Generator, rows: int) -> Array:
        return generator.uniform(0.5, 2.0, rows)
