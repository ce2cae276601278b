"""What Keras and TensorFlow raise, as diagnostics at the place in the spec that asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from traceback import walk_tb
from typing import Any

import tensorflow as tf

from specc import codes
from specc.backend.lower import reason
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


CALLBACK_FAILURES = (ValueError, KeyError, TypeError, AttributeError, ImportError, OSError, RuntimeError)


def of_callback(error: BaseException, callbacks: Sequence[Sequence[Any]], training: Training, log: Log) -> bool:
    """Report an error at the callback that raised it, of one of the phases; False when none did.

    Keras calls callbacks through a list of its own, so the traceback is where one sees which it was.
    """
    made = [
        pair
        for some, phase in zip(callbacks, training.phases, strict=True)
        for pair in zip(some, phase.callbacks, strict=True)
    ]
    for frame, _ in walk_tb(error.__traceback__):
        for callback, call in made:
            if frame.f_locals.get("self") is callback:
                log.report(codes.S105, call.span or training.span, f"`{call.name}` failed: {reason(error)}")
                return True
    return False


def report(error: tf.errors.OpError, plan: Plan, training: Training, log: Log) -> None:
    """Say what an operation of TensorFlow's did not take while training ran, at the step or the loss it belongs to."""
    found = _OPERATION.search(str(error))
    message = found["message"].strip() if found else reason(error)
    node = found["node"] if found else ""
    step = step_of(node, plan)
    span = step.span if step else plan.network.outputs[0].span
    if isinstance(error, tf.errors.ResourceExhaustedError):
        tensor = _ALLOCATION.search(message)
        what = f"a {tensor['type']} tensor of shape ({tensor['shape'].replace(',', ', ')})" if tensor else "a tensor"
        within = f" in `{step.name}`" if step else ""
        size = plan.dataset.batch_size if plan.dataset else 0
        log.report(
            codes.S604,
            span,
            f"the device has no memory left for {what}{within}",
            help=f"a smaller `batch_size` than {size}, or a smaller network, needs less",
        )
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


def loss_of(node: str, training: Training) -> Call | None:
    """The loss that an operation belongs to."""
    scopes = node.split("/")
    terms = enumerate(training.terms)
    return next((term.loss for number, term in terms if loss_scope(number) in scopes), None)


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
