"""What a layer costs: floating-point operations of a forward pass, and what a training step holds for its way back.

The convention, once for all rules:

- A pass over one example, as at inference: an unknown batch counts as one, and what only training does counts nothing.
- A multiplication with its addition counts two, so a product of matrices (n, k) and (k, m) counts 2·n·k·m. A sum, a
  product, a comparison of two numbers, and any function of one number (`exp`, `tanh`, a root) count one for each
  element; a sum over k numbers counts k; a softmax counts five for each element: maximum, difference, exponential, sum
  and quotient. A window that hangs over the edge counts whole.
- What moves, looks up, hashes or reshapes counts nothing.
- What a dimension that is not known would decide is None.

What is held are the tensors that the gradient needs: mostly the outputs, because what comes after needs them as its
inputs. `relu`, `tanh`, `sigmoid` and others whose gradient follows from their result need nothing more; the others need
what they were given as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from types import MappingProxyType
from typing import Any

from specc.calls import UNKNOWN_VALUE, Call
from specc.shapes import Site
from specc.tensors import Shape, Tensor

SOFTMAX = 5
"""Operations for each element of a softmax."""

_SEVERAL = {"softmax": SOFTMAX, "log_softmax": SOFTMAX, "sparsemax": SOFTMAX, "linear": 0, None: 0}

# Their gradients are computed from what they gave; those of all others from what they were given.
_BY_RESULT = (
    None,
    "linear",
    "relu",
    "relu6",
    "elu",
    "selu",
    "tanh",
    "sigmoid",
    "softmax",
    "exponential",
)

APPROXIMATE = "approximate gelu"
"""What `ops.gelu` is unless it is asked for exactly; the activation `gelu` is exact."""

HELD: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **{"celu": (1, 2), "gelu": (3, 0), APPROXIMATE: (4, 0), "hard_shrink": (0, 1), "hard_silu": (3, 0)},
        **{
            "hard_swish": (3, 0),
            "hard_tanh": (0, 2),
            "mish": (3, 0),
            "prelu": (2, 0),
            "soft_shrink": (0, 2),
            "sparse_plus": (1, 3),
        },
        **{"sparse_sigmoid": (0, 2), "sparsemax": (1, 2), "squareplus": (2, 0), "threshold": (0, 1)},
    }
)
"""Activations that are made of several functions: the tensors, what they are given among them, and the masks that they
hold for the way back; measured in TensorFlow. All others hold what they are given, or what they gave."""


def times(*factors: int | None) -> int | None:
    """A product, None where a factor is not known."""
    sizes = [f for f in factors if f is not None]
    return prod(sizes) if len(sizes) == len(factors) else None


def total(*parts: int | None) -> int | None:
    """A sum, None where a part is not known."""
    sizes = [p for p in parts if p is not None]
    return sum(sizes) if len(sizes) == len(parts) else None


def elements(shape: Shape | None) -> int | None:
    """The elements of one example of that shape."""
    return Tensor(shape).elements


def per_element(shape: Shape | None, operations: int = 1) -> int | None:
    """That many operations for each element of one example."""
    return times(operations, elements(shape)) if operations else 0


def positions(shape: Shape | None) -> int | None:
    """The vectors of one example along its last dimension: the elements but for that dimension."""
    return None if shape is None else elements((*shape[:-1], 1))


def activated(site: Site, size: int | None, argument: str = "activation") -> int | None:
    """What the activation of that argument costs on so many elements."""
    found = site.arguments.get(argument)
    if found is UNKNOWN_VALUE:
        return None
    operations = _SEVERAL.get(named(found), 1)
    return times(operations, size) if operations else 0


def output_and_input(site: Site, output: Tensor, argument: str = "activation") -> tuple[Tensor, ...] | None:
    """What is held of a layer that ends in an activation: its output, and what the activation was given if it must."""
    within = _held_within(named(site.arguments.get(argument)), output)
    return (output, *within) if within else None


def held_alone(name: str | None, output: Tensor) -> tuple[Tensor, ...] | None:
    """What is held of an activation that is a step by itself; what it was given is held as the step before's output."""
    within = _held_within(name, output)
    return within if within and HELD.get(name or "", (1, 0))[0] else (output, *within) if within else None


def _held_within(name: str | None, output: Tensor) -> tuple[Tensor, ...]:
    """What an activation holds beside its output."""
    if name in _BY_RESULT:
        return ()
    tensors, masks = HELD.get(name or "", (1, 0))
    return (*(output,) * tensors, *(Tensor(output.shape, "bool"),) * masks)


def named(activation: Any) -> str | None:
    return activation.name if isinstance(activation, Call) else activation
