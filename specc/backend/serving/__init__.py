"""A model behind HTTP: TensorFlow Serving's REST contract, requests answered in batches, a page for people."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from specc.backend.quiet import hushed
from specc.backend.serving.app import Service
from specc.backend.serving.example import curl
from specc.backend.serving.fields import Field
from specc.backend.serving.server import address, bound, listen
from specc.backend.serving.signatures import DEFAULT
from specc.backend.serving.versions import Model, learnt
from specc.diagnostics import Log, Refusal, Rejected, Span
from specc.plan import Plan
from specc.tensors import show


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that requests can come to: its `url`, the URL of the `model`, its versions, what a row is made of (the
    name of each field and what it is), and a command that asks."""

    url: str
    model: str
    versions: tuple[int, ...]
    fields: tuple[tuple[str, str], ...]
    curl: str


def serve(
    path: Path,
    plan: Plan | None,
    name: str,
    log: Log,
    told: Callable[[Listening], None],
    *,
    host: str,
    port: int,
    batch: int,
    wait: float,
    queue: int,
    timeout: float,
    body: int,
) -> None:
    """Serve a run's SavedModel, or one or several versions of one, until SIGTERM or Ctrl-C.

    Args:
        path: a run, a SavedModel's directory, or one with a SavedModel in `1/`, `2/`, …
        plan: of the run's `spec.yaml`; None where it is no run.
        told: is called once requests can come.
        host, port: where it listens; port 0 is a free one.
        batch: the most examples that are answered together.
        wait: seconds that a batch which is not full waits for more.
        queue: the most requests that wait.
        timeout: seconds from a request to its answer.
        body: the most bytes of a request's body.

    Raises:
        Rejected: S501 or S503 is in `log` where there is nothing to serve. OSError: it cannot listen there.
    """
    try:
        model = Model(name, path, plan, learnt(path) if plan else {})
        with bound(host, port) as taken:
            with hushed():
                model.open()
            # What is there stays: a collector that looks through all of TensorFlow again holds up every request.
            gc.collect()
            gc.freeze()
            service = Service(model, batch=batch, wait=wait, queue=queue, timeout=timeout, body=body)
            listen(service, taken, lambda: told(_listening(model, address(taken))))
    except Refusal as refusal:
        log.refuse(refusal, Span(str(path), 1, 1, 1, 1))
        raise Rejected(log) from refusal


def _listening(model: Model, url: str) -> Listening:
    version = model.version()
    signature = version.signatures.get(DEFAULT) or next(iter(version.signatures.values()))
    at = f"{url}/v1/models/{model.name}"
    asks = curl(f"{at}:predict", signature.fields)
    return Listening(url, at, tuple(sorted(model.versions)), tuple((f.name, _what(f)) for f in signature.fields), asks)


def _what(field: Field) -> str:
    """A field in a few words: `number, may be null`."""
    sense = field.sense
    kind = f"bytes of a file, {sense.media}" if sense.media else "text" if field.text else field.tensor.dtype or ""
    if sense.choices and not sense.media:
        kind = f"{kind}, one of {len(sense.choices):,}" + ("" if sense.closed else " or another")
    if field.inner:
        kind += f" {show(field.inner)}"
    return kind + (", may be null" if sense.gaps else "")
