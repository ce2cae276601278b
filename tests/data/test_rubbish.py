"""`validate --data` on data that is at fault: told with file and row, or passed over and counted; never in silence."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from PIL import Image

SPEC = """
specc: 1
dataset:
{dataset}
  on_error: {on_error}
model: {{layers: [{first}Flatten, {{Dense: {{units: 2, activation: softmax}}}}]}}
training: {{loss: sparse_categorical_crossentropy, optimizer: adam, epochs: 1}}
"""
LABEL = "  targets: {label: {type: category, classes: 2, vocabulary: [a, b]}}"
SOUNDS = "  source: {audio_folder: sounds}\n  inputs: {audio: {type: audio, rate: 8000, seconds: 0.5}}\n" + LABEL
PICTURES = "  source: {image_folder: pictures}\n  inputs: {image: {type: image, size: [8, 8]}}\n" + LABEL
TABLE = "  source: {csv: t.csv}\n  inputs: {x: {type: number}}\n" + LABEL


@pytest.fixture
def judged(cli, write):
    """`judged(dataset, on_error)`: how `validate --data` ends, and what it says."""

    def run(dataset, on_error="fail", *options):
        first = "{Rescaling: 0.004}, " if "image" in dataset else ""
        path = write("spec.yaml", SPEC.format(dataset=dataset, on_error=on_error, first=first))
        ended = cli("validate", "--data", *options, path)
        return ended.status, " ".join((ended.out + ended.err).split())

    return run


@pytest.fixture
def folders(tmp_path):
    """Ten sounds and ten pictures of two classes, of each two that are cut off and one that is empty."""
    generator = np.random.default_rng(0)
    for number in range(10):
        for kind, ending in (("sounds", "wav"), ("pictures", "jpg")):
            path = tmp_path / kind / "ab"[number % 2] / f"{number}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if ending == "wav":  # one of them of another rate, which is no fault
                soundfile.write(path, generator.uniform(-0.5, 0.5, 8000), 44_100 if number == 3 else 8000)
            else:
                Image.fromarray(generator.integers(256, size=(30, 20, 3), dtype=np.uint8)).save(path)
            if number in (4, 7):
                path.write_bytes(path.read_bytes()[: -300 if number == 4 else 200])
            if number == 6:
                path.write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("dataset", "kind", "ending"),
    [(SOUNDS, "sounds", "wav"), (PICTURES, "pictures", "jpg")],
    ids=["sounds", "pictures"],
)
@pytest.mark.parametrize("options", [(), ("--full",)], ids=["first", "full"])
def test_files_that_cannot_be_decoded_are_told_and_the_others_not(judged, folders, dataset, kind, ending, options):
    bad = [folders / kind / f"{name}.{ending}" for name in ("a/4", "a/6", "b/7")]
    status, said = judged(dataset, "fail", *options)
    assert status == 1
    assert "S503 error: cannot decode " + ", ".join(f"`{path}`" for path in bad) in said
    assert "1 error in" in said
    status, said = judged(dataset, "{skip: 0.3}", *options)
    assert status == 0
    assert f"passed over 3 of 10 rows that cannot be used; the first: cannot decode `{bad[0]}`" in said
    status, said = judged(dataset, "{skip: 0.2}", *options)
    assert status == 1
    assert "3 of 10 rows cannot be used, and at most 20% may be passed over" in said


@pytest.mark.parametrize("options", [(), ("--full",)], ids=["first", "full"])
def test_ten_of_a_hundred_rows_of_rubbish_are_counted(judged, write, options):
    rows = [f"{i / 8},{'ab'[i % 2]}" for i in range(100)]
    rows[3::10] = ["nan,a", "inf,b", "1", "1,2,3", "abc,a", "1,", "1e99,a", ",a", "0x1,b", "--,b"]
    rows[50] = "1.5,a "
    write("t.csv", "x,label\n" + "\n".join(rows) + "\n")
    status, said = judged(TABLE, "{skip: 0.1}", *options)
    assert status == 0
    assert "passed over 10 of 100 rows that cannot be used; the first: " in said
    status, said = judged(TABLE, "{skip: 0.09}", *options)
    assert status == 1
    assert "10 of 100 rows cannot be used, and at most 9% may be passed over" in said


def test_a_ragged_row_is_told_and_no_more(judged, write):
    write("t.csv", "x,label\n1,a\n2\n")
    status, said = judged(TABLE)
    assert status == 1
    assert "t.csv:3 cannot be read" in said
    assert "1 error in" in said
