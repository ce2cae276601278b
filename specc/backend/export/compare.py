"""Whether artefacts say the same as the trained network, asked in fresh processes without specc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc import codes
from specc.backend.export.figures import Exam, Figures
from specc.backend.export.reader import Reader
from specc.backend.export.serving import portable, restore, widened
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array
from specc.kinds.exporters import Exporter, Form
from specc.kinds.features import State
from specc.plan import Plan

COARSE = {"float16": 16 * 2.0**-11, "bfloat16": 16 * 2.0**-8}
"""How far an answer of 16 bits may be from the trained network's, whichever the exporter: every layer rounds, and fused
ones less often; it is sixteen roundings."""


@dataclass(frozen=True, slots=True)
class Examples:
    """The same examples thrice: raw fields by name, prepared tensors by name, and what the trained network answers.

    `outputs` are the network's own, `answers` those in the units of the raw targets. Within `tolerance` of them is as
    trained.
    """

    raw: Mapping[str, Array]
    prepared: Mapping[str, Array]
    outputs: Mapping[str, Array]
    answers: Mapping[str, Array]
    tolerance: float = 0.0

    @property
    def count(self) -> int:
        return len(next(iter(self.prepared.values())))

    def fields(self, form: Form) -> Mapping[str, Array]:
        """What an artefact is asked about."""
        return self.raw if form == "raw" else self.prepared

    def wanted(self, form: Form) -> Mapping[str, Array]:
        """What it should answer."""
        return self.answers if form == "raw" else self.outputs


@dataclass(frozen=True, slots=True)
class Candidate:
    """An artefact that was written, and the forms in which it says that it can be asked."""

    exporter: Exporter
    path: Path
    forms: tuple[Form, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """The largest difference of an answer (see `differences`), how many examples are beyond the exporter's bound, and
    what metrics say of the artefact."""

    difference: float
    beyond: int
    figures: Figures = field(default_factory=Figures)


def ask(
    plan: Plan,
    model: keras.Model,
    states: Mapping[str, State],
    raw: Mapping[str, Array],
    prepared: Mapping[str, Array],
) -> Examples:
    """What the network in hand answers, on the CPU, where the artefacts are asked too."""
    with tf.device("CPU:0"), portable(model):
        outputs = tf.function(lambda fields: widened(model(fields, training=False)))(
            {name: tf.constant(values) for name, values in prepared.items()}
        )
        answers = restore(plan, outputs, states)
    tolerance = max(COARSE.get(layer.compute_dtype, 0.0) for layer in model._flatten_layers())
    return Examples(raw, prepared, _arrays(outputs), _arrays(answers), tolerance)


def compare(candidates: Sequence[Candidate], examples: Examples, exam: Exam | None = None) -> list[Finding | Refusal]:
    """What was found of each artefact, or S607 with what is wrong with it.

    Each has a process of its own. The first example is asked about alone and then the others together: the size of a
    batch must be free. Those that agree take the exam.
    """
    with ExitStack() as stack:
        readers = [stack.enter_context(Reader(one.exporter, one.path)) for one in candidates]
        found: list[Finding | Refusal] = []
        for one, reader in zip(candidates, readers, strict=True):
            try:
                verdicts = [_verdict(one.exporter, reader, form, examples) for form in one.forms]
            except Refusal as refusal:
                found.append(refusal)
            else:
                found.append(Finding(max(d for d, _ in verdicts), max(beyond for _, beyond in verdicts)))
        if exam is None:
            return found
        passed = {n: (readers[n], one.forms) for n, one in enumerate(candidates) if isinstance(found[n], Finding)}
        for number, figures in exam.sit(passed).items():
            before = found[number]
            assert isinstance(before, Finding)
            found[number] = (
                figures if isinstance(figures, Refusal) else Finding(before.difference, before.beyond, figures)
            )
        return found


def _verdict(exporter: Exporter, reader: Reader, form: Form, examples: Examples) -> tuple[float, int]:
    """The largest difference, and how many examples are beyond the bound. Raises S607 where there are too many."""
    fields, expected = examples.fields(form), examples.wanted(form)
    parts = [slice(0, 1), slice(1, None)] if examples.count > 1 else [slice(None)]
    replies = [reader.ask(form, {name: values[part] for name, values in fields.items()}) for part in parts]
    if set(replies[0]) != set(expected):
        given, known = ", ".join(sorted(replies[0])), ", ".join(sorted(expected))
        raise Refusal(codes.S607, f"{reader.called} answers {given}, and the network has {known}")
    largest = 0.0
    strays: set[int] = set()
    for name, wanted in expected.items():
        found = np.concatenate([reply[name] for reply in replies])
        if found.shape != wanted.shape:
            shapes = f"{list(found.shape)} instead of {list(wanted.shape)}"
            raise Refusal(codes.S607, f"{reader.called} answers `{name}` in the shape {shapes}")
        distance = differences(found, wanted, _unit(wanted, examples.outputs[name]))
        bound = max(exporter.bound, examples.tolerance)
        beyond = np.flatnonzero(distance > bound)
        strays.update(beyond.tolist())
        largest = max(largest, float(distance.max(initial=0.0)))
        if len(beyond) > exporter.strays * examples.count:
            some = f"of no more than {exporter.strays:.0%} of examples" if exporter.strays else "of none"
            raise Refusal(
                codes.S607,
                f"{reader.called} answers `{name}` otherwise than the trained network for {len(beyond)} of "
                f"{examples.count} examples, by up to {distance.max():.3g}",
                f"more than {bound:.3g} is expected {some}; nothing was left under its name",
            )
    return largest, len(strays)


def _unit(answer: Array, output: Array) -> float:
    """Up to where differences of an answer are absolute: 1, and more where it was brought back to the target's units.

    Adding a mean of thousands rounds to what float32 holds of thousands, also where the sum comes out near 0.
    """
    if answer.dtype.kind != "f" or np.array_equal(answer, output, equal_nan=True):
        return 1.0
    return float(max(1.0, np.abs(answer[np.isfinite(answer)]).max(initial=0.0)))


def differences(found: Array, wanted: Array, unit: float = 1.0) -> Array:
    """The largest difference of each example, in units up to the unit and relative beyond.

    NaN equals NaN, and an infinity itself; either beside anything else is infinitely far from it.
    """
    exact, given = wanted.astype(np.float64), found.astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.abs(given - exact) / np.maximum(unit, np.abs(exact))
    same = (given == exact) | (np.isnan(given) & np.isnan(exact))
    distance = np.where(same, 0.0, np.where(np.isfinite(distance), distance, np.inf))
    return np.asarray(distance.reshape(len(distance), -1).max(axis=1, initial=0.0))


def _arrays(tensors: Mapping[str, Any]) -> dict[str, Array]:
    return {name: np.asarray(tensor) for name, tensor in tensors.items()}
