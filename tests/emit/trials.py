"""What a spec and the Python that is emitted of it come to, side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.training.steps import Steps
from specc.diagnostics import Log
from specc.driver import check, open_spec
from specc.emit import python
from specc.kinds.features import ignored, is_class
from specc.kinds.features.category import Category
from specc.plan import Field, Plan

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "tests" / "cases" / "good").glob("*.yaml"), *(ROOT / "examples").glob("*.yaml")])
STEPS, BATCH = 10, 4
ROWS = STEPS * BATCH - 2
"""So that batches differ in size. Where all have one, `fit` tells TensorFlow, which then multiplies by the inverse of
what it else divides by, and rounds otherwise: `test_parity.py` shows it."""

Arrays = dict[str, Any]


def plans(path: Path) -> tuple[Plan, Plan, dict[str, Any]]:
    """The plan of a spec; the same with made-up facts, where it waits for some; and these facts, as learnt."""
    plan = check(open_spec(path, Log()), Log())
    learnt: dict[str, Any] = {}
    facts: dict[str, Mapping[str, Any]] = {}
    sections = {"inputs": plan.dataset.inputs, "targets": plan.dataset.targets} if plan.dataset else {}
    for section, fields in sections.items():
        for field in fields:
            feature = field.feature
            if isinstance(feature, Category) and feature.facts().get("classes") is None:
                weight = plan.training.class_weight if plan.training and section == "targets" else None
                state = {"raw": "string", "vocabulary": sorted((weight and weight.by_class) or ("blue", "red"))}
                learnt[field.name] = {"vocabulary": state["vocabulary"]}
                facts[f"{section}.{field.name}"] = feature.facts(state)
    return plan, check(replace(plan.source, facts=facts), Log()) if plan.open_facts else plan, learnt


def inputs_of(plan: Plan, model: keras.Model, rows: int) -> Arrays:
    """Inputs of the shapes that a model takes, unknown dimensions of size 7."""
    generator = np.random.default_rng(0)
    made = {}
    for name, tensor in model.input.items():
        shape = (rows, *(size or 7 for size in tensor.shape[1:]))
        whole = tensor.dtype.startswith("int")
        made[name] = (
            generator.integers(0, 2, shape).astype(tensor.dtype) if whole else generator.random(shape, np.float32)
        )
    return made


def target_of(field: Field, output: Any, rows: int, generator: np.random.Generator) -> Any:
    """A target that a feature could have given."""
    tensor = field.feature.tensor()
    shape = (rows, *(size or 7 for size in (tensor.shape or output.shape)[1:]))
    if is_class(field.feature) or str(tensor.dtype).startswith("int"):
        made = generator.integers(0, 2, shape).astype(tensor.dtype or "int32")
        if (value := ignored(field.feature)) is not None:
            made = np.where(generator.random(shape) < 0.2, value, made)
        return made
    if isinstance(field.feature, Category):
        return np.eye(shape[-1], dtype="float32")[generator.integers(0, shape[-1], shape[:-1])]
    if type(field.feature).__name__ == "Binary":
        return generator.integers(0, 2, shape).astype("float32")
    return generator.random(shape, np.float32)


@dataclass(frozen=True, slots=True)
class Trial:
    """One spec at work: what specc came to, and what the emitted module did; `why` is why that failed. Its loss is the
    sum of so many `terms`."""

    wanted: Arrays
    found: Arrays
    why: str = ""
    terms: int = 1


def trained(plan: Plan, model: keras.Model, inputs: Arrays, folder: Path) -> Arrays:
    """Ten steps of specc's own loop; what the emitted module is to be given lies in a folder afterwards."""
    training, dataset = plan.training, plan.dataset
    assert training is not None
    assert dataset is not None
    generator = np.random.default_rng(1)
    fields = {field.name: field for field in dataset.targets}
    wanted = {training.target_of(name): tensor for name, tensor in model.output.items()}
    targets = {name: target_of(fields[name], wanted.get(name), ROWS, generator) for name in wanted if name in fields}
    log = Log()
    objective = compile_model(model, plan, log)
    given = {name: targets[training.target_of(name)] for name in model.output if training.target_of(name) in targets}
    counts: Arrays = {}
    rows = np.ones(ROWS, np.float32)
    weighed = dataset.weight is not None
    if weighed:
        rows = generator.random(ROWS, np.float32)
    by_class = None
    if training.class_weight is not None:
        (one,) = targets.values()
        classes = np.argmax(one, -1) if one.ndim == 2 and one.shape[1] > 1 else np.ravel(one).astype(int)
        share = np.bincount(classes)
        balanced = len(classes) / (np.count_nonzero(share) * np.maximum(share, 1))
        by_class = training.class_weight.by_number or tuple(balanced.tolist())
    for name, value in given.items():
        count = (
            np.broadcast_to(rows.reshape(-1, *(1 for _ in value.shape[1:])), value.shape) if value.ndim > 2 else rows
        )
        target = fields[training.target_of(name)]
        if (blank := ignored(target.feature)) is not None:
            counts[name] = np.float32(value != blank)
            given[name] = np.where(value == blank, 0, value)
        elif by_class is not None:
            counts[name] = rows * np.float32(by_class)[classes]
        elif weighed:
            counts[name] = np.ascontiguousarray(rows if value.ndim <= 2 else count[:, 0])
    steps = Steps(tf.distribute.get_strategy(), model, objective, log, by_class, BATCH)
    elements = (inputs, targets, rows) if weighed else (inputs, targets)
    losses = []
    feed = steps.feed(lambda cut: tf.data.Dataset.from_tensor_slices(elements).batch(BATCH))
    before = steps.nothing()
    with warnings.catch_warnings():
        # One spec has an output that only a metric asks about.
        warnings.filterwarnings("ignore", "Gradients do not exist")
        for _ in range(STEPS):
            tally = steps.train(feed, tf.constant(1), before)
            losses.append(float((tally.losses[0] - before.losses[0]) / (tally.examples - before.examples)))
            before = tally
    np.savez(
        folder / "targets.npz",
        **{f"out.{name}": value for name, value in given.items()},
        **{f"count.{name}": value for name, value in counts.items()},
    )
    weights = {f"trained.{i}": weight for i, weight in enumerate(kept(model))}
    return {"loss": np.array(losses, np.float32)} | weights


