"""Callbacks that watch a value: is it measured in this run, under this name, and is it known which way it is better?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from specc import catalog, codes
from specc.calls import UNKNOWN_VALUE, Call
from specc.diagnostics import Log, nearest
from specc.passes.judge.case import Case, canonical
from specc.passes.judge.edits import instead
from specc.plan import Dataset, Plan, Training
from specc.text.spelling import meant

BEST_ONLY = ("ModelCheckpoint", "OrbaxCheckpoint")
"""Callbacks that read what they monitor only with `save_best_only: true`."""

UNDIRECTED = ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives", "Mean", "Sum")
"""Metrics of which Keras does not know whether more is better."""

ERRORS = re.compile(r"Error|Crossentropy|Hinge|Divergence|Poisson|False")
"""In the names of classes of which less is better."""


@dataclass(frozen=True, slots=True)
class Logged:
    """What a run measures.

    `names` are the keys of Keras's logs for the training split; `directed` those of metrics as they name themselves,
    of which Keras knows which way is better; `rises` says it of every one, and of those in `plain` for certain.
    `validated`: there are `val_` names as well.
    """

    names: tuple[str, ...]
    directed: frozenset[str]
    rises: Mapping[str, bool]
    plain: frozenset[str]
    validated: bool

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.names, *(f"val_{name}" for name in self.names)) if self.validated else self.names


def logged(plan: Plan, training: Training, cases: Sequence[Case]) -> Logged | None:
    """What a plan measures, under the names that Keras gives it; None where only data can tell a name."""
    outputs = [output.name for output in plan.network.outputs]
    rises = dict.fromkeys(("loss", *training.loss_names), False)
    directed = {"loss"}
    classes = {(case.output.name, id(metric)): case.measured_by(metric) for case in cases for metric in case.metrics}
    seen: dict[str, int] = {}
    plain = set(rises)
    for output in outputs:
        for metric in training.metrics.get(output, ()):
            name, built = log_name(metric), classes.get((output, id(metric)), canonical(metric))
            if name is None:
                return None
            if built not in UNDIRECTED:
                directed.add(name)
            full = f"{output}_{name}" if len(outputs) > 1 else name
            count = seen[full] = seen.get(full, -1) + 1
            key = f"{full}_{count}" if count else full
            rises[key] = not ERRORS.search(built)
            if built not in UNDIRECTED:
                plain.add(key)
    return Logged(tuple(rises), frozenset(directed), rises, frozenset(plain), _validates(plan.dataset))


def log_name(metric: Call) -> str | None:
    """How Keras names a metric in its logs: as it is told, by the alias that is written, or after its class."""
    given = metric.arguments.get("name")
    if given is not None:
        return given if isinstance(given, str) else None
    if metric.name in catalog.aliases("metrics"):
        return metric.name
    takes = catalog.signature("metrics", metric.name)
    if takes is None:
        return None
    own = takes.argument("name")
    return own.default if own and own.default else _snake(metric.name)


def judge_callbacks(plan: Plan, training: Training, cases: Sequence[Case], log: Log) -> None:
    """S105 at what a callback monitors, or puts in the name of a file, and no run of this plan measures."""
    known = logged(plan, training, cases)
    if known is None:
        return
    judged: set[int] = set()
    for phase in training.phases:
        adjusted = any(call.name == "ReduceLROnPlateau" for call in phase.callbacks)
        calls = [call for call in phase.callbacks if id(call) not in judged]
        judged.update(map(id, calls))
        _judge_calls(calls, known, training, log, adjusted=adjusted)


def _judge_calls(calls: Sequence[Call], known: Logged, training: Training, log: Log, *, adjusted: bool) -> None:
    for call in calls:
        takes = catalog.signature("callbacks", call.name)
        if takes is None:
            continue
        given = {argument.name: argument.default for argument in takes.arguments} | dict(call.arguments)
        by_steps = isinstance(given.get("save_freq"), int)
        names = (*(known.names if by_steps else known.all), *(("learning_rate",) if adjusted else ()))
        # A file is saved after each epoch, and must find all that is in its name.
        always = training.validation_freq == 1 or given.get("save_best_only") is not False
        there = names if always else [name for name in names if not name.startswith("val_")]
        _judge_file_name(call, given, there, training, log)
        monitor = given.get("monitor")
        if not isinstance(monitor, str):
            continue
        if monitor in names or not (given.get("save_best_only", True) is True or call.name not in BEST_ONLY):
            _judge_direction(call, monitor, given, known, training, log)
        elif given.get("save_best_only") is not UNKNOWN_VALUE:
            _report_unmeasured(call, monitor, names, known, by_steps, training, log)


def _report_unmeasured(
    call: Call, monitor: str, names: Sequence[str], known: Logged, by_steps: bool, training: Training, log: Log
) -> None:
    bare = monitor.removeprefix("val_")
    near, fix = nearest(monitor, names), None
    if monitor != bare and bare in known.names and by_steps:
        help = f"`save_freq: epoch` saves once it is; within an epoch there is `{bare}`"
    elif monitor != bare and bare in known.names:
        help = f"`split: {{validation: 0.1}}` makes a validation split; without one there is `{bare}`"
    elif near and (near == meant(monitor, names) or _same_metric(bare, near.removeprefix("val_"))):
        help, fix = f"did you mean `{near}`?", instead(call.spans.get("monitor"), monitor, near, log)
    elif metric := _metric_named(bare):
        help = f"add `{metric}` to `metrics`" + (f", or monitor `{near}`" if near else "")
    elif near:
        help = f"did you mean `{near}`?"
    else:
        help = f"there are {', '.join(f'`{name}`' for name in names)}"
    log.report(
        codes.S105,
        call.spans.get("monitor", call.span or training.span),
        f"this run does not measure `{monitor}`, which `{call.name}` monitors",
        help=help,
        fix=fix,
    )


def _same_metric(name: str, other: str) -> bool:
    """Are two names of one metric, like `acc` and `accuracy`?"""
    aliases = catalog.aliases("metrics")
    return aliases.get(name, name) == aliases.get(other, other)


def _metric_named(name: str) -> str | None:
    """The metric that would be logged under a name, whatever its case."""
    logged_as = {(log_name(Call("metrics", word)) or word).casefold(): word for word in catalog.names("metrics")}
    return logged_as.get(name.casefold()) or catalog.aliases("metrics").get(name)


def _judge_direction(
    call: Call, monitor: str, given: Mapping[str, Any], known: Logged, training: Training, log: Log
) -> None:
    """Keras looks a name up among the metrics to see which way is better, and there they bear no name of an output."""
    bare, mode = monitor.removeprefix("val_"), given.get("mode")
    if bare not in known.rises:
        return
    right = "max" if known.rises[bare] else "min"
    chooses = given.get("save_best_only", True) is True
    if mode in ("min", "max") and mode != right and bare in known.plain and chooses:
        log.report(
            codes.W404,
            call.spans.get("mode", call.span or training.span),
            f"`mode: {mode}` takes the {'lowest' if mode == 'min' else 'highest'} `{monitor}` for the best, and it is "
            "the worst",
            help=f"write `mode: {right}`, or leave it out",
        )
    if mode != "auto" or bare in known.directed:
        return
    log.report(
        codes.S105,
        call.spans.get("monitor", call.span or training.span),
        f"Keras cannot tell whether more of `{monitor}` is better",
        help=f"say it beside `monitor`: `mode: {right}`",
    )


def _judge_file_name(call: Call, given: Mapping[str, Any], names: Sequence[str], training: Training, log: Log) -> None:
    """The placeholders of a checkpoint's file name: `{epoch:02d}-{val_loss:.2f}.keras`."""
    path = given.get("filepath")
    if call.name != "ModelCheckpoint" or not isinstance(path, str):
        return
    _judge_suffix(call, path, given.get("save_weights_only"), training, log)
    allowed = ["epoch", *names, *(["batch"] if isinstance(given.get("save_freq"), int) else [])]
    for name in _placeholders(path):
        if name not in allowed:
            near = nearest(name, allowed)
            log.report(
                codes.S105,
                call.spans.get("filepath", call.span or training.span),
                f"this run does not measure `{name}`, which stands in the name of the file",
                help=f"did you mean `{{{near}}}`?" if near else f"there are {', '.join(f'`{n}`' for n in allowed)}",
            )


