"""A run, whole: strategy, data and network made ready, and then trained, evaluated and exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import tensorflow as tf

from specc.backend import rundir, xla
from specc.backend.data import open_data
from specc.backend.export import demand, rehearse
from specc.backend.job import Job, Run
from specc.backend.network import build, turn
from specc.backend.objective import class_weights, compile_model
from specc.backend.setup import complete, determine, strategy_of, without_backups
from specc.backend.training.coordinated import Coordinated
from specc.backend.training.progress import Progress, Silent
from specc.backend.training.room import Room
from specc.backend.training.steps import Steps
from specc.backend.training.together import Together
from specc.diagnostics import Log
from specc.plan import Phase, Plan

Facts = Mapping[str, Mapping[str, Any]]


def run(
    plan: Plan,
    out: Path | None,
    log: Log,
    *,
    dry_run: bool = False,
    resume: bool = False,
    debug: bool = False,
    replan: Callable[[Facts], Plan] | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train, evaluate and export what a plan describes.

    Args:
        plan: with `dataset` and `training`.
        out: the run directory, new or empty; None takes the next free `runs/NAME-N`.
        dry_run: one step and one evaluation on one batch each, and nothing is left behind.
        resume: go on with the run in `out`, or with the last of this name that is not finished; where there is none, a
            new one begins.
        debug: should the loss cease to be finite, take the last steps again and find where it began.
        replan: checks the spec again with what only the data could tell; used when the plan has `open_facts`.
        progress: is told how training goes on.

    Raises:
        Rejected: every reason is in `log`. What was learnt by a run that diverged is kept, without artefacts.
        Refusal: S105, S608 or S609, when `out` cannot be used.
    """
    complete(plan, log)
    demand(plan, log)
    determine(plan)
    strategy = strategy_of(plan, log)
    leads = Together(strategy).leads
    if leads and not dry_run:
        out = rundir.find(out, plan, resume=resume)
    job = prepared(plan, log, replan, strategy, debug=debug)
    tried = rehearse(job.plan, job.steps.model, job.data.states, log, progress) if leads else ()
    if dry_run:
        return job.rehearse(tried)
    if not leads:
        return job.follow()
    with rundir.claim(out, plan.name) as place:
        return job.perform(place.path, progress or Silent(), resumed=place.resumed)


def prepared(
    plan: Plan,
    log: Log,
    replan: Callable[[Facts], Plan] | None,
    strategy: Any = None,
    *,
    debug: bool = False,
    amend: Callable[[Plan], Plan] = lambda plan: plan,
) -> Job:
    """A run of a plan, once amended, that has everything it needs; without `strategy`, that of the plan is made."""
    started = perf_counter()
    if strategy is None:
        determine(plan)
        strategy = strategy_of(plan, log)
    if not Together(strategy).alone:
        without_backups(plan, log)
    data = open_data(plan, log)
    if plan.open_facts and replan is not None:
        fields = [f.name for f in plan.fields]
        plan = replan(data.facts())
        if [f.name for f in plan.fields] != fields:
            data = open_data(plan, log)
    plan = amend(plan)
    dataset, training = complete(plan, log)
    batch = min(dataset.batch_size, data.splits["train"].examples)
    with Room(plan, batch).explained(log), strategy.scope():
        model = build(plan, log)
    kind = Coordinated if isinstance(strategy, tf.distribute.ParameterServerStrategy) else Steps
    weights = class_weights(training, data.splits["train"])

    def compiled(phase: Phase) -> Steps:
        with strategy.scope():
            turn(model, plan, phase)
            objective = compile_model(model, plan, log, phase)
        chosen = xla.wanted(plan, strategy, model, log)
        with strategy.scope():
            return kind(strategy, model, objective, log, weights, dataset.batch_size, xla=chosen)

    # The first one last: what is wrong with any of them is told before training begins.
    steps = [compiled(phase) for phase in reversed(training.phases)][-1]
    room = Room(plan, batch, steps.parts)
    if steps.on_cpus and not steps.xla:  # XLA's programs hold less than is reckoned with
        room.foresee(log)
    return Job(plan, dataset, training, data, steps, compiled, room, log, started, debug)
