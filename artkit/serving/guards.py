"""What stands in front of all routes: the names that the server answers to, and headers that bind browsers.

A page elsewhere can let its own name lead to this machine (DNS rebinding). A browser then takes both for one place, and
would let that page read what is served here; but it still sends the name that the page has, which is none of ours.
"""

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from artkit.errors import RunError
from artkit.serving.refusals import refuse

BINDING_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),  # so that each connection has one request, whose time is told from its beginning
)
"""Of every response."""

_OWN_PAGES: Final = ("same-origin", "none")
"""What browsers say of requests that come from the page itself, or from the user."""
_LONGEST_NAME: Final = 80
"""That is told back."""


def own_names(host: str, allowed: Iterable[str]) -> frozenset[str]:
    """Names, in lower case, by which the server may be called, besides addresses in numbers.

    Args:
        host: What it listens to.
        allowed: Further names, such as that of a proxy.

    Raises:
        RunError: if one of these is no name.
    """
    machine = socket.gethostname().lower()
    names = {"localhost", host.lower().rstrip("."), machine, f"{machine.partition('.')[0]}.local"}
    for name in allowed:
        if not name or not set(name.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_"):
            raise RunError(f"--allow-host {name!r} is no name of a host; give the name alone, such as art.example.org")
        names.add(name.lower().rstrip("."))
    return frozenset(names)


class Guarded:
    """An application that answers to its own names alone, and takes images from no other website.

    Args:
        app: Answers.
        names: As `own_names` gives them.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *BINDING_HEADERS]
            await send(message)

        refused = self._refusal(Headers(scope=scope), scope["method"])
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers, method: str) -> Response | None:
        name = _name_in(headers.get("host", "localhost"))  # without one it is no browser
        if not self._is_own(name):
            shown = name[:_LONGEST_NAME]
            return refuse(
                403, f"this server is not called {shown!r}; use its address in numbers, or start it with --allow-host"
            )
        if method == "POST" and headers.get("sec-fetch-site", "none") not in _OWN_PAGES:
            return refuse(403, "images from the pages of other websites are not taken; open the page of this server")
        return None

    def _is_own(self, name: str) -> bool:
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def _name_in(header: str) -> str:
    """The host without the port."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
