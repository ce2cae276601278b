"""Augmentation: Keras's random layers on the pictures of training, drawn from the seed, the epoch and the step."""

from __future__ import annotations

import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest
from data_plans import data_plan, everything, feature, reader

from specc.backend.data import open_data
from specc.backend.data.augmentation import augmentation
from specc.calls import Call
from specc.diagnostics import Log
from specc.passes.judge.augmentation import augmentations

EXAMPLES, STEPS = 24, 3
PIXELS = np.random.default_rng(0).integers(256, size=(EXAMPLES, 12, 10, 3), dtype=np.uint8)
NEEDED = {
    "RandomElasticTransform": {"factor": 1.0, "scale": 1.0},
    "RandomContrast": {"factor": 0.5},
    "RandomRotation": {"factor": 0.3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.3},
    "RandomZoom": {"height_factor": 0.4},
    "RandomBrightness": {"factor": 0.4},
    "RandomColorJitter": {"brightness_factor": 0.4, "hue_factor": 0.3},
    "RandomHue": {"factor": 0.5},
    "RandomPosterization": {"factor": 4},
    "RandomPerspective": {"factor": 1.0},
    "RandomShear": {"x_factor": 0.5, "y_factor": 0.5},
    "RandomGaussianBlur": {"factor": 1.0, "sigma": 1.0},
    **{name: {"factor": 0.8} for name in ("RandomColorDegeneration", "RandomSaturation", "RandomSharpness")},
    **{name: {"factor": 0.5} for name in ("RandomGrayscale", "RandomInvert")},
}
"""Arguments with which a layer does something to most pictures."""


@pytest.fixture
def opened(tmp_path):
    """`opened(layer={…}, cache=…)`: the training split of pictures that are their own masks, and what changes them."""
    np.savez(tmp_path / "a.npz", image=PIXELS, mask=PIXELS, kind=np.arange(EXAMPLES) % 2)

    def made(cache="auto", **layers):
        plan = data_plan(
            reader("npz", path=str(tmp_path / "a.npz")),
            {"image": feature("image"), "row": ("kind", feature("number"))},
            {"mask": feature("image")},
            cache=cache,
        )
        calls = tuple(Call("layers", name, arguments) for name, arguments in layers.items())
        dataset = replace(plan.dataset, augment=calls)
        split = open_data(replace(plan, dataset=dataset), Log()).splits["train"]
        return split, augmentation(dataset, Log())

    return made


def pictures(opened, count=2 * STEPS, **begin):
    split, augment = opened
    stream = split.stream(8, seed=3, shuffle=False, augment=augment, **begin)
    return np.array([(inputs["image"], targets["mask"]) for inputs, targets in itertools.islice(stream, count)])


@pytest.mark.parametrize("name", augmentations())
def test_what_is_drawn_is_a_function_of_seed_epoch_and_step(opened, name):
    layers = {name: NEEDED.get(name, {})}
    once, again = pictures(opened(**layers)), pictures(opened(**layers))
    assert once.shape == (2 * STEPS, 2, 8, 12, 10, 3)
    np.testing.assert_array_equal(once, again)
    first, second = once[:STEPS], once[STEPS:]  # two epochs over the same pictures
    assert (first[:, 0] != second[:, 0]).any()
    np.testing.assert_array_equal(pictures(opened(**layers), 2, epoch=1, step=1), once[STEPS + 1 :])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomFlip", {}),
        ("RandomRotation", {"factor": 0.3, "interpolation": "nearest"}),
        ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.3, "interpolation": "nearest"}),
        ("RandomZoom", {"height_factor": 0.4, "interpolation": "nearest"}),
    ],
)
def test_a_mask_is_moved_as_its_picture_is(opened, name, arguments):
    changed = pictures(opened(**{name: arguments}))
    np.testing.assert_allclose(changed[:, 0], changed[:, 1], atol=1e-3)
    assert (changed[:STEPS, 0].reshape(PIXELS.shape) != PIXELS).any()


