"""Finding a learning rate for a plan: all that a run has, tried and thrown away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from specc.backend import rundir
from specc.backend.run import Facts, complete, prepared
from specc.backend.training.progress import Progress, Silent
from specc.backend.training.rates import Sweep, steerable
from specc.diagnostics import Log
from specc.plan import Plan


def find_rate(
    plan: Plan,
    out: Path | None,
    log: Log,
    *,
    replan: Callable[[Facts], Plan] | None = None,
    progress: Progress | None = None,
) -> tuple[Path, Sweep]:
    """Try ever greater learning rates on the network of a plan as it is before training, and keep nothing of it.

    Args:
        out: a directory for what was found, new or empty; None takes the next free `runs/NAME-lr-N`.

    Returns:
        The directory, which is empty, and what was found.

    Raises:
        Rejected: as `run` does. Refusal: S105 or S609, when `out` cannot be used.
    """
    complete(plan, log)
    out = rundir.find(out, plan, resume=False)
    job = prepared(plan, log, replan, amend=steerable)
    found = job.try_rates(progress or Silent())
    with rundir.claim(out, f"{plan.name}-lr") as place:
        return place.path, found
