"""What a step holds within itself while it is computed, beside what it is given and gives; measured in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from specc.memory.gradients import RECURRENT, function, in_place, is_function
from specc.plan import Step
from specc.shapes.costs import APPROXIMATE
from specc.tensors import WIDTHS, Tensor

HEADS = {"GroupQueryAttention": ("num_query_heads", "head_dim"), "MultiHeadAttention": ("num_heads", "key_dim")}
"""Attention that projects what it is given, and the arguments that say for how many heads, and how wide."""
PLAIN = {"AdditiveAttention": 3, "Attention": 2}
"""Attention that does not, and how often its gradient holds what it holds itself."""
NORMALIZING = ("GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization")

TWICE = {
    **dict.fromkeys(("gelu", APPROXIMATE, "mish", "silu", "squareplus", "swish", "tanh_shrink"), 0.0),
    **{"celu": 1.0, "hard_shrink": 1.25, "hard_silu": 1.0, "hard_swish": 1.0, "soft_shrink": 2.5, "sparse_plus": 1.5},
    **{"prelu": 1.0, "sparse_sigmoid": 0.5, "sparsemax": 2.0},
}
"""Activations that need what they are given once more after they have made something of it, and how many tensors as
large as their output they hold beside both."""
BACKWARD = {
    **dict.fromkeys(
        ("abs", "absolute", "fabs", "gelu", APPROXIMATE, "hard_silu", "hard_swish", "log_sigmoid", "mish"), 1.0
    ),
    **dict.fromkeys(("log_softmax", "softmax", "softplus", "sparse_sigmoid", "tanh_shrink"), 1.0),
    **{"celu": 2.0, "hard_shrink": 2.0, "hard_tanh": 1.25, "silu": 2.0, "soft_shrink": 3.0, "sparse_plus": 2.25},
    **{"prelu": 2.0, "sparsemax": 2.5, "swish": 2.0},
}
"""Tensors as large as its output that the gradient of an activation is computed with."""


def forward(step: Step, takes: int, gives: int, kept: int) -> tuple[int, int]:
    """Bytes within a step at inference: those beside all that it takes, and those once what nothing needs is gone.

    `takes`, `gives` and `kept` are the bytes of its inputs, of its outputs, and of what training would hold of it.
    """
    if step.label in RECURRENT:
        # Time comes first in what it takes and gives, once and twice more, and its steps lie in a list.
        return takes + 2 * gives, 0
    if step.label in HEADS:
        # Queries, keys and values, the former two once more with the heads in front, and the scores.
        return 0, max(0, kept - gives)
    if step.label in PLAIN:
        return max(0, kept - gives), 0
    if step.label in NORMALIZING:
        return gives, 0
    beside = TWICE.get(function(step) or "")
    if beside is None:
        return 0, 0
    return (int(beside * gives), 0) if is_function(step) else (0, int((1 + beside) * gives))


def backward(step: Step, given: Sequence[Tensor], gives: int, kept: int, batch: int) -> int:
    """Bytes within the gradient of a step on a batch: beside what it holds and is given, and what it gives."""
    if step.label in HEADS:
        queries, keys = (each * batch for each in _projected(step, given))
        scores = max(0, kept - gives - 2 * queries - 2 * keys)
        # The gradient of the scores and its product with them; or those of what was projected, both ways round.
        return queries + max(2 * scores, 4 * queries)
    if step.label in PLAIN:
        return PLAIN[step.label] * max(0, kept - gives)
    if step.label in NORMALIZING:
        return 4 * gives
    return int(BACKWARD.get(function(step) or "", 0) * gives)


def over_its_input(step: Step) -> bool:
    """Whether what it gives lies where what it takes has lain, if nothing else needs that."""
    return in_place(step) and function(step) not in TWICE


def _projected(step: Step, given: Sequence[Tensor]) -> tuple[int, int]:
    """The bytes of all heads' queries, and of their keys, for one example."""
    found = [tensor for tensor in given if tensor.shape]
    heads, depth = (step.call.arguments.get(name) for name in HEADS[step.label])
    if not found or not isinstance(heads, int) or not isinstance(depth, int):
        return 0, 0
    each = heads * depth * WIDTHS.get(found[0].dtype or "", 0)
    # A value, and with it its key, may be another tensor than the query.
    asked, looked = (prod(n or 0 for n in (one.shape or ())[1:-1]) for one in (found[0], found[min(1, len(found) - 1)]))
    return each * asked, each * looked
