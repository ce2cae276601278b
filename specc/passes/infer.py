"""Plan → Plan: the shapes, dtypes, weights and costs of every step, by the rules of `specc.shapes`.

A mistake is told once, where it happens: what comes after it is unknown. So is what hangs on data not read yet.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from specc import catalog, codes
from specc.calls import UNKNOWN_VALUE, Call, Signature, TensorArgument
from specc.diagnostics import Log, Refusal, Related, Span
from specc.plan import Edge, Input, Plan, Ref, Step
from specc.shapes import Result, Site, Unsettled, apply
from specc.shapes.dimensions import alike
from specc.tensors import UNKNOWN, Tensor, Weight, show


def infer(plan: Plan, log: Log) -> Plan:
    """Fill in `outputs` and `weights` of every step; None where no rule knows them.

    Reports S201 and S204 for references that do not give one tensor, S301 to S305 for shapes and dtypes that Keras
    would refuse, S105 for arguments that no shape comes of.
    """
    declared = {given.name: given.span for given in plan.network.inputs}
    known = _Known({}, {}, set(), declared, plan.runtime.precision)
    for given in plan.network.inputs:
        known.outputs[given.name] = (given.tensor,)
        if _is_open(plan, given):
            known.open.add(given.name)
    for step in plan.network.steps:
        known.add(_inferred(step, known, log))
    for output in plan.network.outputs:
        try:
            known.tensor(output.ref)
        except Refusal as refusal:
            log.refuse(refusal, output.span)
    return replace(plan, network=replace(plan.network, steps=tuple(known.steps.values())))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known so far, by the names of inputs and steps. `open` are those that data may make more of."""

    outputs: dict[str, tuple[Tensor, ...] | None]
    steps: dict[str, Step]
    open: set[str]
    declared: dict[str, Span]
    """Where the inputs stand."""
    policy: str
    """The dtype policy of layers that do not name their own."""
    results: dict[Hashable, Result | None] = field(default_factory=dict)
    """What rules said, by what they were asked: most steps of a deep network are like others of it."""

    def add(self, step: Step) -> None:
        self.outputs[step.name] = step.outputs
        self.steps[step.name] = step
        if _waits(step.call) or any(ref.name in self.open for ref in _refs(step)):
            self.open.add(step.name)

    def tensor(self, ref: Ref) -> Tensor:
        """The one tensor that a reference stands for.

        Raises:
            Refusal: S204 when there are several, S201 when there is none of that number.
        """
        outputs = self.outputs.get(ref.name)
        if outputs is None:
            return UNKNOWN
        if ref.output is None:
            if len(outputs) == 1:
                return outputs[0]
            raise Refusal(
                codes.S204,
                f"{self._gives(ref.name, len(outputs))}, and one is needed",
                help=f"take one: `{ref.name}[0]`",
            )
        if ref.output < len(outputs):
            return outputs[ref.output]
        raise Refusal(
            codes.S201,
            f"there is no `{ref}`: {self._gives(ref.name, len(outputs))}",
            help=f"take `{ref.name}[0]`" if len(outputs) > 1 else f"write `{ref.name}`",
        )

    def tensors(self, ref: Ref) -> tuple[Tensor, ...]:
        """All that a reference stands for."""
        outputs = self.outputs.get(ref.name)
        return (self.tensor(ref),) if ref.output is not None or outputs is None else outputs

    def _gives(self, name: str, count: int) -> str:
        what = f" (`{self.steps[name].label}`)" if name in self.steps else ""
        return f"`{name}`{what} gives {count} output{'s' * (count != 1)}"


def _inferred(step: Step, known: _Known, log: Log) -> Step:
    """A step with what comes out of it, every refusal reported."""
    takes = catalog.signature(step.call.family, step.call.name)
    if takes is None:
        return step
    try:
        if step.shares and step.call.family == "applications":
            _of_one_size(step, known)
        result = _ruled(step, _inputs(step, takes, known), known)
        if result is None:
            return step
        weights = _shared(step, result, known) if step.shares else result.weights
    except Unsettled:
        return step
    except Refusal as refusal:
        if refusal.code is not codes.S305 or not any(ref.name in known.open for ref in _refs(step)):
            at = step.call.spans.get(refusal.argument) if refusal.code is codes.S105 else None
            origins = _origins(step, known) if refusal.code in (codes.S301, codes.S302) else ()
            log.refuse(refusal, at or step.span, related=(*origins, *step.callers))
        return step
    if (source := known.steps.get(step.shares or "")) is not None:
        step = replace(step, frozen=source.frozen)
    return step.known(
        result.outputs,
        weights,
        result.flops,
        _bytes(result.outputs if result.kept is None else result.kept),
    )


def _ruled(step: Step, inputs: Mapping[str, Tensor | tuple[Tensor, ...]], known: _Known) -> Result | None:
    """What the rule says of a step; None where there is none. It is asked once of all steps that are alike."""
    question = _question(step, inputs)
    if question is not None and question in known.results:
        return known.results[question]
    call = catalog.completed(step.call)
    result = apply(Site(call, call.arguments, inputs, step.options, known.policy))
    if question is not None:
        known.results[question] = result
    return result


