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


@pytest.mark.parametrize("colours", [2, 3, 5, 16, 17, 256])
@pytest.mark.parametrize("transparent", [{}, {"transparency": 0}, {"transparency": b"\0\xff"}], ids=["", "one", "two"])
def test_a_pixel_of_a_file_with_a_palette_is_its_place_in_it(tmp_path, colours, transparent):
    places = np.random.default_rng(colours).integers(0, colours, (9, 12), dtype=np.uint8)
    mask = Image.fromarray(places, "P")
    mask.putpalette([value for number in range(colours) for value in (255 - number, number, 7)])
    mask.save(tmp_path / "mask.png", **transparent)
    (tmp_path / "rows.csv").write_text("x,mask\n1,mask.png\n")
    fields = {"x": feature("number")}, {"mask": feature("image", size=[9, 12], classes=colours)}
    data = open_data(data_plan(reader("csv", path=str(tmp_path / "rows.csv")), *fields), Log())
    np.testing.assert_array_equal(everything(data.splits["train"], "mask"), [places])


def test_files_whose_pixels_are_no_class_numbers_are_told(tmp_path):
    palette = Image.fromarray(MASKS[0] + 1, "P")
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
        assert "a PNG, grey or with a palette, and its pixels are class numbers" in help


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


IGNORED = UNET.replace("classes: 3", "classes: 3, ignore_class: 255")
KINDS_OF_LOSS = {
    "sparse_categorical_crossentropy": (3, "softmax", "accuracy"),
    "binary_crossentropy": (1, "sigmoid", "binary_accuracy"),
    "dice": (1, "sigmoid", "binary_accuracy"),
}


@pytest.mark.parametrize("loss", KINDS_OF_LOSS)
@pytest.mark.parametrize("weighed", [False, True], ids=["", "weighed"])
def test_pixels_that_are_ignored_count_nowhere(tmp_path, loss, weighed):
    units, activation, metric = KINDS_OF_LOSS[loss]
    generator = np.random.default_rng(units)
    masks = generator.integers(0, max(2, units), (8, 5, 6), dtype=np.uint8)
    there = generator.random(masks.shape) < 0.6
    there[2] = False
    weights = generator.uniform(0.5, 2, 8) if weighed else np.ones(8)
    images = generator.random((8, 5, 6, 2), dtype=np.float32)
    np.savez(tmp_path / "data.npz", image=images, mask=np.where(there, masks, 255).astype(np.uint8), w=weights)
    (tmp_path / "spec.yaml").write_text(f"""
specc: 1
seed: 3
dataset:
  source: {{train: {{npz: data.npz}}, test: {{npz: data.npz}}}}
  inputs: {{image: {{type: tensor, shape: [5, 6, 2]}}}}
  targets: {{mask: {{type: image, classes: {max(2, units)}, ignore_class: 255}}}}
  batch_size: 8
{"  weight: w" if weighed else ""}
model: {{layers: [{{Dense: {{units: {units}, activation: {activation}}}}}]}}
training: {{loss: {loss}, optimizer: {{SGD: 0.1}}, metrics: [{metric}], epochs: 1}}
""")
    run = specc.run(tmp_path / "spec.yaml", out=tmp_path / "run")
    answers = run.model({"image": images})["mask"].numpy()
    flat, of = answers[there], masks[there].astype(np.float32)
    weighs = np.broadcast_to(weights[:, None, None], masks.shape)[there]
    if units == 3:
        each, right = -np.log(flat[np.arange(len(flat)), of.astype(int)]), flat.argmax(axis=1) == of
    else:
        flat = flat[:, 0]
        each, right = -np.log(np.where(of == 1, flat, 1 - flat)), (flat > 0.5) == of
    expected = (each * weighs).sum() / there.sum()  # weights do not change what is divided by, as in `fit`
    if loss == "dice":
        expected = 1 - (2 * (flat * of).sum() + 1e-7) / (flat.sum() + of.sum() + 1e-7)
        expected *= weights.sum() / 8
    logs = run.metrics["test"]
    assert logs["loss"] == pytest.approx(expected, rel=1e-4)
    assert logs[metric] == pytest.approx((right * weighs).sum() / weighs.sum(), rel=1e-5)


def test_what_is_ignored_stands_around_a_mask_that_is_padded():
    kind = feature("image", classes=5, ignore_class=255, size=[12, 12], resize="pad")
    padded = prepared(kind, MASKS)
    assert (padded[:, [0, -1]] == 255).all()
    assert (padded[:, 2:-2] < 5).all()
    assert prepared(feature("image", classes=2, ignore_class=-1), [[[0, -1]]]).tolist() == [[[0, -1]]]


def test_only_a_mask_that_is_a_target_has_pixels_to_ignore(tmp_path):
    with pytest.raises(Refusal) as refusal:
        feature("image", ignore_class=255)
    assert (refusal.value.code.id, refusal.value.argument) == ("S105", "ignore_class")
    spec = write_shapes(tmp_path, UNET.replace("channels: 1}", "classes: 3, ignore_class: 255}"))
    assert "S105" in [d.code.id for d in specc.check(spec)]
    assert specc.check(write_shapes(tmp_path, IGNORED)) == []
    with pytest.raises(Refusal) as refusal:
        feature("image", classes=5).read(np.full((1, 2, 2), 255), ORIGIN)
    assert refusal.value.help.endswith("where that stands for no class: `ignore_class: 255`")


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
