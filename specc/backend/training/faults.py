"""What Keras and TensorFlow raise, as diagnostics at the place in the spec that asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from traceback import walk_tb
from typing import Any

import tensorflow as tf

from specc import codes
from specc.backend.lower import reason
from specc.backend.training.room import TOO_MUCH, Room
from specc.calls import Call
from specc.diagnostics import Code, Log, Rejected, Span
from specc.plan import Plan, Step, Training

REFUSALS = (
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    tf.errors.InvalidArgumentError,
)
"""What Keras and TensorFlow raise while a step is traced, where shapes or types do not go together."""

LOST = (tf.errors.UnavailableError, tf.errors.AbortedError)
"""What an operation of several processes raises when one of them does not answer any more."""

ONEDNN = "Operation received an exception:Status:"
"""How an error begins that is oneDNN's, which does the arithmetic on a CPU; TensorFlow raises it as `AbortedError`."""

_TASK = r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)"
_LOST = (re.compile(f"remote target {_TASK}"), re.compile(_TASK))
"""How an error names a process that does not answer; without a remote target, the first that it names at all."""
_OWN = re.compile(r"\{\{.*?\}\}")
"""In the name of the operation that failed an error names the process that complains."""
_OPERATION = re.compile(r"^(?P<message>.*\S)\s*\[\[\{\{node (?P<node>[^}]+)\}\}\]\]", re.MULTILINE)
_ALLOCATION = re.compile(r"shape\[(?P<shape>[\d,]+)\] and type (?P<type>\w+)")


@contextmanager
def blamed(log: Log, code: Code, span: Span, what: str) -> Iterator[None]:
    """Report what Keras refuses inside as the fault of one place. Raises `Rejected`."""
    try:
        yield
    except REFUSALS as error:
        log.report(code, span, f"Keras cannot compute {what} here: {reason(error)}")
        raise Rejected(log) from error


def loss_scope(number: int) -> str:
    """The name under which operations of the loss with this number stand in the graph."""
    return f"specc_loss_{number}"


def metric_scope(number: int) -> str:
    """The name under which operations of the metric with this number stand in the graph."""
    return f"specc_metric_{number}"


def of_callback(
    error: Exception,
    callbacks: Sequence[Sequence[Any]],
    trackers: Sequence[Any],
    plan: Plan,
    training: Training,
    log: Log,
) -> bool:
    """Report an error at the callback that raised it, of one of the phases, or at the tracker; False when none did.

    Keras calls callbacks through a list of its own, so the traceback is where one sees which it was.
    """
    made = [
        pair
        for some, phase in zip(callbacks, training.phases, strict=True)
        for pair in zip(some, phase.callbacks, strict=True)
    ]
    made += zip(trackers, plan.runtime.tracking, strict=False)
    for frame, _ in walk_tb(error.__traceback__):
        for callback, call in made:
            if frame.f_locals.get("self") is callback:
                log.report(codes.S105, call.span or training.span, f"`{call.name}` failed: {reason(error)}")
                return True
    return False


def report(error: tf.errors.OpError, room: Room, training: Training, log: Log) -> None:
    """Say what an operation of TensorFlow's did not take while training ran, at the step, loss or metric it belongs to.

    `room` is the memory that there was when training began.
    """
    plan = room.plan
    found = _OPERATION.search(str(error))
    message = found["message"].strip() if found else reason(error)
    node = found["node"] if found else ""
    step = step_of(node, plan)
    span = step.span if step else plan.network.outputs[0].span
    if isinstance(error, tf.errors.ResourceExhaustedError):
        tensor = _ALLOCATION.search(message)
        what = f"a {tensor['type']} tensor of shape ({tensor['shape'].replace(',', ', ')})" if tensor else "a tensor"
        within = f" in `{step.name}`" if step else ""
        room.shortage(log, f"the device has no memory left for {what}{within}", span=span)
    elif ONEDNN in message and TOO_MUCH * room.needed.training > room.free:
        # It says no more than that it could not, and what else can it be?
        within = f" in `{step.name}`" if step else ""
        room.shortage(log, f"the device has no memory left{within}", span=span)
    elif isinstance(error, LOST) and ONEDNN not in message:
        _close_pools(error)
        told = _OWN.sub("", str(error))
        lost = next((found for pattern in _LOST if (found := pattern.search(told))), None)
        log.report(
            codes.S610,
            plan.runtime.strategy.span or plan.tree.span,
            f"{f'{lost[1]} {lost[2]}' if lost else 'a process'} of the cluster is gone, and the others cannot go on",
            help="its log says why, or the scheduler's; `specc launch` says which process failed first",
        )
    elif metric := metric_of(node, training):
        told = _lower(message.partition("  Label values")[0])
        log.report(codes.S404, metric.span or training.span, f"`{metric.name}` cannot be computed: {told}")
    elif "label value" in message:
        loss = loss_of(node, training)
        log.report(
            codes.S504,
            (loss.span if loss else None) or training.span,
            f"a target is no class of the network's output: {_lower(message.partition('  Label values')[0])}",
            help="give the output one unit for each class: `${targets.NAME.classes}`",
        )
    elif step is not None and "is not in [0," in message:
        log.report(
            codes.S504,
            span,
            f"`{step.label}` was asked for an entry that it does not have: {_lower(message)}",
            help="its first argument must be above every index that the data holds",
        )
    else:
        what = f"`{step.label}`" if step else "an operation of TensorFlow's"
        log.report(codes.S105, span if step else training.span, f"{what} failed while training: {_lower(message)}")


def _close_pools(error: Exception) -> None:
    """Close what TensorFlow leaves open where adding up over processes fails; Python would complain at its end."""
    for frame, _ in walk_tb(error.__traceback__):
        if isinstance(pool := frame.f_locals.get("pool"), ThreadPool):
            pool.terminate()


def loss_of(node: str, training: Training) -> Call | None:
    """The loss that an operation belongs to."""
    scopes = node.split("/")
    terms = enumerate(training.terms)
    return next((term.loss for number, term in terms if loss_scope(number) in scopes), None)


def metric_of(node: str, training: Training) -> Call | None:
    """The metric that an operation belongs to."""
    scopes = node.split("/")
    calls = (call for some in training.metrics.values() for call in some)
    return next((call for number, call in enumerate(calls) if metric_scope(number) in scopes), None)


def step_of(node: str, plan: Plan) -> Step | None:
    """The step that an operation belongs to: Keras names scopes after layers, and numbers them when they come again."""
    steps = {step.name: step for step in plan.network.steps}
    for part in reversed(node.split("/")):
        for name in (re.sub(r"_\d+$", "", part), part):
            if name in steps:
                return steps[name]
    return None


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(" .")