def _question(step: Step, inputs: Mapping[str, Tensor | tuple[Tensor, ...]]) -> Hashable | None:
    """All that a rule looks at; None where an argument is a call itself, and has places that differ."""
    if step.options:
        return None
    given = step.call.arguments
    if any(isinstance(value, (Call, dict, tuple)) for value in given.values()):
        return None
    # As they are written: 1, 1.0 and true are equal, and not the same.
    written = tuple((name, repr(value)) for name, value in given.items())
    return step.call.family, step.call.name, written, tuple(inputs.items())


def _bytes(tensors: Iterable[Tensor]) -> int | None:
    sizes = [tensor.bytes for tensor in tensors]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _inputs(step: Step, takes: Signature, known: _Known) -> dict[str, Tensor | tuple[Tensor, ...]]:
    """The tensors of a step by the names of call arguments, in the order of the signature.

    Raises:
        Refusal: S204 when one is missing, or there are several for one.
    """
    found: dict[str, Tensor | tuple[Tensor, ...]] = {}
    for argument in takes.tensors:
        edge = step.inputs.get(argument.name)
        if edge is not None:
            found[argument.name] = _given(edge, argument, step, known)
        elif argument.required and argument.name not in step.call.arguments:
            raise Refusal(
                codes.S204,
                f"`{step.label}` needs `{argument.name}`, and is not given it",
                help=f"name it beside the call: `inputs: {{{argument.name}: …}}`",
            )
    return found


def _given(edge: Edge, argument: TensorArgument, step: Step, known: _Known) -> Tensor | tuple[Tensor, ...]:
    refs = edge if isinstance(edge, tuple) else (edge,)
    if argument.many and isinstance(edge, Ref) and len(known.outputs.get(edge.name) or ()) == 1:
        raise Refusal(
            codes.S204,
            f"`{step.label}` takes a list of tensors, and is given one",
            help=f"name them beside the call: `inputs: [{edge}, …]`",
        )
    if argument.many or argument.variadic:
        return tuple(tensor for ref in refs for tensor in known.tensors(ref))
    if len(refs) != 1:
        raise Refusal(
            codes.S204,
            f"`{step.label}` takes one tensor as `{argument.name}`, and is given {len(refs)}",
            help="merge them first, with `Concatenate` or `Add`",
        )
    return known.tensor(refs[0])


def _shared(step: Step, result: Result, known: _Known) -> tuple[Weight, ...] | None:
    """The weights that a step uses again.

    Raises:
        Refusal: S302 when its input needs weights of other sizes.
    """
    source = known.steps.get(step.shares or "")
    if source is None or source.weights is None:
        return None
    if result.weights is not None and [w.shape for w in result.weights] != [w.shape for w in source.weights]:
        one, other = (_shown(s, known) for s in (step, source))
        raise Refusal(
            codes.S302,
            f"`{source.name}` was made for {other}, and its weights do not fit {one}",
            help=f"bring the input to {other} first, or write `{step.label}` again for weights of its own",
        )
    return source.weights


def _of_one_size(step: Step, known: _Known) -> None:
    """Look at the images of an architecture that is used again: it was made for one size, and takes no other.

    Raises:
        Refusal: S302 for another size.
        Unsettled: what comes is known of only one of the two, and what comes of it hangs on the other.
    """
    source = known.steps.get(step.shares or "")
    one, other = (known.tensor(_refs(s)[0]).shape for s in (source or step, step))
    if one is None or other is None or one[1:] == other[1:]:
        return
    if not alike(one, other, apart=[0]):
        raise Refusal(
            codes.S302,
            f"`{step.shares}` was made for images {show(one)}, and is given {show(other)}",
            help=f"bring them to that size first with `Resizing`, or write `{step.label}` again for weights of its own",
        )
    raise Unsettled


def _shown(step: Step, known: _Known) -> str:
    return " and ".join(show(t.shape) for ref in _refs(step) for t in known.tensors(ref))


def _origins(step: Step, known: _Known) -> tuple[Related, ...]:
    """Where the tensors that do not fit each other got their shapes: the first one, and the first that differs."""
    shapes = {ref: tensors for ref in dict.fromkeys(_refs(step)) if (tensors := known.tensors(ref))}
    first = next(iter(shapes.values()), ())
    other = next((ref for ref, tensors in shapes.items() if tensors != first), None)
    if other is None:
        return ()
    told = []
    for ref in (next(iter(shapes)), other):
        made = known.steps.get(ref.name)
        span = made.span if made else known.declared.get(ref.name)
        what = f"this `{made.label}` gives" if made else f"the input `{ref.name}` is"
        if span is not None and span != step.span:
            told.append(Related(f"{what} {' and '.join(show(tensor.shape) for tensor in shapes[ref])}", span))
    return tuple(told)


def _refs(step: Step) -> tuple[Ref, ...]:
    return tuple(r for edge in step.inputs.values() for r in (edge if isinstance(edge, tuple) else (edge,)))


def _waits(value: Any) -> bool:
    """Whether a value, or anything in it, is known only once data was read."""
    if isinstance(value, Call):
        return any(_waits(one) for one in value.arguments.values())
    if isinstance(value, dict):
        return any(_waits(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_waits(one) for one in value)
    return value is UNKNOWN_VALUE


def _is_open(plan: Plan, given: Input) -> bool:
    """Whether an input's shape comes from the data, and is not all known yet."""
    model = plan.tree.get("model")
    if plan.dataset is None or (model is not None and "inputs" in model):
        return False
    return given.tensor.shape is None or None in given.tensor.shape[1:]
