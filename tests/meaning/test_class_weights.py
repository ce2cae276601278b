"""`class_weight` does what `fit` does with it, and weights that fit no target are told before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from specc import driver
from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import class_weights, compile_model
from specc.backend.run import run
from specc.diagnostics import Log
from specc.plan import Plan
from specc.tree import Source
from tests.meaning.specs import findings, spec

RNG = np.random.default_rng(4)
ROWS = 57
Y = RNG.choice([0, 1, 2], ROWS, p=[0.7, 0.2, 0.1])

TARGETS: dict[str, tuple[dict[str, Any], Any, int, str]] = {
    "numbers": ({"type": "category", "classes": 3}, Y, 3, "sparse_categorical_crossentropy"),
    "one-hot": ({"type": "category", "classes": 3, "encode": "one_hot"}, Y, 3, "categorical_crossentropy"),
    "yes or no": ({"type": "binary"}, (Y > 0).astype(int), 1, "binary_crossentropy"),
    "names": (
        {"type": "category", "vocabulary": ["b", "a", "c"]},
        np.array(list("bac"))[Y],
        3,
        "sparse_categorical_crossentropy",
    ),
}
WEIGHTS: dict[str, Any] = {
    "numbers": {"0": 0.5, "1": 2.0, "2": 7.0},
    "one-hot": {"0": 0.5, "1": 2.0, "2": 7.0},
    "yes or no": {"0": 1.0, "1": 3.5},
    "names": {"a": 2.0, "b": 0.5, "c": 7.0},
}


def planned(target: str, weight: Any, folder: Path, **sections: Any) -> Plan:
    feature, y, units, loss = TARGETS[target]
    np.savez(folder / "data.npz", x=(RNG.normal(size=(ROWS, 4)) + 1).astype("float32"), y=y)
    layers = [{"Dense": {"units": units, "activation": "softmax" if units > 1 else "sigmoid"}}]
    text = spec(
        feature,
        layers,
        sections.pop("loss", loss),
        ["accuracy"],
        dataset={"batch_size": 16, "shuffle": False, "split": {"validation": 0.25}},
        class_weight=weight,
        epochs=1,
        **sections,
    )
    return driver.check(Source(str(folder / "spec.yaml"), text), Log())


@pytest.mark.parametrize(("target", "weight"), [*((target, "given") for target in TARGETS), ("numbers", "balanced")])
def test_an_epoch_ends_where_fit_ends_with_the_same_weights(target: str, weight: str, tmp_path: Path) -> None:
    plan = planned(target, WEIGHTS[target] if weight == "given" else "balanced", tmp_path)
    assert plan.training is not None
    ours = run(plan, tmp_path / "run", Log())

    split = open_data(plan, Log()).splits["train"]
    made = build(plan, Log())
    compile_model(made, plan, Log())
    # Keras takes class weights for a model of one output that is no dict.
    theirs = keras.Model(made.inputs, made.output["y"])
    theirs.compile("adam", plan.training.terms[0].loss.name)
    used = class_weights(plan.training, split)
    assert used is not None
    batches = split.batches(16).map(lambda inputs, targets: (inputs["x"], targets["y"]))
    fitted = theirs.fit(batches, epochs=1, verbose=0, shuffle=False, class_weight=dict(enumerate(used)))

    assert ours.history["loss"] == pytest.approx(fitted.history["loss"], rel=1e-5)
    held_out = open_data(plan, Log()).splits["validation"].batches(16).map(lambda i, t: (i["x"], t["y"]))
    assert ours.history["val_loss"][0] == pytest.approx(theirs.evaluate(held_out, verbose=0), rel=1e-5)
    for a, b in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_balanced_weights_are_those_of_equal_shares(target: str, tmp_path: Path) -> None:
    plan = planned(target, "balanced", tmp_path)
    assert plan.training is not None
    assert plan.dataset is not None
    split = open_data(plan, Log()).splits["train"]
    y = np.asarray(TARGETS[target][1])[split.rows]
    entries = plan.dataset.targets[0].feature.facts().get("vocabulary")
    y = np.array([entries.index(value) for value in y]) if entries else y
    names, counts = np.unique(y, return_counts=True)
    given = class_weights(plan.training, split)
    assert given is not None
    assert np.array(given)[names] == pytest.approx(len(y) / (len(names) * counts))


def test_classes_that_only_the_data_knows_are_weighed_by_name(tmp_path: Path) -> None:
    TARGETS["learnt"] = ({"type": "category"}, np.array(list("bac"))[Y], 3, "sparse_categorical_crossentropy")
    try:
        plan = planned("learnt", {"a": 2.0, "b": 0.5, "c": 7.0}, tmp_path)
    finally:
        del TARGETS["learnt"]
    assert plan.open_facts == ("targets.y.classes",)

    def replan(facts: Any) -> Plan:
        told = driver.check(Source(plan.source.path, plan.source.text, facts=facts), Log())
        assert told.training is not None
        assert told.training.class_weight is not None
        assert told.training.class_weight.by_number == (2.0, 0.5, 7.0)
        return told

    assert run(plan, tmp_path / "run", Log(), replan=replan).history["loss"]


@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight"])
def test_other_reductions_weigh_as_fit_does(reduction: str, tmp_path: Path) -> None:
    loss = {"SparseCategoricalCrossentropy": {"reduction": reduction}}
    plan = planned("numbers", WEIGHTS["numbers"], tmp_path, loss=loss)
    ours = run(plan, tmp_path / "run", Log())
    split = open_data(plan, Log()).splits["train"]
    made = build(plan, Log())
    theirs = keras.Model(made.inputs, made.output["y"])
    theirs.compile("adam", keras.losses.SparseCategoricalCrossentropy(reduction=reduction))
    batches = split.batches(16).map(lambda inputs, targets: (inputs["x"], targets["y"]))
    theirs.fit(batches, epochs=1, verbose=0, shuffle=False, class_weight={0: 0.5, 1: 2.0, 2: 7.0})
    for a, b in zip(ours.model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def told(feature: dict[str, Any], weight: Any, loss: str = "sparse_categorical_crossentropy") -> list[tuple[str, str]]:
    units = 1 if feature["type"] in ("binary", "number") else 3
    layers = [{"Dense": {"units": units, "activation": "softmax" if units > 1 else "sigmoid"}}]
    return [(d.code.id, d.message) for d in findings(spec(feature, layers, loss, class_weight=weight))]


@pytest.mark.parametrize(
    ("feature", "weight", "loss", "message"),
    [
        (
            {"type": "category", "classes": 3},
            {"0": 1, "1": 1, "3": 1},
            "sparse_categorical_crossentropy",
            "the target `y` has no class `3`",
        ),
        (
            {"type": "category", "vocabulary": ["cat", "dog", "cow"]},
            {"cat": 1, "dgo": 1, "cow": 1},
            "sparse_categorical_crossentropy",
            "the target `y` has no class `dgo`",
        ),
        (
            {"type": "category", "classes": 3},
            {"0": 1, "2": 1},
            "sparse_categorical_crossentropy",
            "`class_weight` has no weight for the class `1` of `y`",
        ),
        (
            {"type": "number"},
            "balanced",
            "mse",
            "`class_weight` weighs classes, and the target `y` has none: it is a number",
        ),
        (
            {"type": "binary"},
            {"0": 1, "1": 2},
            "dice",
            "`class_weight` weighs examples, and `dice` makes one number of a whole batch",
        ),
    ],
)
def test_weights_that_fit_no_class_are_told(feature: dict[str, Any], weight: Any, loss: str, message: str) -> None:
    assert told(feature, weight, loss) == [("S105", message)]


def test_weights_of_another_form_are_told() -> None:
    feature = {"type": "category", "classes": 3}
    assert [code for code, _ in told(feature, "equal")] == ["S105"]
    assert [code for code, _ in told(feature, {"0": -1, "1": 1, "2": 1})] == ["S105"]
    assert [code for code, _ in told(feature, {"0": "heavy", "1": 1, "2": 1})] == ["S105"]
    assert [code for code, _ in told(feature, 3)] == ["S105"]
    assert told(feature, {"0": 0, "1": "${1 / 3}", "2": 1}) == []
