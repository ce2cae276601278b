"""Whether artefacts say the same as the trained network, asked in a fresh process without specc."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc import codes
from specc.backend.export.serving import portable, restore, widened
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array
from specc.kinds.exporters import Exporter
from specc.kinds.features import State
from specc.plan import Plan

TOLERANCE = 1e-5
"""How far an answer of float32 arithmetic may be from the trained network's."""
COARSE = {"float16": 16 * 2.0**-11, "bfloat16": 16 * 2.0**-8}
"""The same of 16 bits, where every layer rounds, and fused ones less often: sixteen roundings."""
FRESH = Path(__file__).with_name("fresh.py")


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
    tolerance: float = TOLERANCE

    @property
    def count(self) -> int:
        return len(next(iter(self.prepared.values())))


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
    tolerance = max(COARSE.get(layer.compute_dtype, TOLERANCE) for layer in model._flatten_layers())
    return Examples(raw, prepared, _arrays(outputs), _arrays(answers), tolerance)


def compare(artefacts: Sequence[tuple[Exporter, Path]], examples: Examples) -> list[float | Refusal]:
    """For each artefact the largest difference of an answer (see `differences`), or S607 with what is wrong with it."""
    with tempfile.TemporaryDirectory(prefix="specc-check-") as name:
        folder = Path(name)
        requests = [
            {"path": str(path), "raw": exporter.raw, "barred": exporter.barred, "reading": exporter.reading}
            for exporter, path in artefacts
        ]
        (folder / "artefacts.json").write_text(json.dumps(requests), encoding="utf-8")
        (folder / "examples.pickle").write_bytes(
            pickle.dumps({"raw": dict(examples.raw), "prepared": dict(examples.prepared)})
        )
        environment = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "-1",  # this process holds the memory of the GPU
            "KERAS_BACKEND": "tensorflow",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        done = subprocess.run(
            [sys.executable, "-P", str(FRESH), str(folder)],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        ended = f"the process that used it ended with status {done.returncode}: {last}"
        return [_verdict(folder, number, exporter, examples, ended) for number, (exporter, _) in enumerate(artefacts)]


def _verdict(folder: Path, number: int, exporter: Exporter, examples: Examples, ended: str) -> float | Refusal:
    answered, failed = folder / f"{number}.npz", folder / f"{number}.error"
    if not answered.exists():
        why = failed.read_text(encoding="utf-8") if failed.exists() else ended
        return Refusal(codes.S607, f"{_called(exporter)} cannot be used in a fresh process without specc: {why}")
    expected = examples.answers if exporter.raw else examples.outputs
    with np.load(answered) as answers:
        if set(answers.files) != set(expected):
            given, known = ", ".join(sorted(answers.files)), ", ".join(sorted(expected))
            return Refusal(codes.S607, f"{_called(exporter)} answers {given}, and the network has {known}")
        found = {name: answers[name] for name in expected}
    largest = 0.0
    for name, wanted in expected.items():
        if found[name].shape != wanted.shape:
            shapes = f"{list(found[name].shape)} instead of {list(wanted.shape)}"
            return Refusal(codes.S607, f"{_called(exporter)} answers `{name}` in the shape {shapes}")
        distance, bad = differences(found[name], wanted, _unit(wanted, examples.outputs[name]), examples.tolerance)
        if bad:
            return Refusal(
                codes.S607,
                f"{_called(exporter)} answers `{name}` otherwise than the trained network for {bad} of "
                f"{examples.count} examples, by up to {distance:.3g}",
                f"at most {examples.tolerance:.3g} is expected; nothing was left under its name",
            )
        largest = max(largest, distance)
    return largest


def _unit(answer: Array, output: Array) -> float:
    """Up to where differences of an answer are absolute: 1, and more where it was brought back to the target's units.

    Adding a mean of thousands rounds to what float32 holds of thousands, also where the sum comes out near 0.
    """
    if answer.dtype.kind != "f" or np.array_equal(answer, output, equal_nan=True):
        return 1.0
    return float(max(1.0, np.abs(answer[np.isfinite(answer)]).max(initial=0.0)))


def differences(found: Array, wanted: Array, unit: float = 1.0, tolerance: float = TOLERANCE) -> tuple[float, int]:
    """The largest difference, in units up to the unit and relative beyond, and how many examples are out of tolerance.

    NaN equals NaN, and an infinity itself; either beside anything else is infinitely far from it.
    """
    exact, given = wanted.astype(np.float64), found.astype(np.float64)
    with np.errstate(invalid="ignore"):
        distance = np.abs(given - exact) / np.maximum(unit, np.abs(exact))
    same = (given == exact) | (np.isnan(given) & np.isnan(exact))
    distance = np.where(same, 0.0, np.where(np.isfinite(distance), distance, np.inf))
    per_example = distance.reshape(len(distance), -1).max(axis=1, initial=0.0)
    return float(per_example.max(initial=0.0)), int((per_example > tolerance).sum())


def _called(exporter: Exporter) -> str:
    return f"the artefact `{exporter.artefact}`"


def _arrays(tensors: Mapping[str, Any]) -> dict[str, Array]:
    return {name: np.asarray(tensor) for name, tensor in tensors.items()}
