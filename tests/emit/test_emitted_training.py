"""What the emitted script trains for: losses, metrics, phases, weights, and pictures that are moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.diagnostics import Log, Rejected
from specc.emit import python
from tests.emit.emitting import MOVED, executed, plan_of

ROOT = Path(__file__).parents[2]


def test_a_compiled_network_has_the_losses_metrics_and_optimizer_of_its_plan() -> None:
    plan = plan_of((ROOT / "examples" / "digits.yaml").read_text(encoding="utf-8"), str(ROOT / "examples/digits.yaml"))
    scope = executed(python(plan, Log()))
    made = scope["build_model"]()
    scope["compile_model"](made)
    built = build(plan, Log())
    compile_model(built, plan, Log())
    config, wanted = made.optimizer.get_config(), built.optimizer.get_config()
    assert config | {"name": ""} == wanted | {"name": ""}  # Keras numbers them
    given, targets = {"image": np.ones((8, 8, 8, 1), np.float32)}, {"digit": np.arange(8) % 10}
    one = made.evaluate(given, targets, verbose=0, return_dict=True)
    assert one == built.evaluate(given, targets, verbose=0, return_dict=True)
    assert set(one) == {"loss", "accuracy"}


TERMS = """
specc: 1
dataset:
  source: {npz: none.npz}
  inputs: {x: {type: tensor, shape: [4]}}
  targets: {y: {type: tensor, shape: [1]}, z: {type: tensor, shape: [1]}}
model:
  layers:
    - Dense: 1
      name: side
    - Dense: 1
      name: tail
  outputs: {y: tail}
training:
  loss:
    - {loss: mse, target: y, weight: 0.5}
    - {loss: {Huber: {delta: 2.0}}, target: y}
    - {loss: mae, output: side, target: z, weight: 0.25}
  optimizer: adam
"""


def test_terms_of_a_loss_are_lists_of_losses_and_of_their_weights() -> None:
    scope = executed(python(plan_of(TERMS), Log()))
    made = scope["build_model"]()
    scope["compile_model"](made)
    compiled = made.get_compile_config()
    assert [loss if isinstance(loss, str) else loss["class_name"] for loss in compiled["loss"]["y"]] == ["mse", "Huber"]
    assert compiled["loss_weights"] == {"y": [0.5, 1.0], "side": 0.25}
    rows = {"x": np.zeros((3, 4)), "y": np.zeros((3, 1)), "z": np.ones((3, 1))}
    assert scope["examples"](rows)[1]["side"].tolist() == [[1.0], [1.0], [1.0]]


def test_an_output_with_two_targets_cannot_be_emitted_and_says_so() -> None:
    log = Log()
    with pytest.raises(Rejected):
        python(plan_of(TERMS.replace("target: y}", "output: y, target: z}")), log)
    assert [(d.code.id, d.span.line) for d in log.diagnostics] == [("S105", 17)]


PHASES = """
specc: 1
dataset:
  source: {npz: none.npz}
  inputs: {x: {type: tensor, shape: [4]}}
  targets: {y: {type: tensor, shape: [1]}}
  batch_size: 8
model:
  layers:
    - Dense: 4
      name: body
      freeze: true
    - Dense: 1
      name: tail
training:
  loss: mse
  optimizer: adam
  callbacks: [TerminateOnNaN]
  phases:
    - {epochs: 2, freeze: [tail], unfreeze: [body]}
    - {epochs: 3, unfreeze: [tail], optimizer: {SGD: 0.1}, callbacks: []}
    - {steps: 5, freeze: [body]}
