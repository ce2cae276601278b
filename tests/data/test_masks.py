"""An image as a target: class numbers that stay whole, judged by Pillow, and a network that draws them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from data_plans import ORIGIN, data_plan, everything, feature, learned, reader, told
from PIL import Image

import specc
from specc.backend.data import open_data
from specc.diagnostics import Log, Refusal

GENERATOR = np.random.default_rng(4)
MASKS = GENERATOR.integers(0, 5, (3, 9, 12), dtype=np.uint8)


def prepared(kind, column):
    values = kind.read(np.asarray(column), ORIGIN)
    state = json.loads(json.dumps(learned(kind, values)))
    tensor = kind.prepare(tf, tf.constant(values, kind.raw(state).dtype), state).numpy()
    assert tensor.dtype.name == kind.tensor(state).dtype == "int32"
    assert tensor.shape == (len(values), *kind.facts(state)["shape"])
    assert (tensor.astype(kind.kept(state)) == tensor).all()
    return tensor


def test_the_pixels_of_a_mask_are_class_numbers():
    for masks in (MASKS, MASKS[..., None], MASKS.astype(np.int64), MASKS.astype(np.float32), MASKS.reshape(3, -1)):
        np.testing.assert_array_equal(prepared(feature("image", classes=5, size=[9, 12]), masks), MASKS)
    kind = feature("image", classes=5, size=[4, 6])
    assert kind.facts() == {"classes": 5, "shape": [4, 6]}
    assert prepared(feature("image", classes=1000), np.full((1, 2, 2), 999)).tolist() == [[[999, 999], [999, 999]]]


@pytest.mark.parametrize("size", [(4, 6), (18, 24), (5, 7)])
def test_a_mask_of_another_size_has_the_nearest_pixels_as_pillow_does(size):
    expected = [np.asarray(Image.fromarray(m).resize(size[::-1], Image.Resampling.NEAREST)) for m in MASKS]
    np.testing.assert_array_equal(prepared(feature("image", classes=5, size=list(size)), MASKS), expected)


@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
def test_a_mask_lies_on_its_picture(resize):
    picture = np.zeros((1, 40, 60), np.uint8)
    picture[0, 10:30, 14:44] = 200
    drawn = feature("image", size=[20, 20], resize=resize)
    values = drawn.read(picture, ORIGIN)
    shown = drawn.prepare(tf, tf.constant(values), learned(drawn, values)).numpy()[0, ..., 0]
    mask = prepared(feature("image", classes=2, size=[20, 20], resize=resize), picture // 200)[0]
    # At the rim a picture fades, and a mask does not.
    clear = abs(shown - 100) > 90
    assert clear.mean() > 0.7
    np.testing.assert_array_equal(mask[clear], shown[clear] > 100)


def test_masks_in_files_are_what_they_are_in_arrays(tmp_path):
    lines = ["image,mask"]
    for number, mask in enumerate(MASKS):
        Image.fromarray(mask).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{number}.png")
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    fields = {"image": feature("image", size=[5, 7], channels=1)}, {"mask": feature("image", size=[5, 7], classes=5)}
    data = open_data(data_plan(reader("csv", path=str(tmp_path / "rows.csv")), *fields), Log())
    expected = prepared(feature("image", classes=5, size=[5, 7]), MASKS)
    np.testing.assert_array_equal(everything(data.splits["train"], "mask"), expected)


def test_files_whose_pixels_are_no_class_numbers_are_told(tmp_path):
    palette = Image.fromarray(MASKS[0], "P")
    palette.putpalette([value for number in range(256) for value in (number, 255 - number, 7)])
    palette.save(tmp_path / "palette.png")
    Image.fromarray(np.stack([MASKS[0]] * 3, axis=-1)).save(tmp_path / "colour.png")
    Image.fromarray(MASKS[0] + 1).save(tmp_path / "beyond.png")
    for name in ("palette", "colour", "beyond"):
        (tmp_path / "rows.csv").write_text(f"x,mask\n1,{name}.png\n")
        fields = {"x": feature("number")}, {"mask": feature("image", size=[9, 12], classes=5)}
        plan = data_plan(reader("csv", path=str(tmp_path / "rows.csv")), *fields)
        [(code, line, message, help)] = told(open_data, plan)
        assert (code, line) == ("S503", 11)
        assert message == f"cannot decode `{tmp_path}/{name}.png`"
        assert "a grey PNG without a palette" in help


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (MASKS + 3, "a pixel of the mask in table.csv:2 and 2 other rows is "),
        (np.array([[[0, 1]], [[0, -1]]]), "a pixel of the mask in table.csv:3 is -1, and no class from 0 to 4"),
        (np.array([[[0.5]]]), "a pixel of the mask in table.csv:2 is 0.5, and no class from 0 to 4"),
        (np.array([[[np.nan]]]), "a pixel of the mask in table.csv:2 is nan, and no class from 0 to 4"),
    ],
)
def test_pixels_out_of_range_are_refused(masks, message):
    with pytest.raises(Refusal) as refusal:
        feature("image", classes=5).read(masks, ORIGIN)
    assert refusal.value.code.id == "S504"
    assert refusal.value.message.startswith(message)


def test_a_mask_has_one_channel():
    with pytest.raises(Refusal) as refusal:
        feature("image", classes=5, channels=3)
    assert (refusal.value.code.id, refusal.value.argument) == ("S105", "channels")


UNET = """
specc: 1
dataset:
  source: {npz: data.npz}
  inputs: {image: {type: image, size: [16, 16], channels: 1}}
  targets: {mask: {type: image, size: [16, 16], classes: 3}}
  split: {test: 0.25}
  batch_size: 16
