"""What callbacks may monitor is what the compiled model measures, under the names that Keras gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specc import catalog, driver
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.diagnostics import Log, Rejected
from specc.passes.judge.matching import matched
from specc.passes.judge.monitors import logged
from specc.tree import Source
from tests.meaning.specs import findings, spec

BODY = """
specc: 1
dataset:
  source: {npz: data.npz}
  inputs: {x: {type: tensor, shape: [4]}}
  targets: {TARGETS}
  split: {validation: 0.25}
model:
  layers:
    - Dense: 4
      name: body
    - Dense: {units: 3, activation: softmax}
      name: one
    - Dense: {units: 1, activation: sigmoid}
      name: two
      inputs: body
  outputs: {OUTPUTS}
training: {loss: LOSS, optimizer: sgd, metrics: METRICS}
"""
NAMES = [
    *("accuracy", "acc", "mse", "MSE", "MeanSquaredError", "Precision", "precision", "AUC", "TruePositives"),
    *("BinaryIoU", "binary_io_u", "MeanAbsoluteError", "mae", "LogCoshError", "f_beta_score"),
    "{AUC: {name: area, curve: PR}}",
]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A spec of one target or two, with metrics for both at once or for each."""
    metrics = st.lists(st.sampled_from(NAMES), max_size=4).map(lambda names: f"[{', '.join(names)}]")
    text = BODY.replace("METRICS", draw(st.one_of(metrics, metrics.map(lambda m: f"{{two: {m}}}"))))
    if draw(st.booleans()):
        one = "one: {type: category, classes: 3, encode: one_hot}, two: {type: binary}"
        return (
            text.replace("{TARGETS}", f"{{{one}}}").replace("{OUTPUTS}", "{one: one, two: two}").replace("LOSS", "mse")
        )
    alone = text.replace("{TARGETS}", "{two: {type: binary}}").replace("{OUTPUTS}", "{two: two}")
    return alone.replace("LOSS", "{two: binary_crossentropy}").replace("      name: one\n", "")


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(texts())
def test_the_names_are_those_of_the_compiled_model(text: str) -> None:
    log = Log()
    plan = driver.check(Source("spec.yaml", text), log) if not _wrong(text) else None
    if plan is None or plan.training is None:
        return
    known = logged(plan, plan.training, matched(plan, plan.training, log))
    model = build(plan, log)
    compile_model(model, plan, log)
    assert known is not None
    assert set(known.names) == set(model.get_metrics_result())
    metrics = [m for m in model.metrics if isinstance(m, keras.src.trainers.compile_utils.CompileMetrics)]
    directed = {m.name for group in metrics for m in group.metrics if hasattr(m, "_direction")}
    assert known.directed == {"loss", *directed}


def _wrong(text: str) -> bool:
    return bool(findings(text))


@pytest.mark.parametrize("name", [n for n in catalog.names("metrics") if n != "accuracy"])
def test_a_direction_is_the_one_that_keras_goes(name: str) -> None:
    needed = {"num_classes": 3, "target_class_ids": [0], "recall": 0.5, "precision": 0.5}
    needed |= {"specificity": 0.5, "sensitivity": 0.5}
    takes = catalog.signature("metrics", name)
    assert takes is not None
    given = {a.name: needed[a.name] for a in takes.arguments if a.required}
    plan = driver.check(Source("s.yaml", spec({"type": "binary"}, [{"Dense": 1}], "mse")), Log())
    assert plan.training is not None
    from_text = spec({"type": "binary"}, [{"Dense": 1}], "mse", [{name: given} if given else name])
    keras_way = getattr(getattr(keras.metrics, name)(**given), "_direction", None)
    assert from_text
    log = Log()
    try:
        plan = driver.check(Source("s.yaml", from_text), log)
    except Rejected:
        return  # That it means nothing here is told elsewhere.
    assert plan.training is not None
    known = logged(plan, plan.training, matched(plan, plan.training, log))
    assert known is not None
    (logged_as,) = set(known.names) - {"loss"}
    if keras_way is None:
        assert logged_as not in known.directed
    else:
        assert known.rises[logged_as] is (keras_way == "up")


def callbacks(
    *calls: Any, split: float = 0.25, metrics: tuple[Any, ...] = ("accuracy", "AUC")
) -> list[tuple[str, str]]:
    text = spec(
        {"type": "binary"},
        [{"Dense": {"units": 1, "activation": "sigmoid"}}],
        "binary_crossentropy",
        metrics,
        callbacks=list(calls),
        dataset={"split": {"validation": split}},
    )
    return [(d.code.id, d.help) for d in findings(text)]


@pytest.mark.parametrize(
    ("call", "help"),
    [
        ({"EarlyStopping": {"monitor": "val_los"}}, "did you mean `val_loss`?"),
        ({"EarlyStopping": "val_acuracy"}, "did you mean `val_accuracy`?"),
        ({"ReduceLROnPlateau": {"monitor": "val_auc_1"}}, "did you mean `val_auc`?"),
        ({"ModelCheckpoint": {"filepath": "{val_acc:.2f}.keras"}}, "did you mean `{val_auc}`?"),
        (
            {"ModelCheckpoint": {"filepath": "a.keras", "monitor": "val_auc", "save_best_only": True, "save_freq": 9}},
            "`save_freq: epoch` saves once it is; within an epoch there is `auc`",
        ),
    ],
)
def test_what_no_metric_gives_cannot_be_monitored(call: Any, help: str) -> None:
    assert callbacks(call) == [("S105", help)]


