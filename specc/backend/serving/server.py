"""A server for as long as it is wanted: its socket, its signals, its end."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from specc.backend.serving.app import Service

BACKLOG = 4096
"""Connections that may wait to be accepted."""


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens nowhere else; port 0 takes a free one.

    Raises:
        OSError: where the port is taken, or the host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        why = {
            errno.EADDRINUSE: f"port {port} of {host} is taken: choose another with `--port`, or 0 for a free one",
            errno.EACCES: f"port {port} is not for everybody to listen on: choose one from 1024 on",
        }
        raise OSError(error.errno, why.get(error.errno or 0, f"cannot listen on {host}: {error.strerror}")) from error
    return taken


def address(taken: socket.socket) -> str:
    """Where a socket is reached, as a URL has it: from this machine where it listens on all addresses."""
    host, port = taken.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(service: Service, taken: socket.socket, told: Callable[[], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; then answer what was asked, refuse what is new, and end. `told` is called once
    requests can come. A second signal ends at once."""
    config = uvicorn.Config(
        service.app(),
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=max(1, round(service.timeout)) + 1,
    )
    server = _Server(config, service, told)
    server.run(sockets=[taken])
    if server.force_exit:
        os._exit(1)  # whatever still computes is not waited for


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, service: Service, told: Callable[[], None]) -> None:
        super().__init__(config)
        self._service, self._told = service, told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._told()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._service.closing = True
        super().handle_exit(sig, frame)
        # It would raise the signal again in the end; a server that was asked to end and has is not a failure.
        self._captured_signals.clear()