@pytest.mark.parametrize("name", ["RandomFlip", "RandomTranslation"])
def test_a_mask_of_classes_is_moved_as_its_picture_is(tmp_path, name):
    np.savez(tmp_path / "a.npz", image=PIXELS, mask=PIXELS[..., 0] % 3)
    plan = data_plan(
        reader("npz", path=str(tmp_path / "a.npz")),
        {"image": feature("image")},
        {"mask": feature("image", classes=3)},
    )
    call = Call("layers", name, NEEDED.get(name, {}) | ({"interpolation": "nearest"} if "Trans" in name else {}))
    dataset = replace(plan.dataset, augment=(call,))
    split = open_data(replace(plan, dataset=dataset), Log()).splits["train"]
    stream = split.stream(8, seed=3, shuffle=False, augment=augmentation(dataset, Log()))
    for inputs, targets in itertools.islice(stream, STEPS):
        assert targets["mask"].dtype.is_integer
        changed, mask = np.asarray(inputs["image"])[..., 0], np.asarray(targets["mask"])
        there = np.isin(np.round(changed), PIXELS)
        assert there.mean() > 0.5
        np.testing.assert_array_equal(mask[there], np.round(changed[there]) % 3)


def test_a_mask_keeps_its_colours(opened):
    changed = pictures(opened(RandomBrightness={"factor": 0.4}))
    np.testing.assert_array_equal(changed[:STEPS, 1].reshape(PIXELS.shape), PIXELS)
    assert (changed[:STEPS, 0].reshape(PIXELS.shape) != PIXELS).any()


def test_a_flip_is_the_one_that_keras_makes_of_some_pictures_and_not_of_others(opened):
    changed = pictures(opened(RandomFlip={"mode": "horizontal"}), STEPS)[:, 0].reshape(PIXELS.shape)
    mirrored = keras.ops.convert_to_numpy(keras.ops.flip(PIXELS.astype("float32"), axis=2))
    flipped = [(one == mirror).all() for one, mirror in zip(changed, mirrored, strict=True)]
    kept = [(one == before).all() for one, before in zip(changed, PIXELS, strict=True)]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 4 < sum(flipped) < 20


def test_only_training_is_changed(opened):
    split, _ = opened(RandomInvert={"factor": 1.0})
    assert (everything(split, "image") == PIXELS).all()


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_the_draw_is_the_same_wherever_pictures_are_kept(opened, cache):
    layers = {"RandomRotation": {"factor": 0.2}, "RandomContrast": {"factor": 0.5}}
    np.testing.assert_array_equal(pictures(opened(**layers)), pictures(opened(cache, **layers)))


HEIGHT, WIDTH = 40, 60


def rectangles():
    """Pictures of a bright rectangle each, and its corners; the second box of each is none."""
    generator = np.random.default_rng(0)
    drawn, boxes = np.zeros((EXAMPLES, HEIGHT, WIDTH, 1), np.uint8), np.zeros((EXAMPLES, 2, 4), np.float32)
    for row in range(EXAMPLES):
        (top, left), (height, width) = generator.integers((8, 10), (18, 30)), generator.integers((6, 8), (14, 20))
        drawn[row, top : top + height, left : left + width] = 255
        boxes[row, 0] = left, top, left + width, top + height
    return drawn, boxes


