"""An artefact in use, in a process of its own without specc."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from specc import codes
from specc.diagnostics import Refusal
from specc.kinds.arrays import Array
from specc.kinds.exporters import Exporter, Form

FRESH = Path(__file__).with_name("fresh.py")


class Reader:
    """A process that has loaded an artefact, or is about to; it ends with the `with` that it is made for."""

    def __init__(self, exporter: Exporter, path: Path) -> None:
        self.called = f"the artefact `{exporter.artefact}`"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, closed by `__exit__`
        environment = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "-1",  # the process that trained holds the memory of the GPU
            "KERAS_BACKEND": "tensorflow",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(FRESH)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._send({"path": str(path), "barred": exporter.barred, "reading": exporter.reading})

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait()
        self._errors.close()

    def ask(self, form: Form, fields: Mapping[str, Array]) -> dict[str, Array]:
        """What it answers to a batch of fields, by name.

        Raises:
            Refusal: S607 where it cannot be used; from then on it cannot be asked.
        """
        self._send((form, dict(fields)))
        kind, content = self._reply()
        if kind == b"A":
            with np.load(io.BytesIO(content)) as answers:
                return {name: answers[name] for name in answers.files}
        why = content.decode(errors="replace") if kind else self._ended()
        raise Refusal(codes.S607, f"{self.called} cannot be used in a fresh process without specc: {why}")

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, and has said why or has not
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def _reply(self) -> tuple[bytes, bytes]:
        """The kind of a reply and its content; both empty where there is none."""
        assert self._process.stdout is not None
        head = self._process.stdout.read(9)
        content = self._process.stdout.read(int.from_bytes(head[1:], "big")) if len(head) == 9 else b""
        return head[:1], content

    def _ended(self) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        last = (self._errors.read().decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        return f"the process that used it ended with status {status}: {last}"
