"""Ctrl-C and SIGTERM: the first asks training to end cleanly, a second one stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Interrupt:
    """Which signal asked to stop: SIGINT is a person's, who wants what was learnt, SIGTERM a machine's; or none did."""

    asked: signal.Signals | None = None


@contextmanager
def listening() -> Iterator[Interrupt]:
    """Turn the first signal into a request; the next one does what it always does.

    Signals reach the main thread only: elsewhere nothing changes.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: FrameType | None) -> None:
        interrupt.asked = signal.Signals(number)
        for each, handler in before.items():
            # A shell has what it starts in the background ignore Ctrl-C; who sends it all the same means it.
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