@pytest.mark.parametrize("written", ["xyxy", "rel_xyxy", "center_xywh"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomFlip", {}),
        ("RandomTranslation", {"height_factor": 0.15, "width_factor": 0.15, "fill_mode": "constant"}),
        ("RandomZoom", {"height_factor": 0.3, "width_factor": 0.3, "fill_mode": "constant"}),
        ("RandomRotation", {"factor": 0.1, "fill_mode": "constant"}),
        ("RandomPerspective", {"factor": 1.0, "scale": 0.3}),
        ("RandomBrightness", {"factor": 0.2}),
    ],
)
def test_a_box_is_moved_as_its_picture_is(tmp_path, name, arguments, written):
    form = {"height": HEIGHT, "width": WIDTH, "dtype": "float32"}
    convert = keras.utils.bounding_boxes.convert_format
    drawn, corners = rectangles()
    boxes = np.array(convert(corners, source="xyxy", target=written, **form))
    np.savez(tmp_path / "a.npz", image=drawn, boxes=boxes)
    source = reader("npz", path=str(tmp_path / "a.npz"))
    target = feature("tensor", shape=[2, 4], boxes=written)
    plan = data_plan(source, {"image": feature("image")}, {"boxes": target})
    dataset = replace(plan.dataset, augment=(Call("layers", name, arguments),))
    stream = (
        open_data(plan, Log())
        .splits["train"]
        .stream(EXAMPLES, seed=3, shuffle=False, augment=augmentation(dataset, Log()))
    )
    inputs, targets = next(iter(stream))
    found = np.array(convert(targets["boxes"], source=written, target="xyxy", **form))
    for picture, (box, none) in zip(inputs["image"].numpy(), found, strict=True):
        rows, columns = np.nonzero(picture[..., 0] > 127)
        shown = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box, shown, atol=1.1)
        np.testing.assert_allclose(none, 0, atol=1e-3)
    moves = name != "RandomBrightness"
    assert (abs(found[:, 0] - corners[:, 0]).max() > 1) == moves


SPEC = """
specc: 1
dataset:
  source: {npz: data.npz}
  inputs: {image: {type: image, size: [12, 10], channels: 3}}
  targets: {kind: {type: binary}}
  augment:
    - RandomFlip: horizontal
    - RandomRotation: 0.1
model: {layers: [Rescaling: 0.00392, Flatten, {Dense: {units: 1, activation: sigmoid}}]}
training: {loss: binary_crossentropy, optimizer: adam, metrics: [accuracy]}
export: [saved_model]
"""


def test_a_run_augments_and_exports_a_network_that_does_not(cli, write):
    spec = write("spec.yaml", SPEC)
    np.savez(spec.parent / "data.npz", image=PIXELS, kind=np.arange(EXAMPLES) % 2)
    losses = []
    for name, sets in (("one", []), ("two", []), ("plain", ["--set", "dataset.augment=[]"])):
        ended = cli("run", spec, "--out", spec.parent / name, *sets)
        assert ended.status == 0, ended.err
        losses.append((spec.parent / name / "history.csv").read_text())
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("RandomFlip: horizontal", "RandomFlop: horizontal"), "S102", "RandomFlip"),
        (("RandomFlip: horizontal", "RandomFlip: {side: left}"), "S103", "side"),
        (("RandomFlip: horizontal", "RandomFlip: {mode: horizontal, seed: 4}"), "S105", "the spec's `seed`"),
        (("RandomFlip: horizontal", "Dense: 10"), "S105", "`Dense` is no augmentation here"),
        (("RandomFlip: horizontal", "MixUp"), "S105", "mixes examples"),
        (("RandomFlip: horizontal", "RandomCrop: {height: 4, width: 4}"), "S105", "is no augmentation here"),
        (("RandomFlip: horizontal", "RandomFlip: {mode: horizontal, dtype: float16}"), "S302", "of float16"),
        (
            ("{type: image, size: [12, 10], channels: 3}", "{type: tensor, shape: [12]}"),
            "S105",
            "none of",
        ),
    ],
)
def test_what_is_no_augmentation_is_told_before_data_is_read(cli, write, change, code, message):
    assert change[0] in SPEC
    ended = cli("validate", write("spec.yaml", SPEC.replace(*change)))
    assert ended.status == 1
    assert code in ended.out + ended.err
    assert message in ended.out + ended.err
