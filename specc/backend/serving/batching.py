"""Questions of several requests answered together, by threads that are never idle while one waits."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException

from specc.backend.serving.metrics import Metrics
from specc.backend.serving.rest import Question, arrays
from specc.kinds.arrays import Array

THREADS = min(8, os.cpu_count() or 1)
"""How many batches are answered at once. Each is computed by one thread, but for large operations."""

Answer = bytes | HTTPException


@dataclass(slots=True, eq=False)
class _Waiting:
    question: Question
    answer: asyncio.Future[bytes]
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """A bounded queue before threads that each take from it as many examples as a batch holds.

    While batches are answered others gather: nobody waits for company who need not. With `wait`, a batch that is not
    full waits so many seconds for more.
    """

    def __init__(self, metrics: Metrics, *, batch: int, wait: float, queue: int, timeout: float) -> None:
        self.batch, self.wait, self.queue, self.timeout = batch, wait, queue, timeout
        self._metrics = metrics
        self._lanes: dict[tuple[Any, ...], deque[_Waiting]] = {}
        self._some = threading.Condition()
        self._ended = False
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.waiting = 0
        """Requests that are in the queue."""

    def start(self) -> None:
        """Begin to answer; called in the loop that asks."""
        self._loop = asyncio.get_running_loop()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    async def close(self) -> None:
        """Answer what waits, and end."""
        with self._some:
            self._ended = True
            self._some.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    async def ask(self, question: Question) -> bytes:
        """The body of the answer.

        Raises:
            HTTPException: 429 where the queue is full, 504 where the answer is late, 400 for what is wrong with it.
        """
        assert self._loop is not None
        waiting = _Waiting(question, self._loop.create_future())
        with self._some:
            if self.waiting >= self.queue:
                told = f"{self.waiting} requests are waiting already: ask again in a second"
                raise HTTPException(429, told, {"Retry-After": "1"})
            self._lanes.setdefault(question.lane, deque()).append(waiting)
            self.waiting += 1
            self._some.notify()
        late = self._loop.call_later(self.timeout, _late, waiting.answer, self.timeout)
        try:
            return await waiting.answer
        finally:
            late.cancel()

    def _work(self) -> None:
        assert self._loop is not None
        while (taken := self._next()) is not None:
            if not taken:
                continue
            try:
                answers = self._answers([one.question for one in taken])
            except Exception as bug:  # whatever it is, those who asked are told, and the next are answered
                traceback.print_exception(bug, file=sys.stderr)
                answers = [HTTPException(500, f"a bug in specc: {type(bug).__name__}: {bug}")] * len(taken)
            pairs = list(zip(taken, answers, strict=True))
            self._loop.call_soon_threadsafe(_deliver, pairs)

    def _next(self) -> list[_Waiting] | None:
        """The questions of the next batch: those of the oldest's kind, in their order. None when all is over."""
        with self._some:
            while True:
                while not self._lanes:
                    if self._ended:
                        return None
                    self._some.wait()
                lane = min(self._lanes, key=lambda key: self._lanes[key][0].since)
                left = self._lanes[lane][0].since + self.wait - time.monotonic()
                if self._ended or left <= 0 or self._rows(lane) >= self.batch:
                    break
                self._some.wait(left)  # another thread may take them meanwhile
            there, taken, rows = self._lanes[lane], [], 0
            while there and (not rows or rows + there[0].question.rows <= self.batch):
                one = there.popleft()
                self.waiting -= 1
                if not one.answer.done():  # nobody waits for it any more
                    taken.append(one)
                    rows += one.question.rows
            if not there:
                del self._lanes[lane]
            return taken

    def _rows(self, lane: tuple[Any, ...]) -> int:
        return sum(one.question.rows for one in self._lanes[lane])

    def _answers(self, questions: Sequence[Question]) -> list[Answer]:
        """The answers to questions that can be asked together. One at fault is found by halves."""
        try:
            return self._together(questions)
        except HTTPException as error:
            if len(questions) == 1:
                return [error]
            half = len(questions) // 2
            return self._answers(questions[:half]) + self._answers(questions[half:])

    def _together(self, questions: Sequence[Question]) -> list[Answer]:
        first = questions[0]
        signature = first.signature
        if len(questions) == 1:
            given = first.arrays()
        else:
            columns = {f.name: [v for q in questions for v in q.columns[f.name]] for f in signature.fields}
            given = arrays(signature, columns, first.where)
        rows = sum(question.rows for question in questions)
        found = self._ask(first, given, rows)
        if len(questions) == 1:
            return [first.write(found)]
        if any(not array.ndim or len(array) != rows for array in found.values()):
            raise HTTPException(500, "the model does not answer by example")  # then each is asked alone
        answers: list[Answer] = []
        start = 0
        for question in questions:
            stop = start + question.rows
            answers.append(question.write({name: array[start:stop] for name, array in found.items()}))
            start = stop
        return answers

    def _ask(self, question: Question, given: dict[str, Array], rows: int) -> dict[str, Array]:
        """The answer of the model, asked about no more than a batch at a time."""
        if rows <= self.batch or not question.signature.batched:
            return self._timed(question, given, rows)
        parts = [
            self._timed(question, {name: array[at : at + self.batch] for name, array in given.items()}, self.batch)
            for at in range(0, rows, self.batch)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _timed(self, question: Question, given: dict[str, Array], rows: int) -> dict[str, Array]:
        started = time.perf_counter()
        try:
            return question.signature.ask(given)
        finally:
            self._metrics.model_seconds.observe(time.perf_counter() - started)
            self._metrics.batch.observe(rows)


def _deliver(pairs: Sequence[tuple[_Waiting, Answer]]) -> None:
    for waiting, answer in pairs:
        if waiting.answer.done():
            continue
        if isinstance(answer, bytes):
            waiting.answer.set_result(answer)
        else:
            waiting.answer.set_exception(answer)


def _late(answer: asyncio.Future[bytes], seconds: float) -> None:
    if not answer.done():
        answer.set_exception(HTTPException(504, f"there was no answer in {seconds:g} seconds"))
