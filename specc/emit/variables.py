"""The variables of one function: `x` for what passes from step to step, names of their own for steps that have one."""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Iterable
from keyword import iskeyword

from specc.plan import Ref

POOL = ("x", "y", "z")
"""What tensors without a name are called, each as long as it is needed."""

BUILTINS = frozenset(dir(builtins))


class Variables:
    """What each tensor is called, and until which item of the body it is read.

    `kept` are the steps and inputs whose variables must outlive the body. `layers` name the layers that are used again.
    """

    def __init__(self, taken: Iterable[str], reserved: Collection[str] = ()) -> None:
        self.taken = set(taken)
        self.pool = [name for name in POOL if name not in self.taken or name in reserved]
        self.taken |= set(self.pool)
        self.reserved = reserved
        self.where: dict[Ref, str] = {}
        self.until: dict[str, int] = {}
        self.layers: dict[str, str] = {}
        self.kept: set[str] = set()

    def inside(self, number: int, slots: Collection[str]) -> Variables:
        """Those of a loop's body at an item: what is read later stays as it is, but what the loop itself hands on."""
        held = {name for name, until in self.until.items() if until >= number}
        inner = Variables(self.taken, {*self.reserved, *held} - set(slots))
        inner.pool = self.pool
        return inner

    def fresh(self, name: str) -> str:
        """A new name: the one asked for where Python takes it, else as near to it as can be."""
        stem = re.sub(r"\W", "_", name).strip("_") or "value"
        stem = f"_{stem}" if stem[0].isdigit() else stem
        stem = stem + "_" if iskeyword(stem) or stem in BUILTINS else stem
        variable, count = stem, 1
        while variable in self.taken:
            count += 1
            variable = f"{stem}_{count}"
        self.taken.add(variable)
        return variable

    def pooled(self) -> str:
        """The first of `x`, `y`, `z` that nothing is called yet."""
        variable = next((name for name in self.pool if name not in self.until), None) or self.fresh("x")
        self.until[variable] = -1
        return variable

    def hold(self, ref: Ref, variable: str, until: int) -> str:
        """Note what a tensor is called, and until when."""
        self.where[ref] = variable
        self.until[variable] = until
        return variable

    def read(self, ref: Ref, single: Collection[str]) -> str:
        """A tensor by its variable; a step known to have one output is that output."""
        if ref in self.where:
            return self.where[ref]
        variable = self.where[Ref(ref.name)]
        return variable if ref.output is None or ref.name in single else f"{variable}[{ref.output}]"

    def of(self, name: str) -> str:
        return self.where[Ref(name)]

    def move(self, name: str, variable: str) -> None:
        """Note that what a step gives was brought into another variable, to stay there."""
        self.where[Ref(name)] = variable

    def free(self, variable: str, number: int) -> bool:
        """Is a variable not read behind an item?"""
        return self.until.get(variable, -1) <= number and variable not in self.reserved

    def assign(self, ref: Ref, own: str, named: bool, number: int, until: int) -> str:
        """A variable for what an item gives: after its name where the spec gives it one."""
        pooled = None if named else next((name for name in self.pool if self.free(name, number)), None)
        return self.hold(ref, pooled or self.fresh(own), until)

    def carry(
        self, ref: Ref, before: str, after: str, own: str, named: bool, number: int, until: int, others: Collection[str]
    ) -> str:
        """The variable that a loop hands on: that of what it begins with, where nothing else needs that any more."""
        if named:
            return self.hold(Ref(after), self.fresh(own), max(until, number))
        slot = None
        if before in self.pool and before not in others and self.free(before, number):
            slot = before
        for name in self.pool:
            if slot is None and name not in others and self.free(name, number - 1):
                slot = name
        return self.hold(Ref(after), slot or self.fresh(own), max(until, number))
