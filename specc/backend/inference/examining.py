"""A finished run held against the truth, output by output, beyond its loss and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc import codes
from specc.backend.data.making import make_splits
from specc.backend.data.prepared import as_written
from specc.backend.data.split import Split
from specc.backend.inference.answers import Sense, sense
from specc.backend.inference.choices import Choices, Labels
from specc.backend.inference.residuals import Residuals
from specc.backend.training.reduction import mask_of
from specc.calls import Call
from specc.data.opening import open_rows
from specc.diagnostics import Log, Rejected, Span
from specc.kinds.arrays import Array
from specc.kinds.features import State
from specc.plan import Dataset, Plan, Splitting

READERS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".npz": "npz",
}
"""What a file is read by, where the run's own reader is another."""

FOLDERS = ("image_folder", "audio_folder", "text_folder")

Whole = tuple[Split, Any]
"""A split, and a function from the number of an example to where it stands."""


def open_examples(plan: Plan, states: Mapping[str, State], split: str, data: Path | None, log: Log) -> Whole:
    """A split of the data of a plan, or all examples of other data with the same columns.

    Raises:
        Rejected: as `open_split` does; S501 when there is no such data, S503 when it is of no known form.
    """
    before = log.errors
    if data is not None:
        plan, split = replace(plan, dataset=_elsewhere(plan, data, log)), "train"
    opened = open_rows(plan, states, split, log)
    splits = make_splits(opened, log)
    if log.errors > before:
        raise Rejected(log)
    origin = opened.sources[opened.rows[split][0]].table.origin
    rows = splits[split].rows
    return splits[split], lambda example: origin.where(int(rows[example]))


def _elsewhere(plan: Plan, data: Path, log: Log) -> Dataset:
    """The dataset of a plan with all of its examples from other data, undivided."""
    dataset = plan.dataset
    assert dataset is not None, "a run has data"
    learnt_from = dataset.sources.get("") or dataset.sources.get("train") or next(iter(dataset.sources.values()))
    path = data.absolute()
    of_folders = learnt_from.name in FOLDERS
    name = READERS.get(data.suffix.lower()) if not data.is_dir() else learnt_from.name if of_folders else None
    span = Span(str(data), 1, 1, 1, 1)
    if not data.exists():
        log.report(codes.S501, span, f"there is no file or folder `{data}`")
        raise Rejected(log)
    if name is None:
        known = ", ".join(READERS)
        help = f"give a file that ends in one of {known}; or a folder, where the run learnt from one"
        log.report(codes.S503, span, f"`{data}` is of no form that is known by its name", help=help)
        raise Rejected(log)
    arguments = dict(learnt_from.arguments) if name == learnt_from.name else {}
    if data.suffix.lower() == ".tsv":
        arguments["delimiter"] = "\t"
    call = Call("readers", name, {**arguments, "path": str(path)}, span, {})
    return replace(dataset, sources={"": call}, split=Splitting(), limit=None)


