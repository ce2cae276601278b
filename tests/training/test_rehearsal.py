"""What a format cannot hold is told before training, not after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from specc.backend.run import run
from specc.diagnostics import Log, Rejected
from tests.training.conftest import BLOBS, Write, blobs, planned

LACKING = BLOBS.replace(
    "    - Dense: {units: 3, activation: softmax}",
    "    - ops.erfinv: {}\n    - Dense: {units: 3, activation: softmax}",
)
"""No format but TensorFlow's own has the inverse of the error function."""


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_format_that_cannot_hold_a_network_keeps_it_from_being_trained(
    write: Write, tmp_path: Path, dry_run: bool
) -> None:
    exports = ["saved_model", "onnx", {"litert": "int8"}, "litert"]
    plan = planned(write(blobs(60), LACKING), export=exports, training__epochs=1_000_000)
    with pytest.raises(Rejected) as rejected:
        run(plan, tmp_path / "run", Log(), dry_run=dry_run)
    found = rejected.value.log.sorted()
    (line,) = [n for n, text in enumerate(plan.source.text.splitlines(), 1) if "erfinv" in text]
    assert {(d.code.id, d.span.line) for d in found} == {("S612", line)}
    assert {d.message.split("`")[1] for d in found} == {"model.onnx", "model-int8.tflite", "model.tflite"}
    assert len(found) == 3
    assert not (tmp_path / "run").exists()


def test_a_dry_run_says_which_formats_can(write: Write) -> None:
    exports = ["saved_model", "onnx", {"litert": "float16"}, {"stablehlo": 8}]
    done = run(planned(write(blobs(60), BLOBS), export=exports), None, Log(), dry_run=True)
    assert done.checked[-1] == "formats: onnx, litert, stablehlo can hold the network"
