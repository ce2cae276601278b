"""What XLA compiles: for a TPU the whole training step, asked of XLA on this machine; else the passes of a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import keras
import tensorflow as tf

from specc import codes
from specc.backend.kernels import Operation, kinds, lacking
from specc.backend.lower import reason
from specc.backend.network import build, operate
from specc.backend.objective import compile_model, symbolic_targets
from specc.backend.training.faults import loss_of, step_of
from specc.backend.training.steps import Steps
from specc.backend.training.trial import Trial
from specc.diagnostics import Code, Log, Rejected
from specc.plan import Edge, Plan, Step

OPEN = re.compile(r"\[(?:\d+,)*<=\d+")
"""A shape of XLA's with a bound in place of a size, which a TPU does not take."""
MADE_BY = re.compile(r'op_type="([^"]+)" op_name="([^"]+)"')
"""The kind and the name of the TensorFlow operation that a line of a program comes from."""
OPTIONAL = (tf.errors.OpError, ValueError, TypeError, NotImplementedError)
"""What TensorFlow raises where XLA does not take a graph."""


def compile_step(plan: Plan, cores: int, log: Log) -> None:
    """Compile one optimizer step as each of `cores` would take it; without `training`, one forward pass.

    Raises:
        Rejected: S603 is in `log`, at the step or the loss that cannot be compiled.
    """
    model = build(plan, log)
    batch = plan.dataset.batch_size // cores if plan.dataset else 1
    inputs = {name: _spec(tensor, batch) for name, tensor in model.input.items()}
    if plan.training is None:
        taken: Callable[..., Any] = model
        given: tuple[Any, ...] = (inputs,)
    else:
        objective = compile_model(model, plan, log)
        taken = Steps(tf.distribute.get_strategy(), model, objective, log).once
        targets = symbolic_targets(plan, plan.training, model.output)
        given = (inputs, {name: _spec(tensor, batch) for name, tensor in targets.items()})
    graph = tf.function(taken, autograph=False).get_concrete_function(*given)
    _report(lacking(graph), plan, log, codes.S603, "cannot run on a TPU")
    compiled = tf.function(taken, autograph=False, jit_compile=True)
    try:
        zeros = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), given)
        program: str = compiled.experimental_get_compiler_ir(*zeros)(stage="hlo")
    except OPTIONAL as error:
        step = step_of(str(error), plan)
        span = step.span if step else plan.network.outputs[0].span
        what = f"`{step.label}`" if step else "the training step"
        log.report(codes.S603, span, f"XLA cannot compile {what}: {reason(error)}")
        raise Rejected(log) from error
    made = [MADE_BY.search(line) for line in program.splitlines() if OPEN.search(line)]
    if made:
        _report_open([Operation(found[1], found[2]) for found in made if found], plan, log)
        raise Rejected(log)


def wanted(plan: Plan, strategy: Any, model: keras.Model, log: Log) -> bool:
    """Whether XLA is to compile a model from the first step on: where the plan says so. Left to us, it is tried later.

    Raises:
        Rejected: S611 is in `log` at each step that XLA has no kernel for.
    """
    if not plan.runtime.xla:
        return False
    _report(lacking(_passes(strategy, model)), plan, log, codes.S611, "cannot be compiled by XLA")
    return True


def trial(plan: Plan, steps: Steps) -> Trial | None:
    """A trial of XLA where it is left to us, on one device; none in a deterministic run, whose numbers are to stay.

    Worth a trial are networks on examples of one size, since a program is made for each. On a CPU they are without
    convolutions, which XLA makes several times slower there than TensorFlow's own are.
    """
    alone = isinstance(steps.strategy, tf.distribute.OneDeviceStrategy)
    if plan.runtime.xla is not None or plan.runtime.deterministic or not alone:
        return None

    def promising() -> bool:
        if any(None in tensor.shape[1:] for tensor in steps.model.input.values()):
            return False
        graph = _passes(steps.strategy, steps.model)
        slow = steps.on_cpus and any("Conv" in kind for kind in kinds(graph))
        return not slow and not lacking(graph)

    return Trial(steps, promising)


