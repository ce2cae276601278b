"""What a script does with the data of a plan, as far as it can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from specc.emit.fields import Prepared
from specc.kinds.features import State
from specc.kinds.features.category import Category
from specc.plan import Dataset, Field, Plan, Training


@dataclass(slots=True)
class Script:
    """What a script does with its data. `lacking` says why it cannot read it; `learnt` is what specc learnt from it."""

    plan: Plan
    dataset: Dataset
    training: Training | None
    states: Mapping[str, State] | None
    inputs: list[Prepared] = field(default_factory=list)
    targets: list[Prepared] = field(default_factory=list)
    lacking: str = ""
    reads: str = ""

    @property
    def learns(self) -> list[Prepared]:
        return [one for one in (*self.inputs, *self.targets) if one.learns is not None]

    @property
    def learnt(self) -> dict[str, Any]:
        return {one.field.name: dict(one.state) for one in self.learns}

    @property
    def hashes(self) -> bool:
        """Do unknown values of a category share several indices?"""
        return any(isinstance(one.feature, Category) and one.feature.oov > 1 for one in self.fields)

    @property
    def balanced(self) -> bool:
        """Are classes weighed by how often each occurs?"""
        weight = self.training.class_weight if self.training else None
        return weight is not None and weight.by_number is None

    @property
    def is_learning(self) -> bool:
        return bool(self.learns) or self.balanced

    @property
    def fields(self) -> list[Field]:
        """What it reads: the inputs that the network takes, the targets, and what weighs examples."""
        found = [one.field for one in (*self.inputs, *self.targets)]
        return [*found, self.dataset.weight] if self.dataset.weight is not None else found

    @property
    def beside(self) -> list[str]:
        """Columns that only the division of the rows asks for."""
        split = self.dataset.split
        known = {one.name for one in self.fields}
        return [name for name in (split.group, split.order) if name is not None and name not in known]
