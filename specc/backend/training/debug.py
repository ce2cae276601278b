"""Where a loss that is not finite began: the last steps taken again, and the one that did it looked at from inside."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc.backend.network import operate, pick, tensors_of, turn
from specc.backend.objective import Objective
from specc.backend.training.checkpoint import restore, values_of, variables_of
from specc.backend.training.reduction import mask_of
from specc.backend.training.steps import Steps
from specc.diagnostics import Log, Span
from specc.plan import Phase, Plan, Ref, Step

Values = list[np.ndarray[Any, Any]]
Tensors = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where numbers ceased to be finite. `epoch` and `step` count from 1.

    `what` is what was not finite there, `span` the place in the spec, None where it has none. `examples` are those that
    it was seen in, by their places in the batch; none where it is of no example.
    """

    epoch: int
    step: int
    what: str
    span: Span | None
    examples: tuple[int, ...] = ()


@dataclass(slots=True)
class Trail:
    """Where a training has been before its last two calls of the compiled loop.

    One may not be enough: a gradient that is not finite shows in the loss of the step that comes after it.
    """

    plan: Plan
    phase: Phase
    _marks: deque[tuple[int, int, Values]] = field(default_factory=lambda: deque(maxlen=2))

    def mark(self, steps: Steps, epoch: int, step: int) -> None:
        """Remember all that changes, before this step."""
        self._marks.append((epoch, step, values_of(_changing(steps))))

    def follow(
        self, steps: Steps, stream: Callable[[int, int], Any], in_epoch: int, epoch: int, step: int
    ) -> Beginning | None:
        """Take the steps since the first mark again, up to this one, and look into the first that leaves no finite
        weights; None where this time all of them do.

        Args:
            stream: global batches from a step of an epoch on. in_epoch: how many steps an epoch has.
        """
        at, changing = self._marks[0][:2], _changing(steps)
        self._restore(steps, self._marks[0][2])
        iterator = steps.feed(stream(*at))
        while at <= (epoch, step):
            before = values_of(changing)
            tally = steps.train(iterator, tf.constant(1), steps.nothing())
            if int(tally.bad) >= 0 or not _all_finite(changing):
                batch = next(iter(stream(*at)))
                what, span, examples = _look(self.plan, self.phase, steps.objective, before, batch)
                return Beginning(at[0] + 1, at[1] + 1, what, span, tuple(examples))
            at = (at[0], at[1] + 1) if at[1] + 1 < in_epoch else (at[0] + 1, 0)
        return None

    def _restore(self, steps: Steps, values: Values) -> None:
        with steps.strategy.scope():
            restore(_changing(steps), values)


def _changing(steps: Steps) -> list[Any]:
    return variables_of(steps.model, steps.objective.optimizer)


def _all_finite(variables: Sequence[Any]) -> bool:
    return all(_finite(variable.value.read_value()) for variable in variables if variable.trainable)


Found = tuple[str, Span | None, list[int]]


def _look(plan: Plan, phase: Phase, objective: Objective, values: Values, batch: tuple[Any, ...]) -> Found:
    """What ceases to be finite in a step from these values on, on one device and without a graph."""
    inputs, targets, *_ = batch
    given, made = tensors_of(plan, Log())
    model = keras.Model(given, {output.name: pick(output.ref, made) for output in plan.network.outputs})
    turn(model, plan, phase)
    restore(model.variables, values[: len(model.variables)])
    walk = _Walk(plan, model)
    with tf.GradientTape() as tape:
        predictions = walk({name: inputs[name] for name in given}, training=True)
        losses = [term.weight * term.loss(targets[term.target], predictions[term.output]) for term in objective.terms]
        total = tf.add_n([tf.cast(loss, tf.float32) for loss in (*losses, *walk.losses)])
    if _finite(total):
        return _sink(plan, walk, tape, total) or ("the optimizer's step: its gradients are finite", objective.span, [])
    for term, loss in zip(objective.terms, losses, strict=True):
        if not _finite(loss):
            ref = next(output.ref for output in plan.network.outputs if output.name == term.output)
            itself: Found = f"`{term.loss.name}` itself: the output that it is computed from is finite", term.span, []
            return _source(plan, walk, ref) or itself
    return "a penalty of a regularizer", None, []