"""


def test_phases_are_calls_of_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = executed(python(plan_of(PHASES), Log()))
    monkeypatch.chdir(tmp_path)
    given = {"x": np.ones((32, 4), np.float32)}, {"y": np.ones((32, 1), np.float32)}
    scope["load_data"] = lambda: {"train": given}
    calls: list[tuple[dict[str, Any], list[str], str]] = []
    fit = keras.Model.fit

    def spy(model: Any, *given: Any, **more: Any) -> Any:
        calls.append((more, [w.path for w in model.trainable_weights], type(model.optimizer).__name__))
        return fit(model, *given, **more, verbose=0)

    monkeypatch.setattr(keras.Model, "fit", spy)
    scope["main"]()
    told = [(more.get("epochs"), more.get("initial_epoch"), names, by) for more, names, by in calls]
    body, tail = ["body/kernel", "body/bias"], ["tail/kernel", "tail/bias"]
    assert told == [(2, None, body, "Adam"), (5, 2, [*body, *tail], "SGD"), (6, 5, tail, "Adam")]
    assert [more.get("steps_per_epoch") for more, _, _ in calls] == [None, None, 5]
    assert [len(more.get("callbacks", ())) for more, _, _ in calls] == [1, 0, 1]
    assert (tmp_path / "spec.keras").exists()


MASKS = """
specc: 1
dataset:
  source: {npz: none.npz}
  inputs: {image: {type: image, size: [4, 4], channels: 3}}
  targets: {mask: {type: image, size: [4, 4], classes: 3, ignore_class: 255}}
model:
  layers:
    - Conv2D: {filters: 3, kernel_size: 1, activation: softmax}
training: {loss: sparse_categorical_crossentropy, optimizer: adam, metrics: [accuracy]}
"""


def test_pixels_that_do_not_count_have_no_weight() -> None:
    scope = executed(python(plan_of(MASKS), Log()))
    made = scope["build_model"]()
    scope["compile_model"](made)
    generator = np.random.default_rng(3)
    rows = {"image": generator.random((6, 4, 4, 3)), "mask": generator.choice([0, 1, 2, 255], (6, 4, 4))}
    inputs, targets, weights = scope["examples"](rows)
    found = made.evaluate(inputs, targets, sample_weight=weights, verbose=0, return_dict=True)
    answers = np.asarray(made(inputs)["mask"])
    there = rows["mask"] != 255
    chosen = np.take_along_axis(answers, np.where(there, rows["mask"], 0)[..., None], -1)[..., 0]
    assert found["loss"] == pytest.approx(-np.log(chosen[there]).mean(), rel=1e-5)
    assert found["accuracy"] == pytest.approx((answers.argmax(-1) == rows["mask"])[there].mean(), rel=1e-5)


def test_masks_and_boxes_are_moved_with_their_pictures() -> None:
    """A rectangle that is drawn on the picture stays where its mask and its box are."""
    scope = executed(python(plan_of(MOVED), Log()))
    image, mask = np.zeros((8, 16, 16, 3), np.float32), np.zeros((8, 16, 16), np.int32)
    image[:, 5:9, 4:10], mask[:, 5:9, 4:10] = 200, 1
    boxes = np.tile(np.float32([[4, 5, 6, 4], [0, 0, 0, 0]]), (8, 1, 1))
    inputs, targets, weights = scope["examples"]({"image": image, "mask": mask, "box": boxes})
    given = [{name: tf.constant(value) for name, value in part.items()} for part in (inputs, targets, weights)]
    changed, moved, _ = scope["changed"](*given)
    drawn = np.asarray(changed["image"])[..., 0] > 100
    assert len({one.tobytes() for one in drawn}) > 1
    for picture, pixels, box in zip(drawn, np.asarray(moved["mask"]), np.asarray(moved["box"]), strict=True):
        rows, columns = np.nonzero(pixels == 1)
        x, y, width, height = box[0]
        assert np.mean(picture != (pixels == 1)) < 0.05
        assert [x, y] == pytest.approx([columns.min(), rows.min()], abs=1)
        assert [x + width, y + height] == pytest.approx([columns.max() + 1, rows.max() + 1], abs=1)
        assert box[1].tolist() == [0, 0, 0, 0]