def examine(
    plan: Plan, model: keras.Model, states: Mapping[str, State], examples: Whole, size: int
) -> dict[str, dict[str, Any]]:
    """What is to be said of every output, by its name, as plain data: see `Choices`, `Labels`, `Residuals`.

    An output without a target in the data is told with `kind: none` and why.
    """
    split, where = examples
    judges: dict[str, _Judge] = {}
    left: dict[str, dict[str, Any]] = {}
    for name in model.output:
        means = sense(plan, states, name)
        target = plan.training.target_of(name) if plan.training else name
        if means.target is None or target not in split.targets:
            left[name] = {"kind": "none", "why": "no target of the data is its truth"}
        else:
            judges[name] = _Judge(means, target)

    def ask(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        outputs = model({name: inputs[name] for name in model.input}, training=False)
        masks = {name: mask_of(outputs[name]) for name in outputs}
        return dict(outputs), {name: mask for name, mask in masks.items() if mask is not None}

    answering = tf.function(as_written(ask), autograph=False, reduce_retracing=True)
    start = 0
    for inputs, targets, *rest in split.batches(size):
        outputs, masks = answering(inputs)
        for name, judge in list(judges.items()):
            weight = rest[0].numpy() if rest else None
            mask = masks[name].numpy() if name in masks else None
            why = judge.add(outputs[name], targets[judge.target], weight, mask, start)
            if why:
                left[name] = {"kind": "none", "why": why}
                del judges[name]
        start += len(next(iter(targets.values())))
    found = {name: judge.report(where) for name, judge in judges.items()} | left
    return {name: found[name] for name in model.output}


class _Judge:
    """Holds the answers of one output against their targets."""

    def __init__(self, means: Sense, target: str) -> None:
        self.means, self.target = means, target
        self.sums: Choices | Labels | Residuals | None = None

    def add(self, output: Any, target: Any, weight: Array | None, mask: Array | None, start: int) -> str | None:
        """A batch, whose first example has the number `start`; why it cannot be judged, where that is so."""
        means = self.means
        if means.kind == "numbers":
            assert means.target is not None
            restore = partial(means.target.feature.restore, tf, state=means.state)
            return self._numbers(restore(output).numpy(), restore(target).numpy(), weight, mask, start)
        score, truth = means.scores(output.numpy().astype(np.float32)), target.numpy()
        batch = len(score)
        if means.kind == "binary":
            score = score[..., None]
        classes = score.shape[-1]
        flat = score.reshape(-1, classes)
        if means.kind == "labels" or (truth.size == flat.size and classes > 1):
            if truth.size != flat.size:
                return _unlike(output, target)
            truth = truth.reshape(-1, classes)
            truth = truth if means.kind == "labels" else truth.argmax(axis=1)
        elif truth.size == len(flat):
            truth = truth.reshape(-1).astype(np.int64)
        else:
            return _unlike(output, target)
        each = len(flat) // max(batch, 1)
        counts = _counts(batch, each, weight, mask)
        example = start + np.repeat(np.arange(batch), each)
        if self.sums is None:
            names = _names(means.vocabulary, 2 if means.kind == "binary" else classes)
            if means.kind == "labels":
                self.sums = Labels(names, means.likely, means.threshold)
            else:
                self.sums = Choices(names, means.likely, means.threshold if means.kind == "binary" else None)
        assert not isinstance(self.sums, Residuals)
        if isinstance(self.sums, Choices):
            # A class that the network has no answer for, as that of pixels to be ignored, is no truth to be met.
            known = (truth >= 0) & (truth < len(self.sums.names)) & (counts > 0)
            flat, truth, counts, example = flat[known], truth[known], counts[known], example[known]
        self.sums.add(flat, truth, counts, example)
        return None

    def _numbers(
        self, answer: Array, target: Array, weight: Array | None, mask: Array | None, start: int
    ) -> str | None:
        batch = len(answer)
        if answer.size != target.size:
            return _unlike(answer, target)
        answer, target = (one.astype(np.float64).reshape(batch, -1) for one in (answer, target))
        counts = _counts(batch, answer.shape[1], weight, mask).reshape(answer.shape)
        if self.sums is None:
            self.sums = Residuals()
        assert isinstance(self.sums, Residuals)
        self.sums.add(answer, target, counts, start + np.arange(batch))
        return None

    def report(self, where: Any) -> dict[str, Any]:
        """All figures, and where the worst examples stand."""
        if self.sums is None:
            return {"kind": "none", "why": "there are no examples"}
        found = self.sums.report()
        for one in found.get("worst", ()):
            one["where"] = where(one["example"])
        return {"target": self.target, **found}


def _counts(batch: int, each: int, weight: Array | None, mask: Array | None) -> Array:
    """How much each of the positions of some examples counts: `[batch * each]`."""
    counts = np.ones((batch, each)) if weight is None else np.repeat(weight.reshape(batch, 1), each, axis=1)
    if mask is not None:
        steps = mask.reshape(batch, -1)
        counts = counts * np.repeat(steps, each // steps.shape[1], axis=1)
    return counts.reshape(-1).astype(np.float64)


def _names(vocabulary: list[str | int] | None, classes: int) -> list[Any]:
    """A name for each class: of the vocabulary, else its number; what is no entry stands for unknown values."""
    if vocabulary is None:
        return list(range(classes))
    named: list[Any] = ["(empty)" if name == "" else name for name in vocabulary[:classes]]
    unknown = classes - len(named)
    return [*named, *(["(unknown)"] if unknown == 1 else [f"(unknown {n + 1})" for n in range(unknown)])]


def _unlike(answer: Any, target: Any) -> str:
    return f"its answers have the shape {list(answer.shape[1:])} an example, and its targets {list(target.shape[1:])}"