def test_without_a_validation_split_nothing_of_it_is_measured() -> None:
    told = [("S105", "`split: {validation: 0.1}` makes a validation split; without one there is `loss`")]
    assert callbacks("EarlyStopping", split=0.0) == told
    assert callbacks({"ModelCheckpoint": {"filepath": "a.keras", "save_best_only": True}}, split=0.0) == told
    assert callbacks({"ModelCheckpoint": "a.keras"}, split=0.0) == []
    assert callbacks({"EarlyStopping": "auc"}, split=0.0) == []


@pytest.mark.parametrize(
    "call",
    [
        {"EarlyStopping": "val_auc"},
        {"ReduceLROnPlateau": {"monitor": "val_accuracy"}},
        {"ModelCheckpoint": {"filepath": "{epoch:02d}-{val_auc:.3f}.keras"}},
        {"ModelCheckpoint": {"filepath": "{epoch}-{batch}-{auc}.keras", "save_freq": 3}},
        "TerminateOnNaN",
    ],
)
def test_what_is_measured_may_be_monitored(call: Any) -> None:
    assert callbacks(call) == []


TWO = (
    BODY.replace("{TARGETS}", "{one: {type: category, classes: 3, encode: one_hot}, two: {type: binary}}")
    .replace("{OUTPUTS}", "{one: one, two: two}")
    .replace("LOSS", "mse")
    .replace("METRICS", "[accuracy], epochs: 1, callbacks: [{EarlyStopping: {monitor: val_two_accuracy}}]")
)


def test_keras_indeed_cannot_tell_which_way_the_metric_of_one_of_two_outputs_is_better(tmp_path: Path) -> None:
    (found,) = findings(TWO)
    assert (found.code.id, found.help) == ("S105", "say it beside `monitor`: `mode: max`")
    said = TWO.replace("val_two_accuracy}", "val_two_accuracy, mode: max}")
    assert findings(said) == []
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=rng.random((40, 4)), one=rng.integers(0, 3, 40), two=rng.integers(0, 2, 40))
    path = tmp_path / "spec.yaml"
    assert run(driver.check(Source(str(path), said), Log()), tmp_path / "run", Log()).path is not None
    model = build(driver.check(Source(str(path), said), Log()), Log())
    compile_model(model, driver.check(Source(str(path), said), Log()), Log())
    stopping = keras.callbacks.EarlyStopping(monitor="val_two_accuracy")
    stopping.set_model(model)
    with pytest.raises(ValueError, match="automatically determine"):
        stopping.on_epoch_end(0, {"val_two_accuracy": 1.0})


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("path", ["a.keras", "a.h5", "a.weights.h5", "a.ckpt", "a", "{epoch}.keras", "{epoch}.h5py"])
def test_the_endings_of_a_checkpoint_are_those_that_keras_takes(path: str, weights_only: bool):
    try:
        keras.callbacks.ModelCheckpoint(path, save_weights_only=weights_only)
        takes = True
    except ValueError:
        takes = False
    callback = {"ModelCheckpoint": {"filepath": path, "save_weights_only": weights_only}}
    layers = [{"Dense": {"units": 1, "activation": "sigmoid"}}]
    found = findings(spec({"type": "binary"}, layers, "binary_crossentropy", callbacks=[callback]))
    assert [d.code.id for d in found] == ([] if takes else ["S105"])


@pytest.mark.parametrize("metric", ["AUC", "accuracy", "MeanAbsoluteError", "BinaryIoU", "Recall"])
def test_a_mode_that_is_warned_of_is_the_one_that_keras_itself_would_not_choose(metric: str):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    measure = keras.metrics.get(metric) if metric != "accuracy" else keras.metrics.BinaryAccuracy(name=metric)
    model.compile(loss="mse", optimizer="sgd", metrics=[measure])
    model.train_on_batch(np.zeros((2, 4)), np.zeros((2, 1)))
    name = measure.name.rstrip("_0123456789")
    callback = keras.callbacks.EarlyStopping(monitor=measure.name, mode="auto")
    callback.set_model(model)
    callback._set_monitor_op()
    chosen = "min" if callback.monitor_op(1, 2) else "max"
    for mode in ("min", "max"):
        text = spec(
            {"type": "binary"},
            [{"Dense": {"units": 1, "activation": "sigmoid"}}],
            "binary_crossentropy",
            [metric],
            callbacks=[{"EarlyStopping": {"monitor": f"val_{name}", "mode": mode}}],
            dataset={"split": {"validation": 0.2}},
        )
        log = Log()
        driver.check(Source("spec.yaml", text), log)
        assert [d.code.id for d in log.diagnostics] == ([] if mode == chosen else ["W404"])