def _judge_suffix(call: Call, path: str, weights_only: Any, training: Training, log: Log) -> None:
    """Keras knows by the ending what a file holds, and refuses any other."""
    endings = {True: (".weights.h5",), False: (".keras", ".h5")}.get(weights_only)
    if endings is None or path.endswith(endings):
        return
    what = "with `save_weights_only: true` a" if weights_only else "a"
    stem = path.removesuffix(".h5").removesuffix(".weights").removesuffix(".keras")
    log.report(
        codes.S105,
        call.spans.get("filepath", call.span or training.span),
        f"{what} checkpoint's file ends in `{endings[0]}`, and this is {path!r}".replace("'", "`"),
        help=f"write `{stem}{endings[0]}`",
    )


def _placeholders(path: str) -> list[str]:
    try:
        fields = [name for _, name, _, _ in Formatter().parse(path) if name]
    except ValueError:  # A brace that stands alone: Keras will say so.
        return []
    return [match[0] for name in fields if (match := re.match(r"[A-Za-z_]\w*", name))]


def _validates(dataset: Dataset | None) -> bool:
    return dataset is not None and (dataset.split.validation > 0 or "validation" in dataset.sources)


def _snake(name: str) -> str:
    """As Keras makes a name of a class: `MeanIoU` is `mean_io_u`."""
    apart = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()
