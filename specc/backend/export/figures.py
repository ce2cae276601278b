"""The metrics of a plan, of an artefact beside the trained network, on examples of which the answers are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from time import perf_counter
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc.backend.data import Split
from specc.backend.export.reader import Reader
from specc.backend.export.serving import portable, restore
from specc.backend.objective import Measure, make_measures
from specc.backend.training.reduction import mask_of, update
from specc.diagnostics import Log, Refusal
from specc.kinds.arrays import Array
from specc.kinds.exporters import Form
from specc.kinds.features import State
from specc.plan import Plan

BATCH = 256
"""So many examples are asked about at a time."""
MOST = 10_000
"""Of no more examples are metrics told."""
LONGEST = 60.0
"""Seconds after which no other batch is begun."""

Batch = tuple[Mapping[str, Any], Mapping[str, Any], Any]
"""Fields, targets, and weights or None."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Metrics under Keras's log names, of the artefact and of the trained network, on the same examples of a split."""

    split: str = ""
    examples: int = 0
    artefact: Mapping[str, float] = field(default_factory=dict)
    trained: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Exam:
    """A split to ask artefacts about, and the network that they are to equal.

    `raw` are the raw fields of its first examples; an artefact that takes nothing else is asked about no more.
    """

    plan: Plan
    model: keras.Model
    states: Mapping[str, State]
    name: str
    split: Split
    raw: Mapping[str, Array]

    def sit(self, readers: Mapping[int, tuple[Reader, tuple[Form, ...]]]) -> dict[int, Figures | Refusal]:
        """The figures of each reader, by its number; S607 for one that gives up. Nothing where nothing is measured."""
        if self.plan.training is None or not any(self.plan.training.metrics.values()):
            return {}
        found: dict[int, Figures | Refusal] = {}
        forms: tuple[Form, ...] = ("prepared", "raw")
        for form in forms:
            chosen = {
                number: reader
                for number, (reader, forms) in readers.items()
                if ("prepared" if "prepared" in forms else "raw") == form
            }
            if chosen:
                found |= self._sit(chosen, form)
        return found

    def _sit(self, readers: Mapping[int, Reader], form: Form) -> dict[int, Figures | Refusal]:
        failed: dict[int, Figures | Refusal] = {}
        scores = {number: self._score() for number in readers}
        trained = self._score()
        count, started = 0, perf_counter()
        for prepared, targets, weights in self._batches(form):
            outputs = self._respond(prepared)
            masks = {name: mask_of(output) for name, output in outputs.items()}
            trained.add(targets, outputs, weights, masks)
            ready = {name: np.asarray(tensor) for name, tensor in prepared.items()}
            asked = self.raw if form == "raw" else ready
            for number, reader in readers.items():
                if number in failed:
                    continue
                try:
                    answers: Mapping[str, Any] = reader.ask(form, asked)
                except Refusal as refusal:
                    failed[number] = refusal
                else:
                    scores[number].add(targets, self._outputs(answers) if form == "raw" else answers, weights, masks)
            count += len(next(iter(prepared.values())))
            if perf_counter() - started > LONGEST:
                break
        figures = trained.figures()
        return {
            number: failed.get(number) or Figures(self.name, count, score.figures(), figures)
            for number, score in scores.items()
        }

    def _batches(self, form: Form) -> Iterator[Batch]:
        needed = list(self.model.input)
        batches = 1 if form == "raw" else -(-MOST // BATCH)
        count = len(next(iter(self.raw.values()))) if form == "raw" else BATCH
        for inputs, targets, *weights in islice(iter(self.split.batches(BATCH)), batches):
            yield (
                {name: inputs[name][:count] for name in needed},
                {name: target[:count] for name, target in targets.items()},
                weights[0][:count] if weights else None,
            )

    def _respond(self, prepared: Mapping[str, Any]) -> Mapping[str, Any]:
        with tf.device("CPU:0"), portable(self.model):
            outputs, masks = self._network(prepared)
        for name, mask in masks.items():
            outputs[name]._keras_mask = mask
        return outputs  # type: ignore[no-any-return]

    @cached_property
    def _network(self) -> Any:
        """What the network answers, and the mask of each output that has one: no function hands it on by itself."""

        def respond(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
            outputs = dict(self.model(fields, training=False))
            return outputs, {name: mask for name, one in outputs.items() if (mask := mask_of(one)) is not None}

        return tf.function(respond, autograph=False, reduce_retracing=True)

    def _outputs(self, answers: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answers in the units of the raw targets, as the network gives them: what restores them only scales them."""
        tensors = {name: tf.constant(answer) for name, answer in answers.items()}
        low = restore(self.plan, {name: tf.zeros_like(tensor) for name, tensor in tensors.items()}, self.states)
        high = restore(self.plan, {name: tf.ones_like(tensor) for name, tensor in tensors.items()}, self.states)
        return {name: (tensor - low[name]) / (high[name] - low[name]) for name, tensor in tensors.items()}

    def _score(self) -> _Score:
        assert self.plan.training is not None
        # The plan's metrics were made before, in training: nothing that Keras refuses is among them.
        return _Score(make_measures(self.model, self.plan, self.plan.training, Log()), len(self.model.output) > 1)


class _Score:
    """Metrics that count."""

    def __init__(self, measures: list[Measure], many: bool) -> None:
        self.measures = measures
        self.many = many

    def add(
        self, targets: Mapping[str, Any], outputs: Mapping[str, Any], weights: Any, masks: Mapping[str, Any]
    ) -> None:
        """Count a batch; `masks` say which places of an output count: those of the network, which no artefact tells."""
        for measure in self.measures:
            answer = tf.constant(np.asarray(outputs[measure.output]))
            if (mask := masks[measure.output]) is not None:
                answer._keras_mask = mask
            update(measure.metric, targets[measure.target], answer, weights, measure.ignored)

    def figures(self) -> dict[str, float]:
        return {
            f"{measure.output}_{measure.metric.name}" if self.many else measure.metric.name: float(value)
            for measure in self.measures
            if np.ndim(value := measure.metric.result()) == 0
        }