def _passes(strategy: Any, model: keras.Model) -> Any:
    """The graph of a forward and a backward pass of a model, on a batch of any size."""

    def passes(inputs: dict[str, Any]) -> Any:
        with tf.GradientTape() as tape:
            outputs = [tensor for tensor in model(inputs, training=True).values() if tensor.dtype.is_floating]
            total = tf.add_n([tf.reduce_sum(tf.cast(tensor, tf.float32)) for tensor in (*outputs, *model.losses)])
        return tape.gradient(total, [variable.value for variable in model.trainable_variables])

    specs = {name: tf.TensorSpec(tensor.shape, tensor.dtype) for name, tensor in model.input.items()}
    taken = tf.function(lambda inputs: strategy.run(passes, args=(inputs,)), autograph=False)
    return taken.get_concrete_function(specs)


def _spec(tensor: Any, batch: int) -> tf.TensorSpec:
    return tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype)


def _report(operations: Iterable[Operation], plan: Plan, log: Log, code: Code, what_not: str) -> None:
    before = log.errors
    for operation in operations:
        message = f"{what_not}: there is no kernel for TensorFlow's `{operation.kind}`"
        loss = loss_of(operation.name, plan.training) if plan.training else None
        if loss is not None and plan.training is not None:
            log.report(code, loss.span or plan.training.span, f"`{loss.name}` {message}")
            continue
        step = step_with(operation, plan)
        span = step.span if step else plan.network.outputs[0].span
        what = f"`{step.label}`" if step else "the training step"
        log.report(code, span, f"{what} {message}", related=step.callers if step else ())
    if log.errors > before:
        raise Rejected(log)


def _report_open(operations: Iterable[Operation], plan: Plan, log: Log) -> None:
    """Report the first step that operations lead to: shapes after it are open because its own are."""
    step = next(filter(None, (step_with(operation, plan) for operation in operations)), None)
    what = f"`{step.label}`" if step else "something in the training step"
    log.report(
        codes.S603,
        step.span if step else plan.network.outputs[0].span,
        f"{what} gives as much as its values have it, and programs for a TPU have fixed shapes",
        help="mask what does not count instead: `ops.where` keeps the shape",
        related=step.callers if step else (),
    )


def step_with(operation: Operation, plan: Plan) -> Step | None:
    """The step that an operation belongs to: by its scopes, or, as ops have none, the one whose graph has its kind."""
    for name in (operation.name, *reversed(operation.callers)):
        if (step := step_of(name, plan)) is not None:
            return step
    for step in plan.network.steps:
        if step.call.family == "ops" and operation.kind in _kinds(step, plan):
            return step
    return None


def _kinds(step: Step, plan: Plan) -> set[str]:
    """The kinds of operation that a step of `keras.ops` is made of; none where a shape is not known."""
    given = {name: _tensors(edge, plan) for name, edge in step.inputs.items()}
    flat = [tensor for found in given.values() for tensor in (found if isinstance(found, list) else [found])]
    if any(tensor is None or tensor.shape is None for tensor in flat):
        return set()

    def taken(*values: Any) -> Any:
        left = iter(values)
        taken = {n: [next(left) for _ in t] if isinstance(t, list) else next(left) for n, t in given.items()}
        return operate(step.call, step, taken)

    specs = [tf.TensorSpec(tuple(d or 1 for d in tensor.shape), tensor.dtype) for tensor in flat]
    graph = tf.function(taken, autograph=False).get_concrete_function(*specs).graph
    return {node.type for node in graph.get_operations()}


def _tensors(edge: Edge, plan: Plan) -> Any:
    return [plan.network.tensor(ref) for ref in edge] if isinstance(edge, tuple) else plan.network.tensor(edge)
