"""How long training waits for data: measured where each step takes its batch."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from specc.backend.data import open_data
from specc.backend.network import build
from specc.backend.objective import compile_model
from specc.backend.run import run
from specc.backend.training.loop import Feed, Fit, Outcome
from specc.backend.training.steps import Steps
from specc.diagnostics import Log
from tests.training.conftest import BLOBS, Write, blobs, planned

PAUSE = 0.03


def trained(spec: Path, pause: float) -> Outcome:
    """Three epochs on batches each of which takes so many seconds to come."""
    plan, log = planned(spec), Log()
    split = open_data(plan, log).splits["train"]
    model = build(plan, log)
    steps = Steps(tf.distribute.get_strategy(), model, compile_model(model, plan, log), log)

    def late(inputs, targets):  # type: ignore[no-untyped-def]
        def wait(x):  # type: ignore[no-untyped-def]
            time.sleep(pause)
            return x

        x = tf.numpy_function(wait, [inputs["x"]], tf.float32)
        return {"x": tf.ensure_shape(x, inputs["x"].shape)}, targets

    def stream(epoch: int, step: int, cut: object) -> tf.data.Dataset:
        batches = split.stream(16, seed=0, shuffle=True, epoch=epoch, step=step)
        return batches.map(late) if pause else batches

    return Fit(steps, Feed(stream, split.examples, 16), epochs=3).run()


def test_batches_that_come_late_are_waited_for(write: Write) -> None:
    outcome = trained(write(blobs(320), BLOBS), PAUSE)
    # A step of so small a network takes a millisecond or so beside the pause.
    assert 0.7 < outcome.waiting <= 1
    assert outcome.examples_per_second < 16 / PAUSE


def test_batches_that_are_there_are_not(write: Write) -> None:
    outcome = trained(write(blobs(320), BLOBS), 0)
    assert 0 < outcome.waiting < 0.7
    assert np.isfinite(outcome.examples_per_second)


def test_the_share_is_in_the_manifest_and_on_the_screen(write: Write, tmp_path: Path, cli) -> None:  # type: ignore[no-untyped-def]
    ended = cli("run", write(blobs(320), BLOBS), "--out", tmp_path / "run", "--set", "dataset.cache=disk")
    assert ended.status == 0, ended.err
    share = json.loads((tmp_path / "run" / "manifest.json").read_text())["waiting_for_data"]
    assert 0 < share < 1
    assert f"data         waited for in {share:.0%} of the time of training" in ended.out


def test_nothing_is_waited_for_that_the_loop_gathers_itself(write: Write, tmp_path: Path) -> None:
    done = run(planned(write(blobs(320), BLOBS)), tmp_path / "run", Log())
    assert done.waiting == 0


@pytest.mark.parametrize(("waiting", "said"), [(0.3, "  30% waiting for data\n"), (0.02, " s\n")])
def test_a_line_of_an_epoch_tells_of_a_share_that_matters(waiting: float, said: str) -> None:
    import io

    from specc.backend.training.progress import Place, progress

    stream = io.StringIO()
    lines = progress(stream)
    lines.start(1, Place(0, 0, 1, 0, 1))
    lines.epoch(0, 10.0, 1.0, {"loss": 0.5}, waiting)
    assert stream.getvalue().endswith(said)


def test_a_deterministic_run_has_no_clock_and_says_nothing_of_it(write: Write, tmp_path: Path, cli) -> None:  # type: ignore[no-untyped-def]
    ended = cli("run", write(blobs(64), BLOBS), "--out", tmp_path / "run", "--set", "runtime.deterministic=true")
    assert ended.status == 0, ended.err
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["waiting_for_data"] is None
    assert "waited for" not in ended.out
