"""What training strives for: losses, metrics, optimizer and callbacks of a plan, as Keras's own objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc import catalog, codes
from specc.backend.data import Split
from specc.backend.lower import lower
from specc.backend.rounding import rounded
from specc.backend.training.faults import blamed
from specc.backend.training.reduction import class_numbers
from specc.calls import Call
from specc.catalog.by_shape import by_shape
from specc.diagnostics import Log, Refusal, Rejected, Span
from specc.kinds.features import ignored
from specc.plan import Phase, Plan, Training
from specc.tensors import Tensor

PATHS = frozenset({"filepath", "filename", "log_dir", "backup_dir", "directory"})
"""Arguments of callbacks that say where to write."""

WRITERS = frozenset({"TensorBoard", "RemoteMonitor", "ProgbarLogger"})
"""Callbacks that tell of training without an argument that says where."""
NEEDS = {
    "TensorBoard": ("tensorboard", "tensorboard"),
    "OrbaxCheckpoint": ("orbax", "orbax-checkpoint"),
    "RemoteMonitor": ("requests", "requests"),
}
"""The module that a callback imports when it is at work, and the package that has it."""


@dataclass(frozen=True, slots=True)
class Term:
    """A loss of one output towards one target, its weight in the sum, and where the spec asks for it.

    Where the target is `ignored`, it does not count.
    """

    output: str
    target: str
    loss: Any
    weight: float
    span: Span
    ignored: int | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of one output and the target it answers, and where the spec asks for it; `ignored` as of a term."""

    output: str
    target: str
    metric: Any
    span: Span
    ignored: int | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """Losses, metrics and optimizer: the very objects that the model was compiled with. `span` is the optimizer's.

    `loss_names` are those of the terms in logs, none where there is one.
    """

    terms: tuple[Term, ...]
    measures: tuple[Measure, ...]
    optimizer: Any
    span: Span
    loss_names: tuple[str, ...] = ()


def compile_model(model: keras.Model, plan: Plan, log: Log, phase: Phase | None = None) -> Objective:
    """Compile a model as its plan says, so that its own `fit` and `evaluate` work too.

    They take a target for each output, under the output's name; a loss towards a second target is not theirs. The
    optimizer is that of a phase, of the first where none is given.

    Call it in the scope of the strategy that the model was built in.

    Raises:
        Rejected: what Keras refuses is in `log`, S105 at the value or the name.
    """
    training = plan.training
    if training is None:
        raise ValueError("a plan without `training` has nothing to compile")
    before = log.errors
    outputs: Mapping[str, Any] = model.output
    targets = symbolic_targets(plan, training, outputs)
    optimizing = (phase or training.phases[0]).optimizer
    optimizer = _made(optimizing, training, log)
    if optimizer is not None and any(variable.dtype == "bfloat16" for variable in model.variables):
        rounded(optimizer, plan.seed)
    passed_over = _passed_over(plan)
    terms = [
        Term(
            one.output,
            one.target,
            _made(one.loss, training, log),
            one.weight,
            one.loss.span or training.span,
            passed_over.get(one.target),
        )
        for one in training.terms
    ]
    measures = make_measures(model, plan, training, log)
    if log.errors > before:
        raise Rejected(log)
    for measure in measures:
        _build(measure, outputs[measure.output], targets[measure.output], log)
    by_output = {name: [m.metric for m in measures if m.output == name] for name in outputs}
    weighted = plan.dataset is not None and plan.dataset.weight is not None
    metrics = {name: metrics for name, metrics in by_output.items() if metrics} or None
    known = [term for term in terms if term.target == training.target_of(term.output)]
    losses: dict[str, list[Any]] = {}
    shares: dict[str, list[float]] = {}
    for term in known:
        losses.setdefault(term.output, []).append(term.loss)
        shares.setdefault(term.output, []).append(term.weight)
    model.compile(
        optimizer=optimizer,
        loss=_each(losses),
        loss_weights=_each(shares) if any(term.weight != 1 for term in known) else None,
        # Where examples have weights, what is measured counts them as the loss does.
        **{"weighted_metrics" if weighted else "metrics": metrics},
    )
    # As `fit` does before its first step: callbacks look in `model.metrics` which way each is better.
    for compiled in (model._compile_loss, model._compile_metrics):
        if compiled is not None:
            compiled.build(targets, outputs)
    return Objective(
        tuple(terms),
        tuple(measures),
        model.optimizer,
        optimizing.span or training.span,
        training.loss_names,
    )


