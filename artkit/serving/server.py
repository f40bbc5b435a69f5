"""The port, and connections: those whose requests do not come are cut off."""

import asyncio
import socket
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from artkit.errors import RunError
from artkit.serving.limits import Limits

_LAST_SECONDS: Final = 5
"""How long open requests have when the server is stopped."""


def open_port(host: str, port: int) -> socket.socket:
    """Take a port; nobody else can have it from now on.

    Args:
        host: Name or address of this machine.
        port: 0 takes any that is free.

    Raises:
        RunError: if it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"port {port} of {host} cannot be had ({reason}); choose another with --port, 0 for any that is free, or "
            "another --host"
        ) from None


def address_of(taken: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_app(app: ASGIApp, taken: socket.socket, limits: Limits) -> None:
    """Answer requests until Ctrl-C, which is raised as KeyboardInterrupt once all is closed."""
    config = uvicorn.Config(
        app,
        http=_protocol(limits.seconds),
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[taken])


def _protocol(seconds: float) -> type[asyncio.Protocol]:
    """HTTP with a limit of time for the head of a request."""

    class PatientProtocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its base
            super().connection_made(transport)
            self.loop.call_later(seconds, self._cut_off)

        def _cut_off(self) -> None:
            if self.cycle is None:
                self.transport.close()

    return PatientProtocol