def kept(model: keras.Model) -> list[Any]:
    """The weights of a model; those of bfloat16, which NumPy's files do not know, as the same numbers of float32."""
    return [np.float32(one) if one.dtype.name == "bfloat16" else one for one in model.get_weights()]


def tried(paths: Sequence[Path], folder: Path, *, train: bool) -> dict[str, Trial]:
    """Specs and what is emitted of them, the latter all in one process where specc cannot be imported."""
    wanted: dict[str, Arrays] = {}
    terms: dict[str, int] = {}
    for path in paths:
        plan, known, learnt = plans(path)
        here = folder / path.stem
        here.mkdir(parents=True)
        model = build(known, Log())
        inputs = inputs_of(known, model, ROWS)
        weights = kept(model)
        mine: Arrays = {f"seeded.{i}": weight for i, weight in enumerate(weights)}
        mine["trainable"] = np.array([w.path for w in model.trainable_weights])
        generator = np.random.default_rng(2)
        other = [w + (0.01 * generator.random(w.shape)).astype(w.dtype) if w.dtype.kind == "f" else w for w in weights]
        model.set_weights(other)
        mine |= {f"answer.{name}": np.asarray(value) for name, value in model(inputs).items()}
        steps = STEPS if train and plan.training is not None else 0
        given = {f"weight.{i}": weight for i, weight in enumerate(other)}
        given |= {f"in.{name}": value for name, value in inputs.items()}
        if steps:
            mine |= trained(known, model, inputs, here)
            given |= dict(np.load(here / "targets.npz"))
            (here / "targets.npz").unlink()
        np.savez(here / "given.npz", **given)
        code = python(plan, Log())
        (here / "module.py").write_text(code, encoding="utf-8")
        told = {"steps": steps, "batch": BATCH, "learnt": learnt, "open": "def build_model(learnt)" in code}
        (here / "told.json").write_text(json.dumps(told), encoding="utf-8")
        wanted[path.stem] = mine
        terms[path.stem] = len(plan.training.terms) if plan.training else 0
        keras.backend.clear_session()
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    program = [sys.executable, "-P", str(Path(__file__).with_name("alone.py")), str(folder)]
    subprocess.run(program, env=environment, check=True, timeout=1500)
    done = {}
    for stem, mine in wanted.items():
        failed, found = folder / stem / "failed.txt", folder / stem / "found.npz"
        why = failed.read_text(encoding="utf-8") if failed.exists() else ""
        done[stem] = Trial(mine, {} if why else dict(np.load(found)), why, terms[stem])
    return done