class _Walk(keras.layers.Layer):  # type: ignore[misc]
    """Calls the layers of a model one after the other, and keeps what each takes and gives.

    Each takes a copy of its own, so that the gradient of the copy is of what goes through this step alone.
    """

    def __init__(self, plan: Plan, model: keras.Model) -> None:
        super().__init__(autocast=False)
        self.model = model
        self.plan = plan

    def call(self, inputs: Mapping[str, Any], training: bool = True) -> dict[str, Any]:
        made: dict[str, Any] = dict(inputs)
        taken: dict[str, list[Any]] = {}
        for step in self.plan.network.steps:
            took = taken[step.name] = []

            def copied(ref: Ref, took: list[Any] = took) -> Any:
                return tf.nest.map_structure(lambda tensor: _copy(tensor, took), pick(ref, made))

            tensors = {
                name: [copied(ref) for ref in edge] if isinstance(edge, tuple) else copied(edge)
                for name, edge in step.inputs.items()
            }
            made[step.name] = self._apply(step, tensors)
        self.walked = _Walked(
            {name: _floating(tensors) for name, tensors in made.items()},
            {name: _floating(tensors) for name, tensors in taken.items()},
        )
        return {output.name: pick(output.ref, made) for output in self.plan.network.outputs}

    def _apply(self, step: Step, tensors: Mapping[str, Any]) -> Any:
        if step.call.family == "ops":
            return operate(step.call, step, tensors)
        layer = self.layer(step)
        if len(tensors) == 1:
            return layer(next(iter(tensors.values())), **step.options)
        return layer(**tensors, **step.options)

    def layer(self, step: Step) -> Any:
        return self.model.get_layer(step.shares or step.name)


@dataclass(frozen=True, slots=True, eq=False)
class _Walked:
    """The tensors of floating point that each input and each step gave, and copies of those that each step took."""

    given: Mapping[str, Tensors]
    taken: Mapping[str, Tensors]

    def bad(self, name: str) -> bool:
        return not all(map(_finite, self.given[name]))


def _source(plan: Plan, walk: _Walk, ref: Ref) -> Found | None:
    """The first on the way to an output whose answer is not finite, though all that it was given is."""
    walked, steps = walk.walked, {step.name: step for step in plan.network.steps}
    name = ref.name
    if not walked.bad(name):
        return None
    while name in steps and (behind := [ref.name for ref in refs(steps[name]) if walked.bad(ref.name)]):
        name = behind[0]
    examples = _examples(walked.given[name])
    if name not in steps:
        return f"the input `{name}`, which is {_which(walked.given[name])}", None, examples
    return f"`{name}`, whose answer is {_which(walked.given[name])}", steps[name].span, examples


def _sink(plan: Plan, walk: _Walk, tape: Any, total: Any) -> Found | None:
    """The first on the way back whose gradients are not finite, though the one that came to it is."""
    walked = walk.walked
    weights = {
        step.name: [] if step.call.family == "ops" else [v.value for v in walk.layer(step).trainable_variables]
        for step in plan.network.steps
    }
    sources = {"given": walked.given, "taken": walked.taken, "weights": weights}
    gradients = tape.gradient(total, sources)
    given, taken, learnt = (
        {name: [tf.convert_to_tensor(g) for g in some if g is not None] for name, some in gradients[kind].items()}
        for kind in sources
    )
    for step in reversed(plan.network.steps):
        if not all(map(_finite, given[step.name])):
            continue
        for found, label in ((taken, "the gradient through"), (learnt, "the gradient of the weights of")):
            if not all(map(_finite, found[step.name])):
                examples = _examples(found[step.name]) if found is taken else []
                return f"{label} `{step.name}`, which is {_which(found[step.name])}", step.span, examples
    for output in plan.network.outputs:
        arrived = given[output.ref.name]
        if not all(map(_finite, arrived)):
            return f"the gradient of the loss of `{output.name}`, which is {_which(arrived)}", None, _examples(arrived)
    return None


def _copy(tensor: Any, took: list[Any]) -> Any:
    if not tf.is_tensor(tensor):
        return tensor
    copy = tf.identity(tensor)
    if (mask := mask_of(tensor)) is not None:
        copy._keras_mask = mask
    took.append(copy)
    return copy


def _floating(tensors: Any) -> list[Any]:
    return [t for t in tf.nest.flatten(tensors) if tf.is_tensor(t) and t.dtype.is_floating]


def refs(step: Step) -> Iterator[Ref]:
    """What a step takes."""
    for edge in step.inputs.values():
        yield from edge if isinstance(edge, tuple) else (edge,)


def _finite(tensor: Any) -> bool:
    return not tensor.dtype.is_floating or bool(tf.reduce_all(tf.math.is_finite(tensor)))


def _which(tensors: Tensors) -> str:
    nan = any(t.dtype.is_floating and bool(tf.reduce_any(tf.math.is_nan(t))) for t in tensors)
    return "NaN" if nan else "infinite"


def _examples(tensors: Tensors) -> list[int]:
    """The examples in which tensors `[examples, …]` are not finite; none where all are, since that tells nothing."""
    for tensor in tensors:
        if tensor.shape.rank and not _finite(tensor):
            rows = tf.reshape(tf.math.is_finite(tensor), (tensor.shape[0], -1))
            bad = np.flatnonzero(~tf.reduce_all(rows, axis=1).numpy())
            return bad.tolist() if len(bad) < len(rows) else []
    return []