blocks:
  convolve:
    params: {filters: null}
    layers:
      - Conv2D: {filters: "${filters}", kernel_size: 3, padding: same, activation: relu}
      - Conv2D: {filters: "${filters}", kernel_size: 3, padding: same, activation: relu}
model:
  layers:
    - Rescaling: 0.00390625
    - convolve: 8
      name: top
    - MaxPooling2D: 2
    - convolve: 16
    - UpSampling2D: 2
    - Concatenate:
      inputs: [top, prev]
    - convolve: 8
    - Dense: {units: "${targets.mask.classes}", activation: softmax}
training:
  loss: sparse_categorical_crossentropy
  optimizer: {Adam: 0.01}
  metrics: [accuracy]
  epochs: 6
export: [saved_model]
"""


def write_shapes(folder, spec=UNET):
    """Bright squares are class 1, dim ones class 2, and 0 is what lies around."""
    images = np.zeros((96, 16, 16), np.uint8)
    masks = np.zeros((96, 16, 16), np.uint8)
    for row in range(96):
        for number, value in ((1, 250), (2, 120)):
            top, left = GENERATOR.integers(0, 11, 2)
            images[row, top : top + 5, left : left + 5] = value
            masks[row, top : top + 5, left : left + 5] = number
    np.savez(folder / "data.npz", image=images, mask=masks)
    (folder / "spec.yaml").write_text(spec)
    return folder / "spec.yaml"


def test_a_network_learns_to_draw_masks(tmp_path):
    spec = write_shapes(tmp_path)
    assert specc.check(spec) == []
    run = specc.run(spec, out=tmp_path / "run")
    assert run.metrics["test"]["accuracy"] > 0.9  # always 0: 0.8
    served = tf.saved_model.load(str(tmp_path / "run" / "export" / "saved_model")).signatures["serving_default"]
    images = np.load(tmp_path / "data.npz")["image"]
    answer = next(iter(served(image=tf.constant(images)).values()))
    np.testing.assert_allclose(answer, run.model({"image": images[..., None].astype("float32")})["mask"], atol=1e-6)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ('units: "${targets.mask.classes}"', "units: 4", "S405"),
        ("loss: sparse_categorical_crossentropy", "loss: categorical_crossentropy", "S403"),
        ("    - UpSampling2D: 2\n", "    - UpSampling2D: 4\n", "S302"),
        ("size: [16, 16], classes", "size: [8, 8], classes", "S401"),
        ("epochs: 6", "epochs: 6\n  class_weight: balanced", "S105"),
    ],
)
def test_a_network_that_cannot_draw_these_masks_is_told(tmp_path, before, after, code):
    spec = write_shapes(tmp_path, UNET.replace(before, after).replace(", {Adam", ""))
    assert code in [d.code.id for d in specc.check(spec)]


def test_two_classes_may_be_one_probability(tmp_path):
    text = UNET.replace("classes: 3", "classes: 2").replace("sparse_categorical", "binary").replace("[accuracy]", "[]")
    spec = write_shapes(
        tmp_path, text.replace('units: "${targets.mask.classes}", activation: softmax', "units: 1, activation: sigmoid")
    )
    assert specc.check(spec) == []
