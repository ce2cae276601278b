"""Calls of a spec as the Python that makes what they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from specc import catalog, codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.catalog.exact import exact
from specc.diagnostics import Log, Span
from specc.emit.formulas import Formulas, Names
from specc.emit.layout import Expression, Given, call, keyword, mapping, sequence
from specc.plan import Plan
from specc.tensors import cudnn_learns

BY_NAME = ("activations", "losses", "metrics", "optimizers")
"""Families whose names in lower case Keras takes as strings, without arguments."""

CLASSES = (
    "state it in the dataset, `classes: N` or `vocabulary: […]`; or emit a finished run: `specc export RUN -f python`"
)
"""What to do where a number of classes is not known."""


@dataclass(slots=True)
class Calls:
    """Writes calls of one plan, and keeps what the module has to import for them."""

    plan: Plan
    log: Log
    formulas: Formulas
    modules: set[str] = field(default_factory=set)

    def made(self, one: Call, names: Names | None = None, more: Mapping[str, Any] | None = None) -> Expression:
        """A call as Keras takes it: an alias alone as the string that it is, else the object; `more` are arguments."""
        names = names or self.formulas.top
        if not one.arguments and not more and one.family in BY_NAME and one.name[0].islower():
            return (f'"{one.name}"',)
        if one.family == "activations":
            # Keras saves an activation with arguments only as the layer that it also is.
            layers = {name.casefold(): name for name in catalog.names("layers")}
            layer = layers.get(one.name.replace("_", "").casefold())
            if layer is None:
                message = f"Keras cannot save `{one.name}` with arguments of its own as an activation"
                help = f"make it a step of its own: `- ops.{one.name}: {{…}}`"
                self.log.report(codes.S105, one.span or self.plan.tree.span, message, help=help)
                return ("...",)
            one = Call("layers", layer, one.arguments, one.span, one.spans)
        items = self.arguments(one, names)
        items += [keyword(name, (Given(value, "", name),)) for name, value in (more or {}).items()]
        return call(self.builder(one), items)

    def builder(self, one: Call) -> str:
        """The class or function that a call names: `layers.Dense`."""
        name = catalog.aliases(one.family).get(one.name, one.name)
        module = "optimizers.schedules" if one.family == "schedules" else one.family
        self.modules.add(module.partition(".")[0])
        return f"{module}.{name}"

    def arguments(self, one: Call, names: Names) -> list[Expression]:
        items = [keyword(name, self.value(value, names, one, name)) for name, value in one.arguments.items()]
        return [*items, keyword("use_cudnn", ("False",))] if self._without_cudnn(one) else items

    def _without_cudnn(self, one: Call) -> bool:
        """Whether a layer is one that specc keeps from cuDNN."""
        policy = one.arguments.get("dtype") or self.plan.runtime.precision
        if one.family != "layers" or not isinstance(policy, str) or cudnn_learns(policy):
            return False
        takes = catalog.signature("layers", one.name)
        return takes is not None and takes.argument("use_cudnn") is not None and "use_cudnn" not in one.arguments

    def value(self, value: Any, names: Names, owner: Call | None = None, name: str = "") -> Expression:
        """An argument as it is written: calls as what they make, plain data with the formula that it comes from."""
        said = self.formulas.formula(owner.spans.get(name), value, names) if owner else ""
        if value is UNKNOWN_VALUE and not said:
            span = owner.spans.get(name, owner.span) if owner else None
            self.unknown(span, f"`{name}` of `{owner.name}`" if owner else "an argument")
            return ("...",)
        if isinstance(value, Call):
            return self.made(value, names)
        if owner is not None:
            given = value
            # How many steps a schedule takes may be a whole number, and reads better as one.
            if not (owner.family == "schedules" and name.endswith("_steps")):
                value = exact(owner.family, owner.name, name, value)
            said = f"float({said})" if said and type(value) is not type(given) else said
        if isinstance(value, Mapping):
            return mapping((str(key), self.value(item, names, owner, name)) for key, item in value.items())
        if isinstance(value, (list, tuple)) and any(isinstance(item, (Call, list, Mapping)) for item in value):
            return sequence(self.value(item, names, owner, name) for item in value)
        return (Given(value, said, name),)

    def unknown(self, span: Span | None, what: str, help: str = CLASSES) -> None:
        """Report what cannot be written because only the data says it."""
        span = span or self.plan.tree.span
        self.log.report(codes.S006, span, f"{what} is known only once the data was read", help=help)
