"""Run as a program of its own: use an artefact as someone without specc would, and tell what it answers.

On standard input come, pickled, first the artefact and how it is read, then one batch of fields after the other; what
it answers to each goes to standard output: `A`, eight bytes that say how many follow, and these, in NumPy's format of
archives. Where there is no answer, it is `E` and the reason, and the program ends. It imports nothing of specc, and
sees to it that nothing else can.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
from typing import Any, BinaryIO

import numpy as np


def main(requests: BinaryIO, replies: BinaryIO) -> None:
    try:
        # Written by the process that started this one, and by nobody else.
        artefact = pickle.load(requests)
        for name in ("specc", *artefact["barred"]):
            sys.modules[name] = None  # type: ignore[assignment]  # from here on, importing it is an ImportError
        scope: dict[str, Any] = {"path": artefact["path"]}
        exec(artefact["reading"], scope)
        while (request := _next(requests)) is not None:
            answers = io.BytesIO()
            arrays: dict[str, Any] = {name: _readable(answer) for name, answer in scope["answer"](*request).items()}
            np.savez(answers, **arrays)
            _tell(replies, b"A", answers.getvalue())
    except Exception as error:  # whatever a foreign file can raise is the finding, not a failure of this program
        reason = str(error).strip().splitlines() or [""]
        _tell(replies, b"E", f"{type(error).__name__}: {reason[0]}".encode())


def _readable(answer: Any) -> Any:
    """An answer as an array of a dtype of NumPy's own, which bfloat16 is not: a file of arrays would lose it."""
    array = np.asarray(answer)
    return array.astype(np.float32) if array.dtype.name in ("bfloat16", "float16") else array


def _next(requests: BinaryIO) -> tuple[str, dict[str, Any]] | None:
    try:
        request: tuple[str, dict[str, Any]] = pickle.load(requests)
    except EOFError:
        return None
    return request


def _tell(replies: BinaryIO, kind: bytes, content: bytes) -> None:
    replies.write(kind + len(content).to_bytes(8, "big") + content)
    replies.flush()


if __name__ == "__main__":
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no reply
    main(sys.stdin.buffer, replies)
