"""Names that Keras resolves when a model is compiled, by the shapes of what they compare: `accuracy`."""

from __future__ import annotations

from specc.tensors import Shape

BY_SHAPE = {"accuracy": ("BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy")}
"""For one value, for the number of a class, for a vector."""


def by_shape(name: str, target: Shape, answer: Shape) -> str:
    """The class that such a name stands for, chosen as `compile` does; any other name as it is.

    The shapes of target and answer have the batch dimension first.
    """
    if name not in BY_SHAPE:
        return name
    binary, sparse, dense = BY_SHAPE[name]
    if answer[-1] == 1:
        return binary
    return sparse if len(target) < len(answer) or target[-1] == 1 else dense
