"""What a layer or an op makes of its inputs: shapes, dtypes and weights, known before anything runs.

A rule is a plain function named exactly as the layer (`layers/`) or the op (`ops/`) that it speaks for, and listed in
its module's `__all__`; the folders are read, not registered. It takes a `Site` and gives a `Result`, or raises a
`Refusal` where Keras would refuse the layer. What is unknown flows through: never wrong, at worst unknown. A test holds
every rule against Keras itself, on generated configurations.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import Any

from specc import codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Refusal
from specc.shapes.nested import buildable
from specc.tensors import UNKNOWN, Shape, Tensor, Weight

FAMILIES = ("layers", "ops", "applications")


class Unsettled(Exception):
    """Raised by a rule of whose answer nothing can be said yet: it hangs on what only data can tell."""


@dataclass(frozen=True, slots=True)
class Site:
    """One layer or op at work: what is called, with which arguments, on which tensors.

    `arguments` are complete: defaults filled in, in nested calls too. `inputs` and `options` are by the names of the
    call's arguments, in the order of its signature. `policy` is the dtype policy of layers that do not name their own.
    """

    call: Call
    arguments: Mapping[str, Any]
    inputs: Mapping[str, Tensor | tuple[Tensor, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)
    policy: str = "float32"

    @property
    def dtype_policy(self) -> Any:
        """The layer's own `dtype`, or the policy of the network."""
        own = self.arguments.get("dtype")
        return self.policy if own is None else own

    def within(self, call: Call, inputs: Mapping[str, Tensor | tuple[Tensor, ...]] | None = None) -> Site:
        """Another layer that this one is made of, under the same policy."""
        return Site(call, call.arguments, inputs or {}, policy=self.policy)

    @property
    def label(self) -> str:
        """The call as a spec writes it, quoted: `Dense`, `ops.matmul`."""
        return f"`{self.call.name}`" if self.call.family == "layers" else f"`{self.call.family}.{self.call.name}`"

    def tensor(self, name: str = "") -> Tensor:
        """The input of that name, or the first one; unknown where there is none.

        Raises:
            Refusal: S204 when there are several tensors where one is taken.
        """
        given = self.inputs.get(name, UNKNOWN) if name else next(iter(self.inputs.values()), UNKNOWN)
        if isinstance(given, Tensor):
            return given
        if len(given) != 1:
            raise Refusal(codes.S204, f"{self.label} takes one input, and is given {len(given)}")
        return given[0]

    def tensors(self, name: str = "") -> tuple[Tensor, ...]:
        """The tensors of an input that takes a list, or of the first one."""
        given = self.inputs.get(name, ()) if name else next(iter(self.inputs.values()), ())
        return (given,) if isinstance(given, Tensor) else given


@dataclass(frozen=True, slots=True)
class Result:
    """What comes out: the tensors, and the weights in the order of Keras's `layer.weights`.

    Weights of None are not known, because a dimension of theirs is not.

    `flops` are the floating-point operations of a forward pass over one example: a multiplication and an addition
    count as two, a function of one element as one, moving data as none. None: a dimension that counts is not known.

    `kept` are the tensors that a training step holds from the forward to the backward pass: None stands for the
    outputs, `()` for a view of the inputs; a recurrent layer adds its gates, attention its scores.
    """

    outputs: tuple[Tensor, ...]
    weights: tuple[Weight, ...] | None = ()
    flops: int | None = 0
    kept: tuple[Tensor, ...] | None = None


Rule = Callable[[Site], Result]


def single(
    shape: Shape | None,
    dtype: str | None,
    weights: tuple[Weight, ...] | None = (),
    flops: int | None = 0,
    kept: tuple[Tensor, ...] | None = None,
) -> Result:
    """A result of one tensor, as nearly every rule gives."""
    return Result((Tensor(shape, dtype),), weights, flops, kept)


def rule(family: str, name: str) -> Rule | None:
    """The rule of a layer or an op, or None where there is none: then its outputs are unknown."""
    return _rules(family).get(name) if family in FAMILIES else None


def apply(site: Site) -> Result | None:
    """What comes out of a site by its rule, with `trainable: false` heeded; None where there is no rule.

    Raises:
        Refusal: Keras would refuse it, or could not run it.
        Unsettled: it hangs on what only data can tell.
    """
    found = rule(site.call.family, site.call.name)
    if found is None:
        return None
    if site.call.family == "layers":
        buildable(site.call.name, site.arguments, site.dtype_policy)
    result, trained = found(site), site.arguments.get("trainable", True)
    if trained is UNKNOWN_VALUE:
        return replace(result, weights=None)
    return result if trained else replace(result, weights=still(result))


def still(result: Result) -> tuple[Weight, ...] | None:
    """The weights of a result, none of them trained."""
    return None if result.weights is None else tuple(replace(w, trainable=False) for w in result.weights)


def names(family: str) -> tuple[str, ...]:
    """The layers or ops that have a rule, in alphabetical order."""
    return tuple(sorted(_rules(family)))


@cache
def _rules(family: str) -> Mapping[str, Rule]:
    package = import_module(f"specc.shapes.{family}")
    modules = [import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    # `keras.ops.image.resize` is `resize` in a module that says `PREFIX = "image."`.
    return {
        getattr(module, "PREFIX", "") + name: getattr(module, name) for module in modules for name in module.__all__
    }