def _each(by_output: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Several as the list that they are, one alone by itself."""
    return {name: many if len(many) > 1 else many[0] for name, many in by_output.items()}


def make_measures(model: keras.Model, plan: Plan, training: Training, log: Log) -> list[Measure]:
    """The metrics of a plan, new and empty; what Keras refuses is in `log`, as `compile_model` says."""
    outputs: Mapping[str, Any] = model.output
    targets = symbolic_targets(plan, training, outputs)
    passed_over = _passed_over(plan)
    return [
        Measure(
            name,
            training.target_of(name),
            _metric(call, outputs[name], targets[name], training, log),
            call.span or training.span,
            passed_over.get(training.target_of(name)),
        )
        for name, calls in training.metrics.items()
        for call in calls
    ]


def _passed_over(plan: Plan) -> Mapping[str, int | None]:
    """The value of each target, by name, that counts neither in a loss nor in a metric."""
    return {field.name: ignored(field.feature) for field in plan.dataset.targets} if plan.dataset else {}


def make_callbacks(plan: Plan, directory: Path | None, log: Log) -> list[list[Any]]:
    """The callbacks of each phase of a plan; a path of theirs that is relative leads into `directory`.

    Without a directory, what would write has an idle callback in its place.

    Raises:
        Rejected: what Keras refuses is in `log`, S105 at the value or the name; S606 for a package that is missing.
    """
    training = plan.training
    if training is None:
        return []
    before = log.errors
    for call in training.callbacks:
        module, package = NEEDS.get(call.name, ("", ""))
        if module and find_spec(module) is None:
            # Keras itself would find out when the first epoch has passed.
            span = call.span or training.span
            log.report(codes.S606, span, f"`{call.name}` needs `{package}`", help=f"pip install {package}")
    if log.errors == before:
        made = [[_callback(call, directory, training, log) for call in p.callbacks] for p in training.phases]
    if log.errors > before:
        raise Rejected(log)
    return made


def _callback(call: Call, directory: Path | None, training: Training, log: Log) -> Any:
    if directory is not None:
        return _made(_placed(call, directory), training, log)
    writes = call.name in WRITERS or PATHS & call.arguments.keys()
    return keras.callbacks.Callback() if writes else _made(call, training, log)


def class_weights(training: Training, split: Split) -> tuple[float, ...] | None:
    """A weight for the number of each class, where the plan weighs classes; `split` is that of the training examples.

    Balanced, all classes together weigh the same: as many examples as a class would have in equal shares, by those that
    it has. A class without an example weighs nothing.
    """
    weight = training.class_weight
    if weight is None or weight.by_class is not None:
        return weight.by_number if weight else None
    (target,) = split.targets.values()
    numbers = [keras.ops.convert_to_numpy(class_numbers(some)) for some in target.chunks(split.places)]
    counts = np.bincount(np.concatenate(numbers))
    there = np.count_nonzero(counts)
    return tuple(float(counts.sum() / (there * count)) if count else 0.0 for count in counts)


def symbolic_targets(plan: Plan, training: Training, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """A symbolic target for every output, in the shape that the data will have."""
    fields = {field.name: field.feature.tensor() for field in plan.dataset.targets} if plan.dataset else {}
    targets = {}
    for name, output in outputs.items():
        tensor = fields.get(training.target_of(name), Tensor())
        shape = tensor.shape
        if shape is None:  # no dataset tells; the loss does
            loss = next((term.loss.name for term in training.terms if term.output == name), "")
            sparse = loss.casefold().startswith("sparse")
            shape = output.shape[:-1] if sparse else output.shape
        targets[name] = keras.KerasTensor(shape, dtype=tensor.dtype or "float32")
    return targets


def _made(call: Call, training: Training, log: Log) -> Any:
    try:
        return lower(call)
    except Refusal as refusal:
        log.refuse(refusal, call.spans.get(refusal.argument, call.span or training.span))
        return None


def _metric(call: Call, output: Any, target: Any, training: Training, log: Log) -> Any:
    """A metric, named in logs as Keras names it: by its alias where the spec gives one, else after its class."""
    name = by_shape(catalog.aliases("metrics").get(call.name, call.name), target.shape, output.shape)
    metric = _made(Call(call.family, name, call.arguments, call.span, call.spans), training, log)
    if metric is not None and "name" not in call.arguments:
        # Keras numbers names that came before in the process: `auc_1` would be monitored in the second run only.
        metric.name = call.name if call.name != name else re.sub(r"_\d+$", "", metric.name)
    return metric


def _build(measure: Measure, output: Any, target: Any, log: Log) -> None:
    """Have a metric make its variables now, where it waits for the first batch to do it (`F1Score`, `R2Score`)."""
    if getattr(measure.metric, "_built", True):
        return
    y_true, y_pred = (np.zeros([d or 1 for d in tensor.shape], "float32") for tensor in (target, output))
    with blamed(log, codes.S404, measure.span, f"`{measure.metric.name}`"):
        tf.distribute.get_strategy().run(lambda: measure.metric.update_state(y_true, y_pred))
    measure.metric.reset_state()


def _placed(call: Call, directory: Path) -> Call:
    given = dict(call.arguments)
    if call.name == "TensorBoard":
        given.setdefault("log_dir", "tensorboard")
    for name in PATHS & given.keys():
        if isinstance(given[name], str):
            given[name] = str(directory / given[name])  # an absolute path stays as it is
    return Call(call.family, call.name, given, call.span, call.spans)
