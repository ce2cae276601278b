"""What a run needs before anything else of it is made: a plan that is whole, and devices and processes to run it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.framework.config import disable_op_determinism

from specc import codes, kinds
from specc.diagnostics import Log, Refusal, Rejected
from specc.plan import Dataset, Plan, Training


def complete(plan: Plan, log: Log) -> tuple[Dataset, Training]:
    """The data and the training of a plan that is to be run.

    Raises:
        Rejected: S104 is in `log` where it lacks one of them.
    """
    for name, part in (("dataset", plan.dataset), ("training", plan.training)):
        if part is None:
            log.report(codes.S104, plan.tree.span, f"a run needs `{name}`, which this spec does not have")
    if plan.dataset is None or plan.training is None:
        raise Rejected(log)
    return plan.dataset, plan.training


def without_backups(plan: Plan, log: Log) -> None:
    """Refuse what would bring one of several processes back to another step than the rest.

    Raises:
        Rejected: S105 is in `log` at the callback.
    """
    for call in plan.training.callbacks if plan.training else ():
        if call.name == "BackupAndRestore":
            message = "`BackupAndRestore` cannot bring several processes back to the same step"
            help = "leave it out: a run takes checkpoints anyway, and `--resume` goes on from the last"
            log.report(codes.S105, call.span or plan.tree.span, message, help=help)
            raise Rejected(log)


def determine(plan: Plan) -> None:
    """Have operations give the same bits each time, or be fast: for the whole process, as TensorFlow has it."""
    if plan.runtime.deterministic:
        tf.config.experimental.enable_op_determinism()
    else:
        # TensorFlow's public interface has no word for taking it back.
        disable_op_determinism()


def strategy_of(plan: Plan, log: Log) -> Any:
    """The `tf.distribute.Strategy` of a plan.

    To be made first of all: devices can be divided, and processes joined, only before anything else has run on them.

    Raises:
        Rejected: S601 is in `log` where this machine does not have it.
    """
    call = plan.runtime.strategy
    try:
        return kinds.word("strategies", call.name)(**call.arguments).create(tf)
    except Refusal as refusal:
        log.refuse(refusal, call.spans.get(refusal.argument, call.span or plan.tree.span))
        raise Rejected(log) from refusal
