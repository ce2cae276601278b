"""What a run says while it trains, on a terminal and off it."""

from __future__ import annotations

import io
import re

import pytest

from specc.backend.training.progress import Bar, Lines, progress

LOGS = {"loss": 0.21309, "accuracy": 0.94118, "val_loss": 0.5}


@pytest.fixture(autouse=True)
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")


class Terminal(io.StringIO):
    """A stream that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_file_gets_one_line_an_epoch() -> None:
    stream = io.StringIO()
    lines = progress(stream)
    lines.start(20, 100)
    for step in (1, 50, 100):
        lines.advance(2, step, 12_345.4, LOGS, 0.0)
    lines.epoch(2, 12_345.4, 4.06, LOGS, 0.0)
    lines.stop()
    assert isinstance(lines, Lines)
    assert stream.getvalue() == "epoch 3/20  loss 0.2131  accuracy 0.9412  val_loss 0.5  12,345 examples/s  4.1 s\n"


def test_a_terminal_gets_a_bar_with_the_time_left_and_keeps_the_lines_of_epochs() -> None:
    stream = Terminal()
    bar = progress(stream)
    bar.start(2, 100)
    bar.advance(0, 50, 0.0, LOGS, 0.0)
    bar.advance(0, 99, 1234.0, LOGS, 0.25)
    bar.epoch(0, 1234.0, 1.0, LOGS, 0.0)
    bar.advance(1, 25, 1234.0, LOGS, 0.25)
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
    bar.start(20, 100)
    bar.advance(19, 1, 0.0, LOGS, 0.0)
    bar.advance(19, 11, 50.0, LOGS, 0.0)
    bar.stop()
    assert "step 11/100  0:44 left" in stream.getvalue()


def test_what_is_not_known_is_not_told() -> None:
    stream = Terminal()
    bar = progress(stream)
    bar.start(1, 100)
    bar.advance(0, 1, 10.0, LOGS, float("nan"))
    bar.stop()
    assert "examples/s" in stream.getvalue()
    assert "waiting" not in stream.getvalue()


def test_a_terminal_that_can_draw_nothing_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress(Terminal()), Lines)
