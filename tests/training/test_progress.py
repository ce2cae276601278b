"""What a run says while it trains, on a terminal and off it."""

from __future__ import annotations

import io
import re

from specc.backend.training.progress import Bar, Lines, progress

LOGS = {"loss": 0.21309, "accuracy": 0.94118, "val_loss": 0.5}


class Terminal(io.StringIO):
    """A stream that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_file_gets_one_line_an_epoch() -> None:
    stream = io.StringIO()
    lines = progress(stream)
    lines.start(20, 100)
    for step in (1, 50, 100):
        lines.advance(2, step, 12_345.4, LOGS)
    lines.epoch(2, 12_345.4, 4.06, LOGS, 0.0)
    lines.stop()
    assert isinstance(lines, Lines)
    assert stream.getvalue() == "epoch 3/20  loss 0.2131  accuracy 0.9412  val_loss 0.5  12,345 examples/s  4.1 s\n"


def test_a_terminal_gets_a_bar_with_the_time_left_and_keeps_the_lines_of_epochs() -> None:
    stream = Terminal()
    bar = progress(stream)
    bar.start(2, 100)
    bar.advance(0, 50, 1234.0, LOGS)
    bar.epoch(0, 1234.0, 1.0, LOGS, 0.0)
    bar.advance(1, 25, 1234.0, LOGS)
    bar.stop()
    assert isinstance(bar, Bar)
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "epoch 2/2" in said
    assert "step 25/100" in said
    assert "1,234 examples/s" in said
    assert re.search(r"\d:\d\d|--:--", said)
    assert "epoch 1/2  loss 0.2131  accuracy 0.9412  val_loss 0.5  1,234 examples/s  1.0 s" in said
