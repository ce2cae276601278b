"""Progress: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from time import monotonic
from typing import IO, Any, Protocol

from specc.backend.devices import memory_in_use
from specc.memory.figures import size

NOTABLE = 0.05
"""A smaller share of waiting for data is not worth a word while training goes on."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far training is: in an `epoch`, from 0, `step` of its `steps` are done, and of the run `taken` of `total`."""

    epoch: int
    step: int
    steps: int
    taken: int
    total: int


class Progress(Protocol):
    """What a training run tells while it goes on. Epochs count from 0."""

    def start(self, epochs: int, at: Place) -> None:
        """Training begins, or a phase of it; the run has so many epochs."""

    def advance(self, at: Place, rate: float, logs: Mapping[str, float], waiting: float) -> None:
        """A call of the compiled loop is done; `rate` is in examples a second, `waiting` the share of waiting for data
        in all steps so far, NaN where that is not known."""

    def epoch(self, epoch: int, rate: float, seconds: float, logs: Mapping[str, float], waiting: float) -> None:
        """An epoch is done, validated where there is something to validate on."""

    def stop(self) -> None:
        """Training is over, well or not."""

    def say(self, text: str) -> None:
        """Something else is told, in a line of its own, before training begins or after it is over."""


def progress(stream: IO[str] | None = None) -> Progress:
    """A bar where the stream (standard error, when none is given) is a terminal that can draw it, lines elsewhere."""
    stream = stream or sys.stderr
    return Bar(stream) if stream.isatty() and os.environ.get("TERM") != "dumb" else Lines(stream)


class Silent:
    """Says nothing."""

    def start(self, epochs: int, at: Place) -> None: ...

    def advance(self, at: Place, rate: float, logs: Mapping[str, float], waiting: float) -> None: ...

    def epoch(
        self, epoch: int, rate: float, seconds: float, logs: Mapping[str, float], waiting: float = 0.0
    ) -> None: ...

    def stop(self) -> None: ...

    def say(self, text: str) -> None: ...


@dataclass(slots=True)
class Lines:
    """One line an epoch: `epoch 3/20  loss 0.2131  accuracy 0.9412  12,345 examples/s  4.1 s`."""

    stream: IO[str]
    epochs: int = 0

    def start(self, epochs: int, at: Place) -> None:
        self.epochs = epochs

    def advance(self, at: Place, rate: float, logs: Mapping[str, float], waiting: float) -> None: ...

    def epoch(self, epoch: int, rate: float, seconds: float, logs: Mapping[str, float], waiting: float) -> None:
        print(_line(epoch, self.epochs, rate, seconds, logs, waiting), file=self.stream, flush=True)

    def stop(self) -> None: ...

    def say(self, text: str) -> None:
        print(text, file=self.stream, flush=True)


@dataclass(slots=True)
class Bar:
    """A bar for the whole run with the time left, speed and memory under it, and the figures so far; above it the lines
    of epochs that are done."""

    stream: IO[str]
    epochs: int = 0
    _live: Any = None
    _bar: Any = None
    _task: Any = None
    _speed: Any = None
    _figures: Any = None
    _first: tuple[int, float] | None = None
    """The steps that were taken when the first call of the loop had ended, which compiles, and the time."""

    def start(self, epochs: int, at: Place) -> None:
        # Late, because a run whose output goes to a file never needs it.
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress
        from rich.text import Text

        self.epochs, self._first = epochs, None
        self._speed = Text("compiling the first step", style="dim", no_wrap=True, overflow="ellipsis")
        self._figures = Text("", no_wrap=True, overflow="ellipsis")
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[at]}"),
        )
        self._task = self._bar.add_task("")
        self._show(at)
        shown = Group(self._bar, self._speed, self._figures)
        self._live = Live(shown, console=Console(file=self.stream), transient=True)
        self._live.start()

    def advance(self, at: Place, rate: float, logs: Mapping[str, float], waiting: float) -> None:
        now, left = monotonic(), ""
        if self._first is None:
            self._first = at.taken, now
        elif at.taken > self._first[0]:
            seconds = (at.total - at.taken) * (now - self._first[1]) / (at.taken - self._first[0])
            left = f"  {_clock(seconds)} left"
        self._show(at, left)
        figures = [f"{rate:,.0f} examples/s"] if rate else []
        figures += [f"{size(held)} {name}" for name, held in memory_in_use().items()]
        figures += [f"{waiting:.0%} waiting for data"] if rate and not isnan(waiting) else []
        self._speed.plain = "  ".join(figures)
        self._figures.plain = _figures(logs)

    def epoch(self, epoch: int, rate: float, seconds: float, logs: Mapping[str, float], waiting: float) -> None:
        self._live.console.print(
            _line(epoch, self.epochs, rate, seconds, logs, waiting), highlight=False, soft_wrap=True
        )

    def stop(self) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def _show(self, at: Place, left: str = "") -> None:
        epoch, step = f"epoch {at.epoch + 1}/{self.epochs}", f"step {at.step:,}/{at.steps:,}{left}"
        self._bar.update(self._task, completed=at.taken, total=at.total, description=epoch, at=step)


def _line(epoch: int, epochs: int, rate: float, seconds: float, logs: Mapping[str, float], waiting: float) -> str:
    speed = f"  {rate:,.0f} examples/s" if rate else ""
    waits = f"  {waiting:.0%} waiting for data" if waiting >= NOTABLE else ""
    return f"epoch {epoch + 1}/{epochs}  {_figures(logs)}{speed}  {seconds:.1f} s{waits}"


def _clock(seconds: float) -> str:
    """`0:07`, `12:34`, `1:02:03`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _figures(logs: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in logs.items() if isinstance(value, float))
