"""The strategy that spreads a spec over several processes."""

from __future__ import annotations

from typing import Any

from specc.codes import S601, S602
from specc.diagnostics import Log, Rejected
from specc.plan import Plan

SPREAD = ("multi_worker", "parameter_server")


def spread(plan: Plan, workers: int, servers: int, log: Log) -> dict[str, Any]:
    """What is to be laid over a spec so that it runs in so many processes; nothing where it says so itself.

    Raises:
        Rejected: with S601 in `log` where the spec asks for a strategy that does not go with them, S602 where a worker
            would have nothing to do.
    """
    call = plan.runtime.strategy
    needed = SPREAD[bool(servers)]
    message, code = "", S601
    if call.name in SPREAD and call.name != needed:
        message = f"the spec asks for `{call.name}`, and there is to be {'a server' if servers else 'no server'}"
        remedy = "leave out `--servers`" if servers else "add `--servers 1`"
    elif call.name not in (*SPREAD, "auto"):
        message = f"the spec asks for `{call.name}`, which is of one process"
        remedy = f"`--set runtime.strategy={needed}` spreads it, and so does a spec without `runtime.strategy`"
    elif not servers and plan.dataset is not None and plan.dataset.batch_size < workers:
        code = S602
        message = f"a batch of {plan.dataset.batch_size} cannot be shared by {workers} workers"
        remedy = f"take fewer workers, or a `batch_size` of {workers} or more"
    if message:
        log.report(code, call.span or plan.tree.span, message, help=remedy)
        raise Rejected(log)
    laid: dict[str, Any] = {} if call.name == needed else {"runtime.strategy": needed}
    if needed == "parameter_server" and servers != call.arguments.get("servers", 1):
        laid = {"runtime.strategy": {needed: {"servers": servers}}}
    return laid
