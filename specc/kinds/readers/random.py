"""`random`: made-up examples of the declared shapes, for benchmarks and dry runs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from specc.kinds import argument
from specc.kinds.arrays import np
from specc.kinds.features import Feature, Origin
from specc.kinds.readers import Skip, Table, in_chunks


@dataclass(frozen=True, slots=True)
class Random:
    """Made-up examples of the declared shapes: no data is read, and nothing can be learnt from them."""

    examples: int = argument("how many", {"type": "integer", "minimum": 1})

    def open(self, fields: Mapping[str, Feature | None], seed: int, skip: Skip | None = None) -> Table:
        columns = {}
        for name, feature in fields.items():
            # A field's values depend on its name and the seed, not on the fields beside it.
            generator = np.random.Generator(np.random.PCG64([seed % 2**64, zlib.crc32(name.encode())]))
            columns[name] = (
                generator.integers(10, size=self.examples)
                if feature is None
                else feature.sample(generator, self.examples)
            )
        origin = Origin(lambda row: f"made-up example {row}", Path())
        return Table(tuple(fields), self.examples, (), origin, in_chunks(columns, self.examples))
