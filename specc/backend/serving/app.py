"""The paths of a server: TensorFlow Serving's REST contract, a page for people, health and metrics."""

from __future__ import annotations

import asyncio
import re
import sys
import time
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from specc.backend.serving.batching import Batcher
from specc.backend.serving.metrics import Metrics
from specc.backend.serving.openapi import openapi
from specc.backend.serving.rest import VERBS, read
from specc.backend.serving.versions import Model

PAGE = Path(__file__).with_name("page")
FILES = {
    "": ("index.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}

ONLY_OURS = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:"
"""What the page may load: nothing of any other host."""

MODEL = re.compile(
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>[^/:]+)|/labels/(?P<label>[^/:]+))?"
    r"(?P<metadata>/metadata)?(?::(?P<verb>[^/:]*))?"
)


class Service:
    """A model behind its queue, and what its paths answer."""

    def __init__(self, model: Model, *, batch: int, wait: float, queue: int, timeout: float, body: int) -> None:
        self.model, self.timeout, self.body = model, timeout, body
        self.metrics = Metrics(model.name)
        self.batcher = Batcher(self.metrics, batch=batch, wait=wait, queue=queue, timeout=timeout)
        self.metrics.watch(lambda: self.batcher.waiting, lambda: max(model.versions))
        self.closing = False
        """Whether what is asked from now on is refused."""

    def app(self) -> Starlette:
        """The application, for an ASGI server."""
        routes = [
            *(Route(f"/{name}", _page(*file)) for name, file in FILES.items()),
            Route("/openapi.json", self._openapi),
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
            Route("/v1/{rest:path}", _Models(self)),
        ]
        return Starlette(routes=routes, lifespan=self._alive, exception_handlers={HTTPException: _told})

    @asynccontextmanager
    async def _alive(self, app: Starlette) -> AsyncIterator[None]:
        self.batcher.start()
        self.model.watch()
        yield
        self.closing = True
        self.model.close()
        await self.batcher.close()

    async def _openapi(self, request: Request) -> Response:
        return _json(openapi(self.model, self.body))

    async def _health(self, request: Request) -> Response:
        return _json({"status": "alive"})

    async def _ready(self, request: Request) -> Response:
        if self.closing:
            raise HTTPException(503, "the server is about to end")
        return _json({"status": "ready", "versions": sorted(self.model.versions)})

    async def _metrics(self, request: Request) -> Response:
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Models:
    """Everything under `/v1`."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        ask, headers = "other", {}
        try:
            found = MODEL.fullmatch(scope["path"])
            if found is None:
                raise HTTPException(404, f"there is nothing at `{scope['path']}`: see /openapi.json")
            ask = _asked(found)
            status, body = 200, await self._answer(found, scope, receive)
        except HTTPException as error:
            status, body, headers = error.status_code, _error(error), dict(error.headers or {})
        except Exception as bug:  # the last border: whoever asked is told
            traceback.print_exception(bug, file=sys.stderr)
            status, body = 500, _body({"error": f"a bug in specc: {type(bug).__name__}: {bug}"})
        await _send(send, status, body, headers)
        self.service.metrics.answered(ask, status, time.perf_counter() - started)

    async def _answer(self, found: re.Match[str], scope: Scope, receive: Receive) -> bytes:
        model, method = self.service.model, scope["method"]
        verb = found["verb"]
        if verb is not None and (verb not in VERBS or found["metadata"]):
            raise HTTPException(404, f"there is no `:{verb}`: ask `:predict`, `:classify` or `:regress`")
        allowed = ("GET", "HEAD") if verb is None else ("POST",)
        if method not in allowed:
            told = f"{method} is not for this path: use {allowed[0]}"
            raise HTTPException(405, told, {"Allow": ", ".join(allowed)})
        number = self._number(found)
        if verb is None:
            return _body(model.metadata(number) if found["metadata"] else model.status(number))
        if self.service.closing:
            raise HTTPException(503, "the server is about to end", {"Retry-After": "1", "Connection": "close"})
        version = model.version(number)
        body = await self._whole(scope, receive)
        return await self.service.batcher.ask(read(body, verb, version))

    def _number(self, found: re.Match[str]) -> int | None:
        model = self.service.model
        if found["name"] != model.name:
            raise HTTPException(404, f"there is no model `{found['name']}`; there is `{model.name}`")
        if found["label"] is not None:
            raise HTTPException(404, f"no version of `{model.name}` has a label: name its number, `/versions/N`")
        version = found["version"]
        if version is None:
            return None
        if not (version.isdecimal() and version.isascii() and len(version) < 20):
            raise HTTPException(404, f"`{version[:40]}` is no version: those are whole numbers")
        return int(version)

    async def _whole(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a request, where it is not too long and does not take for ever."""
        limit = self.service.body
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length) > limit:
            raise _too_long(limit)
        message = await receive()
        if not message.get("more_body"):
            return _part(message, 0, limit)
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.service.timeout):
                while True:
                    parts.append(_part(message, size, limit))
                    size += len(parts[-1])
                    if not message.get("more_body"):
                        return b"".join(parts)
                    message = await receive()
        except TimeoutError:
            told = f"the body did not come in {self.service.timeout:g} seconds"
            raise HTTPException(408, told, {"Connection": "close"}) from None


def _part(message: Mapping[str, Any], size: int, limit: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise HTTPException(400, "the body ended early")
    part: bytes = message.get("body", b"")
    if size + len(part) > limit:
        raise _too_long(limit)
    return part


def _too_long(limit: int) -> HTTPException:
    told = f"the body has more than {limit:,} bytes: ask about fewer examples at a time"
    return HTTPException(413, told, {"Connection": "close"})


def _asked(found: re.Match[str]) -> str:
    verb = found["verb"]
    if verb is not None:
        return verb if verb in VERBS else "other"
    return "metadata" if found["metadata"] else "status"


def _page(name: str, media: str) -> Any:
    content = (PAGE / name).read_bytes()
    headers = {"Content-Security-Policy": ONLY_OURS, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}

    async def page(request: Request) -> Response:
        return Response(content, media_type=media, headers=headers)

    return page


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        error = HTTPException(404, f"there is nothing at `{request.url.path}`: see /openapi.json")
    return Response(_error(error), error.status_code, error.headers, "application/json")


async def _send(send: Send, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    sent = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    sent += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})


def _error(error: HTTPException) -> bytes:
    return _body({"error": error.detail})


def _body(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"


def _json(value: Any) -> Response:
    return Response(_body(value), media_type="application/json")
