"""`specc data`: what a person sees of a dataset is what the network gets."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

SPEC = """specc: 1
seed: 3
dataset:
  source: {npz: a.npz}
  inputs: {image: {type: image, column: pixels}}
  targets: {kind: {type: category}}
model: {layers: [Flatten, Dense: {units: 2, activation: softmax}]}
training: {loss: sparse_categorical_crossentropy, optimizer: adam}
"""


def spec(write, tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(10, 4, 5, 3), dtype=np.uint8)
    pixels[0, 0, 0] = 255
    kinds = np.array(["cat", "dog"] * 5)
    np.savez(tmp_path / "a.npz", pixels=pixels, kind=kinds)
    return write("model.yaml", SPEC), pixels, kinds


def test_examples_are_shown_with_the_words_of_their_classes(cli, write, tmp_path):
    model, _, _ = spec(write, tmp_path)
    done = cli("data", model, "--examples", "4")
    assert done.status == 0, done.err
    assert "10 rows: 10 train" in done.out
    assert done.out.count("example ") == 4
    assert set(re.findall(r"kind \(target\): (.*)", done.out)) <= {"cat (0)", "dog (1)"}


def test_a_page_holds_the_pictures_as_they_are(cli, write, tmp_path):
    model, pixels, kinds = spec(write, tmp_path)
    page = tmp_path / "batch.html"
    assert cli("data", model, "-o", page).out == f"10 examples in {page}\n"
    text = page.read_text(encoding="utf-8")
    shown = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(code)))).tobytes()
        for code in re.findall(r"base64,([^\"]+)", text)
    ]
    assert sorted(shown) == sorted(picture.tobytes() for picture in pixels)
    words = re.findall(r"<b>kind</b> (\w+)", text)
    by_picture = {picture.tobytes(): kind for picture, kind in zip(pixels, kinds, strict=True)}
    assert words == [by_picture[picture] for picture in shown]


def test_a_spec_without_data_has_nothing_to_show(cli, write):
    model = write("model.yaml", "specc: 1\nmodel: {inputs: {x: {shape: [3]}}, layers: [Dense: 2]}\n")
    done = cli("data", model)
    assert (done.status, "S104" in done.err) == (1, True)
