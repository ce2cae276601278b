"""What a run says while it trains, on a terminal and off it."""

from __future__ import annotations

import io
import re

import pytest

from specc.backend.training.progress import Bar, Lines, Place, progress

EPOCH = 100
"""The steps of an epoch."""
LOGS = {"loss": 0.21309, "accuracy": 0.94118, "val_loss": 0.5}


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")


class Terminal(io.StringIO):
    """A stream that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


def at(epoch: int, step: int, epochs: int) -> Place:
    return Place(epoch, step, EPOCH, epoch * EPOCH + step, epochs * EPOCH)


def test_a_file_gets_one_line_an_epoch() -> None:
    stream = io.StringIO()
    lines = progress(stream)
    lines.start(20, at(0, 0, 20))
    for step in (1, 50, 100):
        lines.advance(at(2, step, 20), 12_345.4, LOGS, 0.0)
    lines.epoch(2, 12_345.4, 4.06, LOGS, 0.0)
    lines.stop()
    assert isinstance(lines, Lines)
    assert stream.getvalue() == "epoch 3/20  loss 0.2131  accuracy 0.9412  val_loss 0.5  12,345 examples/s  4.1 s\n"


def test_a_terminal_gets_a_bar_with_the_time_left_and_keeps_the_lines_of_epochs() -> None:
    stream = Terminal()
    bar = progress(stream)
    bar.start(2, at(0, 0, 2))
    bar.advance(at(0, 50, 2), 0.0, LOGS, 0.0)
    bar.advance(at(0, 99, 2), 1234.0, LOGS, 0.25)
    bar.epoch(0, 1234.0, 1.0, LOGS, 0.0)
    bar.advance(at(1, 25, 2), 1234.0, LOGS, 0.25)
    bar.stop()
    assert isinstance(bar, Bar)
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "epoch 2/2" in said
    assert "step 25/100" in said
    assert "1,234 examples/s" in said
    assert re.search(r"\d:\d\d left", said)
    assert re.search(r"\d [MG]iB memory", said)
    assert "25% waiting for data" in said
    assert "epoch 1/2  loss 0.2131  accuracy 0.9412  val_loss 0.5  1,234 examples/s  1.0 s" in said


def test_the_time_left_is_reckoned_from_the_steps_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    # It went on after 1,900 of 2,000 steps, compiled for a minute, and then took 10 steps in 5 seconds.
    times = iter([60.0, 65.0])
    monkeypatch.setattr("specc.backend.training.progress.monotonic", lambda: next(times))
    stream = Terminal()
    bar = progress(stream)
    bar.start(20, at(19, 0, 20))
    bar.advance(at(19, 1, 20), 0.0, LOGS, 0.0)
    bar.advance(at(19, 11, 20), 50.0, LOGS, 0.0)
    bar.stop()
    assert "step 11/100  0:44 left" in stream.getvalue()


def test_a_last_epoch_that_ends_early_is_shown_as_short_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of 130 steps 110 are taken: 20 are left, not 90, at two a second.
    times = iter([60.0, 65.0])
    monkeypatch.setattr("specc.backend.training.progress.monotonic", lambda: next(times))
    stream = Terminal()
    bar = progress(stream)
    bar.start(2, Place(0, 0, 100, 0, 130))
    bar.advance(Place(0, 100, 100, 100, 130), 0.0, LOGS, 0.0)
    bar.advance(Place(1, 10, 30, 110, 130), 50.0, LOGS, 0.0)
    bar.stop()
    assert "step 10/30  0:10 left" in stream.getvalue()


def test_what_is_not_known_is_not_told() -> None:
    stream = Terminal()
    bar = progress(stream)
    bar.start(1, at(0, 0, 1))
    bar.advance(at(0, 1, 1), 10.0, LOGS, float("nan"))
    bar.stop()
    assert "examples/s" in stream.getvalue()
    assert "waiting" not in stream.getvalue()


def test_a_terminal_that_can_draw_nothing_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress(Terminal()), Lines)
