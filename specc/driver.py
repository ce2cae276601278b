"""The order of the passes, and the one door to what needs TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from specc import kinds
from specc.codes import S606
from specc.data.portrait import Portrait, look
from specc.diagnostics import Log, Refusal, Rejected, Span
from specc.passes.advise import advise
from specc.passes.bind import bind
from specc.passes.compose import compose
from specc.passes.conform import conform
from specc.passes.infer import infer
from specc.passes.judge import judge
from specc.passes.read import load, read
from specc.passes.target import aim_at_tpu
from specc.plan import Plan
from specc.tree import Source

if TYPE_CHECKING:
    import keras

    from specc.backend.data.batch import Batch
    from specc.backend.job import Run
    from specc.backend.training.rates import Sweep

INSTALL = "pip install 'specc[train]' (with CUDA: 'specc[gpu]')"

SERVING = ("starlette", "uvicorn", "httptools", "orjson", "prometheus_client")
"""What a server is made of."""


def open_spec(
    path: str | os.PathLike[str],
    log: Log,
    *,
    params: Mapping[str, Any] | None = None,
    sets: Mapping[str, Any] | None = None,
) -> Source:
    """The spec at a path, with what is laid over it: values of its `params`, and values by their path.

    Raises:
        Rejected: with S501 in `log` when there is no such file, S001 when it is not text.
    """
    text = load(os.fspath(path), log)
    if text is None:
        raise Rejected(log)
    return Source(os.fspath(path), text, params or {}, sets or {})


def check(source: Source, log: Log, *, tpu_cores: int | None = None) -> Plan:
    """Turn a spec into a plan, or raise `Rejected` with every reason in `log`.

    With `tpu_cores`, also what cannot run on a TPU of so many is a reason.
    """
    document = log.stage(read, source)
    document = log.stage(compose, document)
    document = log.stage(conform, document)
    plan = log.stage(bind, document)
    plan = log.stage(infer, plan)
    plan = log.stage(judge, plan)
    plan = log.stage(advise, plan)
    return plan if tpu_cores is None else log.stage(partial(aim_at_tpu, cores=tpu_cores), plan)


def look_at_data(plan: Plan, log: Log, *, full: bool = False) -> Portrait | None:
    """Open the data of a plan without TensorFlow, check it, and say what it is like; None for a plan without data.

    With `full`, every row is read, and every file; else the first hundred thousand rows.

    Raises:
        Rejected: every reason is in `log`.
    """
    return look(plan, log, full=full)


def first_batch(plan: Plan, log: Log, examples: int) -> Batch:
    """The first training examples, as the network gets them, and what of them a person can look at.

    Raises:
        Rejected: every reason is in `log`.
    """
    batch: Batch = backend("data.batch", log, plan.source.path).first_batch(plan, log, examples)
    return batch


def build(plan: Plan, log: Log) -> keras.Model:
    """The network of a plan, compiled where the plan has training. Data is read where the network depends on it.

    Raises:
        Rejected: every reason is in `log`.
    """
    path = plan.source.path
    if plan.open_facts:
        data = backend("data", log, path).open_data(plan, log)
        plan = check(replace(plan.source, facts=data.facts()), log)
    model: keras.Model = backend("network", log, path).build(plan, log)
    if plan.training is not None:
        backend("objective", log, path).compile_model(model, plan, log)
    return model


def compile_for_tpu(plan: Plan, cores: int, log: Log) -> None:
    """Have XLA compile the training step of a plan for one of the cores of a TPU, without there being one.

    Data is read where the network depends on it.

    Raises:
        Rejected: S603 is in `log`, at the step that does not compile; or the reason why nothing can be built.
    """
    path = plan.source.path
    if plan.open_facts:
        data = backend("data", log, path).open_data(plan, log)
        plan = check(replace(plan.source, facts=data.facts()), log, tpu_cores=cores)
    backend("xla", log, path).compile_step(plan, cores, log)


def run(
    plan: Plan,
    out: Path | None,
    log: Log,
    *,
    dry_run: bool = False,
    resume: bool = False,
    debug: bool = False,
    show_progress: bool = False,
) -> Run:
    """Train, evaluate and export what a plan describes, into the directory `out` or the next free `runs/NAME-N`.

    With `resume` the run in `out`, or the last of this name that is not finished, is gone on with.
    With `debug`, a loss that is not finite is followed back to where it began.

    Raises:
        Rejected: every reason is in `log`.
    """
    path = plan.source.path

    def replan(facts: Mapping[str, Mapping[str, Any]]) -> Plan:
        return check(replace(plan.source, facts=facts), log)

    work = backend("run", log, path)
    progress = backend("training.progress", log, path).progress() if show_progress else None
    try:
        done: Run = work.run(
            plan, out, log, dry_run=dry_run, resume=resume, debug=debug, replan=replan, progress=progress
        )
    except Refusal as refusal:
        log.refuse(refusal, Span(path if out is None else str(out), 1, 1, 1, 1))
        raise Rejected(log) from refusal
    return done


def join_cluster(plan: Plan, log: Log) -> bool:
    """Serve the run of another process until that is over, where this one is a worker or a server of its cluster.

    False, at once, where it is to run itself.

    Raises:
        Rejected: every reason is in `log`.
    """
    if not hasattr(kinds.word("strategies", plan.runtime.strategy.name), "serve"):
        return False
    served: bool = backend("joining", log, plan.source.path).join_cluster(plan, log)
    return served


def find_rate(plan: Plan, out: Path | None, log: Log, *, show_progress: bool = False) -> tuple[Path, Sweep]:
    """Try ever greater learning rates on the network of a plan; what was found, and a new directory to keep it in.

    Raises:
        Rejected: every reason is in `log`.
    """
    path = plan.source.path

    def replan(facts: Mapping[str, Mapping[str, Any]]) -> Plan:
        return check(replace(plan.source, facts=facts), log)

    work = backend("finding", log, path)
    progress = backend("training.progress", log, path).progress() if show_progress else None
    try:
        found: tuple[Path, Sweep] = work.find_rate(plan, out, log, replan=replan, progress=progress)
    except Refusal as refusal:
        log.refuse(refusal, Span(path if out is None else str(out), 1, 1, 1, 1))
        raise Rejected(log) from refusal
    return found


def serving(log: Log, path: str) -> ModuleType:
    """`specc.backend.serving`, for the run or the SavedModel at `path`.

    Raises:
        Rejected: with S606 in `log`, when a package of the extra `serve` is not installed.
    """
    if lacking := [name for name in SERVING if find_spec(name) is None]:
        what = ", ".join(f"`{name}`" for name in lacking)
        message = f"serving needs {what}, which {'is' if len(lacking) == 1 else 'are'} not installed"
        log.report(S606, Span(path, 1, 1, 1, 1), message, help="pip install 'specc[serve]'")
        raise Rejected(log)
    return backend("serving", log, path)


def backend(part: str, log: Log, path: str) -> ModuleType:
    """A module of `specc.backend` by its name, loaded when it is first needed: the one late import of the package.

    Raises:
        Rejected: with S606 in `log`, at the beginning of the spec or run at `path`, when TensorFlow is not installed
            or cannot be loaded.
    """
    if find_spec("tensorflow") is None or find_spec("keras") is None:
        log.report(S606, Span(path, 1, 1, 1, 1), "this needs TensorFlow, which is not installed", help=INSTALL)
        raise Rejected(log)
    try:
        return import_module(f"specc.backend.{part}")
    except ImportError as error:
        if (error.name or "").startswith("specc"):
            raise  # A slip of ours, and no package that is missing.
        log.report(S606, Span(path, 1, 1, 1, 1), f"what this needs does not load: {error}", help=INSTALL)
        raise Rejected(log) from error
