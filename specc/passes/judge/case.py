"""One output beside the target it is to answer: what every judgement of losses and metrics looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from specc import catalog
from specc.calls import Call
from specc.catalog.by_shape import by_shape
from specc.diagnostics import Log, Related, Span
from specc.kinds.features import is_class
from specc.kinds.features.binary import Binary
from specc.kinds.features.category import Category
from specc.kinds.features.number import Number
from specc.passes.judge.endings import Ending
from specc.plan import Field, Output, Step
from specc.tensors import Shape, Tensor, show

Kind = Literal["class number", "one-hot", "binary", "number", "whole numbers", "numbers", "unknown"]
"""What a target is, for a loss."""


@dataclass(frozen=True, slots=True)
class Case:
    """One output, what trains and measures it, the target it is to answer, and what is known of both.

    `facts` are those of the target, also what only the data could tell. Shapes have the batch dimension first.
    """

    output: Output
    step: Step | None
    answer: Tensor
    ending: Ending | None
    target: Field
    facts: Mapping[str, Any]
    loss: Call | None
    metrics: tuple[Call, ...]
    log: Log

    @property
    def wanted(self) -> Tensor:
        """The target's tensor."""
        told = self.target.feature.tensor()
        shape = self.facts.get("shape")
        return told if shape is None else Tensor((None, *shape), told.dtype)

    @property
    def classes(self) -> int | None:
        """How many classes there are, as far as is known."""
        if isinstance(self.target.feature, Binary):
            return 2
        found = self.facts.get("classes")
        return found if isinstance(found, int) else None

    @property
    def width(self) -> int | None:
        """The last dimension of the output."""
        return self.answer.shape[-1] if self.answer.shape and len(self.answer.shape) > 1 else None

    @property
    def gives_one_value(self) -> bool:
        """Is the output one value for each example?"""
        shape = self.answer.shape
        return shape is not None and (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))

    @property
    def kind(self) -> Kind:
        """What the target is. The number of one of two classes is a yes or no to an output of one value."""
        match self.target.feature:
            case Category(encode="one_hot"):
                return "one-hot"
            case one if is_class(one) and (self.gives_one_value or self.width == 1) and self.classes in (2, None):
                return "binary" if self.classes == 2 else "unknown"
            case one if is_class(one):
                return "class number"
            case Binary():
                return "binary"
            case Number():
                return "number"
        dtype = self.wanted.dtype
        if dtype is None:
            return "unknown"
        return "whole numbers" if dtype.startswith(("int", "uint")) else "numbers"

    @property
    def loss_name(self) -> str | None:
        """The loss by Keras's class name."""
        return canonical(self.loss) if self.loss else None

    @property
    def related(self) -> tuple[Related, ...]:
        return (Related(f"the target `{self.target.name}`", self.target.span),)

    def described(self) -> str:
        """The target, as a message says what it is."""
        match self.kind:
            case "class number" | "binary" if is_class(self.target.feature):
                return "a class number"
            case "one-hot" | "binary" as plain:
                return plain
            case "number":
                return "a number"
        return f"{show(self.wanted.shape)} of {self.wanted.dtype}"

    def measured_by(self, metric: Call) -> str:
        """The class that measures: `accuracy` is one of three, as Keras chooses it by the shapes; else the name."""
        name = canonical(metric)
        answer, wanted = self.answer.shape, self.wanted.shape
        return by_shape(name, wanted, answer) if answer and wanted else name

    def place(self, call: Call) -> Span:
        return call.span or self.output.span


def canonical(call: Call) -> str:
    """What a call calls, by Keras's class name."""
    return catalog.aliases(call.family).get(call.name, call.name)


def alike(a: Shape | None, b: Shape | None, *, squeeze: bool = True) -> bool:
    """Do two shapes agree as far as is known? With `squeeze`, where Keras adds or drops a last dimension of 1."""
    if a is None or b is None:
        return True
    if squeeze and len(a) == len(b) + 1 and a[-1] in (1, None):
        a = a[:-1]
    elif squeeze and len(b) == len(a) + 1 and b[-1] in (1, None):
        b = b[:-1]
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))
