"""What part of the time of training a small network waits for data, as `specc run` tells it.

usage: waiting.py [EPOCHS]      two epochs when left out

    pictures    60,000 arrays of 28 x 28, as Fashion-MNIST has them
    jpeg        2,000 JPEG files of 500 x 375, brought to 96 x 96: decoded once and kept
    jpeg again  the same, decoded whenever a batch needs them (`cache: none`)
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import specc

SPEC = """
specc: 1
dataset:
  source: {source}
  inputs: {{image: {{type: image, size: {size}, channels: {channels}}}}}
  targets: {{label: {{type: category, classes: 10{vocabulary}}}}}
  batch_size: {batch}
  cache: {cache}
model:
  layers:
    - Rescaling: 0.00392
    - Conv2D: {{filters: 16, kernel_size: 3, activation: relu}}
    - MaxPooling2D: 2
    - Conv2D: {{filters: 32, kernel_size: 3, activation: relu}}
    - MaxPooling2D: 2
    - Flatten
    - Dense: {{units: 10, activation: softmax}}
training: {{loss: sparse_categorical_crossentropy, optimizer: adam, epochs: {epochs}}}
"""


def make(folder: Path) -> None:
    """Both sets of data, of noise over a gradient, so that JPEG has what it has to do in a photograph."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    np.save(folder / "image.npy", generator.integers(256, size=(60_000, 28, 28), dtype=np.uint8))
    np.save(folder / "label.npy", generator.integers(10, size=60_000))
    slope = np.add.outer(np.arange(375) / 3, np.arange(500) / 4)[..., None]
    for number in range(2_000):
        path = folder / "photos" / str(number % 10) / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = generator.integers(60, size=(375, 500, 3))
        Image.fromarray((slope % 190 + noise).astype("uint8")).save(path, quality=90)


def main(epochs: int = 2) -> None:
    arrays = {
        "source": "{npy: {path: {image: image.npy, label: label.npy}}}",
        **{"size": [28, 28], "channels": 1, "vocabulary": "", "batch": 128},
    }
    files = {
        "source": "{image_folder: photos}",
        **{"size": [96, 96], "channels": 3, "batch": 32},
        "vocabulary": ", vocabulary: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']",
    }
    print("| data | examples/s | waiting for data |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="specc-waiting-") as made:
        folder = Path(made)
        make(folder)
        for name, data, cache in (("pictures", arrays, "auto"), ("jpeg", files, "auto"), ("jpeg again", files, "none")):
            path = folder / f"{name.replace(' ', '-')}.yaml"
            path.write_text(SPEC.format(**data, cache=cache, epochs=epochs), encoding="utf-8")
            run = specc.run(path, out=folder / path.stem)
            told = json.loads((folder / path.stem / "manifest.json").read_text(encoding="utf-8"))
            print(f"| {name} | {told['examples_per_second']:,.0f} | {run.waiting:.1%} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
