"""The port, and connections: those that take too long or are too many are cut off."""

import asyncio
import logging
import socket
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from artkit.errors import RunError
from artkit.serving.guards import BINDING_HEADERS
from artkit.serving.limits import Limits
from artkit.serving.refusals import refuse

_LAST_SECONDS: Final = 2
"""In which what has been answered must be taken once the server is stopped."""
_NO_REQUEST: Final = "this cannot be read as a request of HTTP, or its head is too long; send it in another way"


def open_port(host: str, port: int) -> socket.socket:
    """Take a port; nobody else can have it from now on.

    Args:
        host: Name or address of this machine.
        port: 0 takes any that is free.

    Raises:
        RunError: if it cannot be had.
    """
    if not host:  # which would mean all addresses
        raise RunError("--host is empty; leave it out for this machine alone, 0.0.0.0 lets other machines in")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a name
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while ")[0]  # the address is told anyway
        raise RunError(
            f"port {port} of {host} cannot be had ({reason}); choose another with --port, 0 for any that is free, or "
            "another --host"
        ) from None


def address_of(taken: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = taken.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # all of this machine, which no browser can call
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_app(app: ASGIApp, taken: socket.socket, limits: Limits) -> None:
    """Answer requests until Ctrl-C, which is raised as KeyboardInterrupt once all is closed."""
    config = uvicorn.Config(
        app,
        http=_protocol(limits),
        ws="none",
        lifespan="off",
        log_level="error",  # mistakes of strangers are no news
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(_is_failure)
    uvicorn.Server(config).run(sockets=[taken])


def _is_failure(record: logging.LogRecord) -> bool:
    """Whether what is logged is more than that a second Ctrl-C left requests unanswered."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _protocol(limits: Limits) -> type[asyncio.Protocol]:
    """HTTP, with limits for the number of connections, for the head of a request, and for taking its answer.

    The time for the body of a request is limited where it is read; to compute an answer takes the time that it takes.
    """

    class PatientProtocol(H11Protocol):
        _patience: asyncio.TimerHandle

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as its base
            super().connection_made(transport)
            self._patience = self.loop.call_later(limits.seconds, self._cut_off)
            if len(self.connections) > limits.connections:
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            self._patience.cancel()
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait_another(limits.seconds)

        def shutdown(self) -> None:
            super().shutdown()
            if self.cycle is not None and self.cycle.more_body:
                self.transport.abort()
            self._wait_another(_LAST_SECONDS)

        def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what it says is for programmers
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                response = refuse(400, _NO_REQUEST)
                head = h11.Response(status_code=400, headers=[*response.raw_headers, *BINDING_HEADERS])
                for event in (head, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

        def _wait_another(self, seconds: float) -> None:
            self._patience.cancel()
            self._patience = self.loop.call_later(seconds, self._cut_off)

        def _cut_off(self) -> None:
            if self.cycle is None or self.cycle.response_complete:
                self.transport.abort()

    return PatientProtocol
