"""Processes started together, watched together and ended together."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from specc.cluster.members import Member

LINES = 12
"""Of so many last lines of a process one can see why it failed."""
PATIENCE = 8.0
"""Seconds in which the others may end by themselves, before they are told to and before they are made to."""

LEAVE = 60.0
"""Seconds in which the one that leads may put away what was learnt, when all were asked to end."""

WORTH_TELLING = re.compile(r"^[WEF]\d{4} |\b(?:warning|error|fatal)\b|\w(?:Warning|Error): ", re.IGNORECASE)
ASKED = (128 + signal.SIGINT, 128 + signal.SIGTERM)
"""What a process exits with that was asked to end, and did."""
BUG = 3
"""What specc exits with when it fails itself."""
OF_ALL = (1, *ASKED)
"""Statuses that all come to: of a spec or data at fault, and of being asked to end."""
OF_THE_SPEC = re.compile(r"^(?:[SW]\d{3} |\d+ (?:errors?|warnings?)\b)")
"""What is wrong with the spec all find alike, and the one that leads says it."""


@dataclass(slots=True)
class Running:
    """A process at work, and the last lines of what it wrote where nobody sees it."""

    member: Member
    process: subprocess.Popen[str]
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    reader: threading.Thread | None = None

    @property
    def status(self) -> int | None:
        return self.process.returncode


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended: the status of the one that leads, and of who failed first, where one did.

    `status` is that of a shell: 0, what a process exited with, or 128 and the signal that killed it.
    """

    status: int
    failed: Member | None = None
    why: str = ""
    lines: tuple[str, ...] = ()
    died: bool = False
    """Whether it failed as a machine does, by a signal or by a bug: another time it may go well."""


def run_together(command: Sequence[str], members: Sequence[Member], tell: Callable[[str], None]) -> Ended:
    """Run one command as every member, until the one that leads is done or any of them fails; none is left behind.

    Its output is this process's own; of the others `tell` gets the lines that are warnings and errors, with their names
    before them. SIGINT and SIGTERM are passed on to it, and a second one ends all at once.
    """
    events: queue.SimpleQueue[Running | str] = queue.SimpleQueue()
    all_of_them: list[Running] = []
    with _asked(lambda number: _pass_on(all_of_them, number)) as asked:
        try:
            for member in members:
                all_of_them.append(_start(command, member, events))
            ended = _watch(all_of_them, events, tell, asked)
            if ended.died:
                # The others wait for it inside a step, and would not hear that they are to end.
                _end(all_of_them, signal.SIGKILL)
            return ended
        finally:
            _end(all_of_them, signal.SIGTERM, signal.SIGKILL)


def _start(command: Sequence[str], member: Member, events: queue.SimpleQueue[Running | str]) -> Running:
    own = None if member.leads else subprocess.PIPE
    with _bound_to(member.cores):
        process = subprocess.Popen(
            command,
            env={**os.environ, **member.environment},
            stdin=subprocess.DEVNULL,
            stdout=own,
            stderr=subprocess.STDOUT if own else None,
            text=True,
            errors="replace",
            # Ctrl-C is for this process, which passes it on to whom it concerns.
            start_new_session=True,
        )
    running = Running(member, process)

    def read() -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                running.last.append(line.rstrip())
                if WORTH_TELLING.search(line) and not OF_THE_SPEC.match(line):
                    events.put(f"{member.name} | {line.rstrip()}")

    def wait() -> None:
        process.wait()
        if running.reader is not None:
            running.reader.join(timeout=1.0)
        events.put(running)

    if own:
        running.reader = threading.Thread(target=read, daemon=True)
        running.reader.start()
    threading.Thread(target=wait, daemon=True).start()
    return running


def _watch(
    all_of_them: Sequence[Running],
    events: queue.SimpleQueue[Running | str],
    tell: Callable[[str], None],
    asked: list[int],
) -> Ended:
    leader = next(one for one in all_of_them if one.member.leads)
    first: Running | None = None
    until = float("inf")
    while time.monotonic() < until and len(asked) < 2:
        try:
            event = events.get(timeout=0.1)
        except queue.Empty:
            continue
        if isinstance(event, str):
            tell(event)
            continue
        if event is leader:
            break
        if event.status and first is None:
            first = event
            # What all come to stops the one that leads as well, and it is to say so.
            until = time.monotonic() + (
                0.0 if event.status not in OF_ALL else LEAVE if event.status in ASKED else PATIENCE
            )
    if len(asked) > 1:
        return Ended(128 + asked[-1])
    if first is not None and (leader.status is None or first.status not in OF_ALL):
        return _failure(first, 1)
    assert leader.status is not None
    if leader.status and leader.status not in ASKED and not asked:
        return _failure(leader, _shell(leader.status))
    _let_end([one for one in all_of_them if one.member.role == leader.member.role])
    return Ended(_shell(leader.status))


def _failure(one: Running, status: int) -> Ended:
    own = one.status or 0
    why = f"was killed by {signal.Signals(-own).name}" if own < 0 else f"ended with exit status {own}"
    return Ended(status, one.member, why, tuple(one.last), own < 0 or own == BUG)


def _shell(status: int) -> int:
    return status if status >= 0 else 128 - status


def _let_end(some: Sequence[Running]) -> None:
    until = time.monotonic() + PATIENCE
    while any(one.process.poll() is None for one in some) and time.monotonic() < until:
        time.sleep(0.05)


def _end(all_of_them: Sequence[Running], *signals: signal.Signals) -> None:
    """See that none of them goes on, by one signal after the other."""
    for signalled in signals:
        left = [one for one in all_of_them if one.process.poll() is None]
        for one in left:
            one.process.send_signal(signalled)
        _let_end(left)


def _pass_on(all_of_them: Sequence[Running], number: int) -> None:
    for one in all_of_them:
        if one.member.leads and one.process.poll() is None:
            one.process.send_signal(number)


@contextmanager
def _asked(pass_on: Callable[[int], None]) -> Iterator[list[int]]:
    """Count SIGINT and SIGTERM, and pass on the first."""
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) == 1:
            pass_on(number)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bound_to(cores: Sequence[int]) -> Iterator[None]:
    """Have a process that is started inside inherit these cores."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
