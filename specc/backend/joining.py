"""A process of a cluster that serves the run of another one."""

from __future__ import annotations

import tensorflow as tf

from specc import kinds
from specc.diagnostics import Log, Refusal, Rejected
from specc.plan import Plan


def join_cluster(plan: Plan, log: Log) -> bool:
    """Serve until the run is over, where this process is one to serve; False, at once, where it is to run.

    Raises:
        Rejected: S601 is in `log` where the environment tells of no cluster.
    """
    call = plan.runtime.strategy
    try:
        return bool(kinds.word("strategies", call.name)(**call.arguments).serve(tf))
    except Refusal as refusal:
        log.refuse(refusal, call.span or plan.tree.span)
        raise Rejected(log) from refusal
