"""Made-up examples, drawn as specc draws those of the reader `random`."""

from __future__ import annotations

from specc.emit.fields import UnsayableError
from specc.emit.layout import Expression, literal
from specc.kinds.features.binary import Binary
from specc.kinds.features.category import Category
from specc.kinds.features.image import Image
from specc.kinds.features.number import Number
from specc.kinds.features.tensor import Tensor
from specc.kinds.features.window import Window
from specc.plan import Field


def made_up(field: Field, seed: int) -> Expression:
    """The values of a field, of so many `examples`.

    Raises:
        UnsayableError: for fields whose values are words or sounds, or of several columns.
    """
    feature = field.feature
    generator = f"made_up({literal(field.column)}, seed={seed})"
    several = len(field.columns) > 1
    match feature:
        case Number() if feature.clip is not None:
            return (f"{generator}.uniform({feature.clip[0]}, {feature.clip[1]}, examples)",)
        case Number() | Window() if not several:
            return (f"{generator}.standard_normal(examples)",)
        case Binary() if feature.positive is None:
            return (f"{generator}.integers(2, size=examples)",)
        case Category() if feature.vocabulary is None and feature.classes is not None and not feature.several:
            return (f"{generator}.integers({feature.classes}, size=examples)",)
        case Tensor() if feature.shape is not None and not several:
            size = ", ".join(["examples", *map(str, feature.shape)])
            size = f"({size})" if feature.shape else "(examples,)"
            if feature.dtype.startswith("float"):
                return (f'{generator}.standard_normal({size}, dtype="float32")',)
            return (f"{generator}.integers(2, size={size})",)
        case Image() if feature.size is not None and feature.classes is None:
            size = ", ".join(map(str, ["examples", *feature.size, feature.channels or 1]))
            return (f'{generator}.integers(256, size=({size}), dtype="uint8")',)
    raise UnsayableError(f"made-up values of `{field.name}`")
