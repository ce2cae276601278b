"""Pictures, from arrays and from files of every format, as Pillow decodes and resizes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from data_plans import ORIGIN, data_plan, feature, learned, reader, told
from PIL import Image, ImageOps

import specc.backend  # noqa: F401  (TensorFlow, quietly)
from specc.backend.data import open_data
from specc.diagnostics import Log, Refusal
from specc.kinds.features._decoding import colors
from specc.kinds.features._resizing import smoothed

WIDE = np.random.default_rng(0).integers(0, 256, (24, 36, 3), dtype=np.uint8)


def prepared(kind, column):
    values = kind.read(column, ORIGIN)
    state = json.loads(json.dumps(learned(kind, values)))
    if state.get("files"):
        values = np.array([Path(name).read_bytes() for name in values], dtype=object)
    tensor = kind.prepare(tf, tf.constant(values, kind.raw(state).dtype), state)
    assert tensor.shape[1:] == kind.tensor(state).shape[1:]
    assert tuple(kind.facts(state)["shape"]) == tensor.shape[1:]
    return tensor.numpy()


def stored(folder, picture, name):
    path = folder / name
    picture.save(path)
    return np.array([str(path)], dtype=object)


def pillow(path, *modes):
    """A file as Pillow decodes it, brought to one mode after the other."""
    with Image.open(path) as picture:
        for mode in modes:
            picture = picture.convert(mode)
        return np.asarray(picture, np.float32)


def refused(kind, column, state=None):
    with pytest.raises(Refusal) as refusal:
        kind.read(column, ORIGIN, state)
    return refusal.value.code.id, refusal.value.message, refusal.value.help


# --- arrays


@pytest.mark.parametrize(
    ("properties", "shape", "becomes"),
    [
        ({}, (8, 6), (8, 6, 1)),
        ({}, (8, 6, 3), (8, 6, 3)),
        ({"size": [8, 6], "channels": 4}, (8, 6, 4), (8, 6, 4)),
        ({"size": [8, 6]}, (48,), (8, 6, 1)),
        ({"size": [8, 6], "channels": 3}, (144,), (8, 6, 3)),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int64"])
def test_arrays_keep_their_values_and_get_channels_last(properties, shape, becomes, dtype):
    column = np.random.default_rng(0).integers(0, 256, (5, *shape)).astype(dtype)
    ours = prepared(feature("image", **properties), column)
    np.testing.assert_array_equal(ours, column.reshape(5, *becomes))
    assert ours.dtype == np.float32


def test_arrays_of_bytes_are_served_and_kept_as_bytes():
    kind = feature("image")
    state = learned(kind, kind.read(np.zeros((2, 8, 8), np.uint8), ORIGIN))
    assert (kind.raw(state).shape, kind.raw(state).dtype) == ((None, 8, 8), "uint8")
    assert kind.kept(state) == "uint8"


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_arrays_of_another_size_are_resized_as_pillow_does(dtype):
    ours = prepared(feature("image", size=[12, 12]), WIDE[None].astype(dtype))[0]
    theirs = np.asarray(Image.fromarray(WIDE).resize((12, 12), Image.Resampling.BILINEAR), np.float32)
    assert abs(ours - theirs).max() <= 1
    assert (ours == np.round(ours)).all() == (dtype == "uint8")


@pytest.mark.parametrize(
    ("properties", "shape", "message", "remedy"),
    [
        ({}, (64,), "a flat row of 64 values does not say its height and width", "`size`"),
        (
            {"size": [8, 8], "channels": 3},
            (64,),
            "a flat row has 64 values, and 8 * 8 * 3 = 192 are declared",
            "`channels`",
        ),
        ({"channels": 3}, (8, 8), "an example of shape [8, 8] is not a picture of 3 channels", "`channels: 1`"),
        ({"channels": 1}, (8, 8, 3), "an example of shape [8, 8, 3] is not a picture of 1 channel", "`channels: 3`"),
        ({}, (3, 8, 8), "an example of shape [3, 8, 8] is not a picture", "channels come last"),
        ({}, (8, 8, 2), "an example of shape [8, 8, 2] is not a picture", "`type: tensor`"),
        ({}, (), "an example of shape [] is not a picture", "`type: tensor`"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(properties, shape, message, remedy):
    code, told, help = refused(feature("image", **properties), np.zeros((2, *shape), np.uint8))
    assert (code, told) == ("S503", message)
    assert remedy in help


def test_a_pixel_that_is_no_number_is_told_with_its_row():
    column = np.zeros((3, 4, 4))
    column[1, 2, 2] = np.nan
    assert refused(feature("image"), column)[:2] == ("S503", "the picture in table.csv:3 holds NaN or an infinity")


def test_pictures_of_another_form_than_in_training_are_refused():
    kind = feature("image")
    state = learned(kind, np.zeros((2, 8, 8), np.uint8))
    message = refused(kind, np.zeros((2, 9, 9), np.uint8), state)[1]
    assert (
        message
        == "these pictures are arrays of shape [9, 9], and those of the training rows are arrays of shape [8, 8]"
    )
    assert refused(kind, np.array(["a.png"], object), state)[1].startswith("these pictures are files")


# --- files


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("format", "mode"),
    [("png", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    + [("bmp", mode) for mode in ("L", "RGB")]
    + [("gif", mode) for mode in ("1", "L", "P", "RGB")],
)
def test_lossless_files_are_decoded_as_pillow_does(tmp_path, format, mode, channels):
    picture = Image.fromarray(WIDE)
    if mode in ("LA", "RGBA"):
        picture.putalpha(Image.fromarray(WIDE[..., 0]))
    column = stored(tmp_path, picture.convert(mode), f"a.{format}")
    ours = prepared(feature("image", size=[24, 36], channels=channels), column)[0]
    theirs = pillow(column[0], *{1: ["RGB", "L"], 3: ["RGB"], 4: ["RGBA"]}[channels])
    assert abs(ours - theirs.reshape(ours.shape)).max() <= (1 if channels == 1 else 0)


@pytest.mark.parametrize("mode", ["1", "P"])
def test_bmp_files_with_a_palette_are_refused_not_misread(tmp_path, mode):
    column = stored(tmp_path, Image.fromarray(WIDE).convert(mode), "a.bmp")
    with pytest.raises(tf.errors.InvalidArgumentError):
        prepared(feature("image", size=[24, 36]), column)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_files_are_decoded_as_pillow_does(tmp_path, mode):
    smooth = np.add.outer(np.arange(24) * 3, np.arange(36) * 4)[..., None] + np.array([0, 20, 40])
    column = stored(tmp_path, Image.fromarray(smooth.astype(np.uint8)).convert(mode), "a.JPEG")
    ours = prepared(feature("image", size=[24, 36]), column)[0]
    assert ours.shape == (24, 36, 3)
    assert abs(ours - pillow(column[0], "RGB")).max() <= 4


def test_the_first_picture_of_an_animation_stands_for_it(tmp_path):
    first, second = Image.new("RGB", (4, 4), "red"), Image.new("RGB", (4, 4), "blue")
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    ours = prepared(feature("image", size=[4, 4]), np.array([str(tmp_path / "a.gif")], object))
    assert (ours[0] == [255, 0, 0]).all()


def test_stretch_pad_and_crop_bring_a_file_to_its_size_as_pillow_does(tmp_path):
    column = stored(tmp_path, Image.fromarray(WIDE), "a.png")
    bilinear = Image.Resampling.BILINEAR
    stretched = Image.fromarray(WIDE).resize((12, 12), bilinear)
    assert abs(prepared(feature("image", size=[12, 12]), column)[0] - np.asarray(stretched)).max() <= 1
    padded = np.zeros((12, 12, 3))
    padded[2:10] = Image.fromarray(WIDE).resize((12, 8), bilinear)
    assert abs(prepared(feature("image", size=[12, 12], resize="pad"), column)[0] - padded).max() <= 1
    cropped = np.asarray(Image.fromarray(WIDE).resize((18, 12), bilinear))[:, 3:15]
    assert abs(prepared(feature("image", size=[12, 12], resize="crop"), column)[0] - cropped).max() <= 1


@pytest.mark.parametrize("size", [[7, 5], [5, 7], [31, 2], [1, 1]])
@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
def test_every_size_is_reached_with_whole_values_of_a_byte(tmp_path, size, resize):
    kind = feature("image", size=size, resize=resize)
    for name, picture in (("wide.png", WIDE), ("high.png", WIDE.transpose(1, 0, 2)), ("dot.png", WIDE[:1, :1])):
        ours = prepared(kind, stored(tmp_path, Image.fromarray(picture), name))
        assert ours.shape == (1, *size, 3)
        assert (ours == ours.astype(np.uint8)).all()


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("size", [(7, 5), (24, 36), (50, 90), (7, 90), (1, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_smoothing_is_that_of_tensorflow_to_the_bit(batch, size, dtype):
    pictures = tf.constant(np.broadcast_to(WIDE, (*batch, *WIDE.shape)).astype(dtype))
    ours, theirs = smoothed(tf, pictures, *size), tf.image.resize(pictures, size, antialias=True)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
@pytest.mark.parametrize(("side", "held"), [(95, 1), (96, 1), (192, 6), (400, 1)])
def test_a_large_jpeg_is_decoded_at_a_part_of_its_size_and_looks_the_same(tmp_path, side, held, resize):
    smooth = np.add.outer(np.sin(np.arange(side) * 12 / side), np.cos(np.arange(side * 3 // 2) * 9 / side))[..., None]
    picture = Image.fromarray((127 + 50 * smooth + np.array([-20, 0, 20])).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = held
    picture.save(tmp_path / "a.jpg", quality=95, exif=exif)
    ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg")).save(tmp_path / "a.png")
    kind = feature("image", size=[24, 20], resize=resize)
    jpeg, png = (prepared(kind, np.array([str(tmp_path / name)], object)) for name in ("a.jpg", "a.png"))
    assert abs(jpeg - png).max() <= 3


@pytest.mark.parametrize(("side", "part"), [(95, 1), (96, 2), (191, 2), (192, 4), (383, 4), (384, 8), (2000, 8)])
def test_a_jpeg_is_decoded_no_smaller_than_twice_what_is_wanted(tmp_path, side, part):
    Image.new("RGB", (side + 8, side)).save(tmp_path / "a.jpg")
    decoded = colors(tf, tf.constant((tmp_path / "a.jpg").read_bytes()), 24)
    assert decoded.shape == (-(-side // part), -(-(side + 8) // part), 3)


def test_files_without_a_size_are_refused():
    assert refused(feature("image"), np.array(["a.png"], object))[::2] == ("S104", "add `size: [height, width]`")


def test_files_named_in_a_table_lie_beside_it(tmp_path):
    (tmp_path / "pictures").mkdir()
    stored(tmp_path / "pictures", Image.fromarray(WIDE), "a.png")
    (tmp_path / "t.csv").write_text("file,y\npictures/a.png,1\npictures/b.png,0\n")
    plan = data_plan(
        reader("csv", path=str(tmp_path / "t.csv")), {"file": feature("image", size=[4, 4])}, {"y": feature("binary")}
    )
    ((code, line, message, _),) = told(open_data, plan)
    assert (code, line) == ("S501", 10)
    assert message == f"there is no picture `{tmp_path / 'pictures' / 'b.png'}`, named in t.csv:3 (column `file`)"
    (tmp_path / "t.csv").write_text("file,y\npictures/a.png,1\n")
    assert (
        open_data(plan, Log()).splits["train"].raw(slice(0, 1))["file"][0] == (tmp_path / "pictures/a.png").read_bytes()
    )


# --- what a run does with files


@pytest.fixture
def folder(tmp_path):
    """Forty pictures of two classes, each of one color that says its number."""
    for number in range(40):
        path = tmp_path / ("odd" if number % 2 else "even") / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (6, 6), (number, 0, 0)).save(path)
    return tmp_path


FIELDS = ({"image": feature("image", size=[6, 6])}, {"label": feature("category")})


def test_pictures_that_cannot_be_decoded_are_named_all_at_once(folder):
    (folder / "odd" / "07.png").write_bytes((folder / "odd" / "07.png").read_bytes()[:-30])
    (folder / "even" / "20.png").write_text("no picture")
    (folder / "even" / "38.png").write_bytes(b"")
    plan = data_plan(reader("image_folder", path=str(folder)), *FIELDS)
    ((code, line, message, _),) = told(open_data, plan)
    assert (code, line) == ("S503", 10)
    names = [f"`{folder / name}`" for name in ("even/20.png", "even/38.png", "odd/07.png")]
    assert message == f"cannot decode {', '.join(names)}"


def test_pictures_are_kept_as_bytes_and_answer_as_they_lie(folder):
    split = open_data(data_plan(reader("image_folder", path=str(folder)), *FIELDS), Log()).splits["train"]
    assert split.inputs["image"].array.dtype == tf.uint8
    for inputs, targets in split.batches(7):
        odd = inputs["image"].numpy()[:, 0, 0, 0] % 2
        assert (odd == targets["label"].numpy()).all()


def test_pictures_that_are_not_kept_are_decoded_batch_by_batch_to_the_same(folder):
    kept, read = (
        open_data(data_plan(reader("image_folder", path=str(folder)), *FIELDS, cache=cache), Log()).splits["train"]
        for cache in ("memory", "none")
    )
    assert (kept.inputs["image"].ready, read.inputs["image"].ready) == (True, False)
    for batch in (3, 16):
        ours = read.stream(batch, seed=1, shuffle=True).take(20)
        for (one, _), (other, _) in zip(kept.stream(batch, seed=1, shuffle=True).take(20), ours, strict=True):
            np.testing.assert_array_equal(one["image"], other["image"])


def test_a_picture_that_breaks_a_batch_can_be_blamed_afterwards(folder):
    data = open_data(data_plan(reader("image_folder", path=str(folder)), *FIELDS, cache="none"), Log())
    (folder / "odd" / "11.png").write_text("gone bad")
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(data.splits["train"].batches(8))
    log = Log()
    data.blame(log)
    assert [d.message for d in log.sorted()] == [f"cannot decode `{folder / 'odd' / '11.png'}`"]


def test_tensorflow_says_nothing_of_its_own_while_pictures_are_decoded(tmp_path):
    for number in range(4):
        (tmp_path / f"p/{number % 2}").mkdir(parents=True, exist_ok=True)
        turned = Image.Exif()
        turned[0x0112] = 6
        picture = Image.fromarray(np.full((9, 7, 3), 40 * number, np.uint8))
        picture.save(tmp_path / f"p/{number % 2}/{number}.jpg", exif=turned)
    (tmp_path / "m.yaml").write_text(
        "specc: 1\n"
        "dataset:\n"
        "  source: {image_folder: p}\n"
        "  inputs: {image: {type: image, size: [4, 4], channels: 1}}\n"
        "  targets: {label: {type: category}}\n"
        "model: {layers: [Flatten, {Dense: {units: 2, activation: softmax}}]}\n"
        "training: {loss: sparse_categorical_crossentropy, optimizer: sgd, epochs: 1}\n"
    )
    quiet = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-m", "specc", "data", "m.yaml"], cwd=tmp_path, env=quiet, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "oneDNN" not in done.stderr
