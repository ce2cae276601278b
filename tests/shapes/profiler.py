"""TensorFlow's own profiler as the judge of operations: what it counts of a Keras layer's graph, and what it does not.

The profiler knows products of matrices, convolutions, windows of two dimensions, sums and what is done to each element
by itself, but for the kinds in `ONE_EACH`, which are counted here by its measure for the like: one for each element.
It does not look into loops (recurrent layers are unrolled for it) nor into functions (grouped convolutions), does not
count `Einsum` (NumPy says what that takes), windows and transposed convolutions of three dimensions, Fourier transforms
and what resizes images. What only moves is not counted, `NOTHING`; a kind in none of these lists fails the test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

ONE_EACH = {
    *("Relu", "Relu6", "Elu", "Selu", "LeakyRelu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Exp", "Expm1", "Erf"),
    *("Erfc", "Sqrt", "Atan2", "Max", "Min", "Abs", "IsNan"),
}
"""Kinds that the profiler does not count, of one operation for each element of their input."""

NOTHING = {
    *("Const", "Placeholder", "ReadVariableOp", "Identity", "IdentityN", "NoOp", "Reshape", "Shape", "StridedSlice"),
    *("ExpandDims", "Squeeze", "Transpose", "Pack", "Unpack", "Cast", "ConcatV2", "Split", "SplitV", "GatherV2"),
    *("SelectV2", "Tile", "Pad", "PadV2", "MirrorPad", "Fill", "Range", "BroadcastTo", "BroadcastArgs", "Slice"),
    *("StopGradient", "Any", "SpaceToBatchND", "BatchToSpaceND", "ReverseV2", "ResourceGather", "DivNoNan", "Prod"),
}
"""Kinds that move, look up or compare, or work on the shape alone."""


def counted(layer: Callable[..., Any], shapes: Sequence[tuple[int, ...]], **options: Any) -> dict[str, int]:
    """The operations of a forward pass by kind, on floats of those shapes; given as a list where `listed` is true."""
    listed = options.pop("listed", False)

    def run(*given: Any) -> Any:
        return layer(list(given), **options) if listed else layer(*given, **options)

    traced = tf.function(run, autograph=False).get_concrete_function(*(tf.TensorSpec(s, "float32") for s in shapes))
    graph = convert_variables_to_constants_v2(traced).graph
    kinds = Counter(_profiled(graph))
    known = NOTHING | set(kinds)
    for operation in graph.get_operations():
        if operation.type == "Einsum":
            kinds["Einsum"] += _einsum(operation)
        elif operation.type in ONE_EACH:
            kinds[operation.type] += int(np.prod(operation.inputs[0].shape))
        else:
            assert operation.type in known, f"nothing is known of what {operation.type} takes"
    return dict(kinds)


def _profiled(graph: Any) -> dict[str, int]:
    """What `tf.compat.v1.profiler` counts, by kind of operation."""
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation()).with_empty_output().build()
    node = profiler.profile(graph, run_meta=tf.compat.v1.RunMetadata(), cmd="op", options=options)
    found: dict[str, int] = {}
    while node.children:
        (node,) = node.children
        found[node.name] = node.float_ops
    return found


def _einsum(operation: Any) -> int:
    """What NumPy says of the operations of an equation."""
    equation = operation.get_attr("equation").decode()
    arrays = [np.empty(tuple(t.shape)) for t in operation.inputs]
    said = np.einsum_path(equation, *arrays, optimize=False)[1]
    line = next(line for line in said.splitlines() if "Naive FLOP count" in line)
    return int(float(line.rpartition(":")[2]))
