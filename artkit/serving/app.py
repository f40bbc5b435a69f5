"""The routes: the page, what it is made of, and the answers. Whatever goes wrong leaves as one sentence of JSON."""

import asyncio
import re
from functools import partial
from pathlib import Path
from typing import Final

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from artkit.serving.guards import Guarded
from artkit.serving.limits import Limits
from artkit.serving.refusals import Refusal, refuse
from artkit.serving.service import Service
from artkit.serving.uploads import forget_upload, read_upload
from artkit_shards import render_page

_FOLDER: Final = Path(__file__).parent
_THUMBNAILS_AT_ONCE: Final = 2
_ROW: Final = re.compile("[0-9]{1,12}")


def make_app(service: Service, limits: Limits, names: frozenset[str]) -> ASGIApp:
    """The application.

    Args:
        service: Answers images.
        limits: What a request may take.
        names: By which it may be called, see `own_names`.
    """
    routes = _Routes(service, limits)
    app = Starlette(
        routes=[
            Route("/", routes.page),
            Route("/style.css", routes.style),
            Route("/script.js", routes.script),
            Route("/favicon.ico", routes.no_icon),
            Route("/health", routes.health),
            Route("/about", routes.about),
            Route("/predict", routes.predict, methods=["POST"]),
            Route("/thumbnails/{row}", routes.thumbnail),
        ],
        exception_handlers={Refusal: _refused, HTTPException: _no_route, Exception: _failed},
    )
    app.router.redirect_slashes = False  # no address is told that is made of what was sent
    return Guarded(app, names)  # outside of all, so that failures have its headers too


class _Routes:
    """What each address gives."""

    def __init__(self, service: Service, limits: Limits) -> None:
        self._service = service
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.at_once)
        self._thumbnails: CapacityLimiter | None = None
        self._page = render_page(
            _FOLDER / "page.html.j2",
            {
                "about": service.about(),
                "main": service.predictor.heads[0].name,
                "shows_works": service.neighbours is not None,
                "no_works": service.no_neighbours,
                "max_bytes": limits.max_bytes,
                "max_pixels": limits.max_pixels,
            },
        )
        self._style = render_page(_FOLDER / "serve.css", {})
        self._script = (_FOLDER / "serve.js").read_text(encoding="utf-8")

    async def page(self, _: Request) -> Response:
        return HTMLResponse(self._page)

    async def style(self, _: Request) -> Response:
        return Response(self._style, media_type="text/css")

    async def script(self, _: Request) -> Response:
        return Response(self._script, media_type="text/javascript")

    async def no_icon(self, _: Request) -> Response:
        return Response(status_code=204)  # browsers that show JSON ask for one

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def about(self, _: Request) -> Response:
        return JSONResponse(self._service.about())

    async def predict(self, request: Request) -> Response:
        if self._slots.locked():
            await forget_upload(request, self._limits)
            raise Refusal(503, "too many images are being answered; send this one again in a moment", retry_after=1)
        async with self._slots:
            data = await read_upload(request, self._limits)
            # Not abandoned if the client leaves: the place is taken until the thread is done.
            return JSONResponse(await to_thread.run_sync(partial(self._service.predict, data, self._limits.max_pixels)))

    async def thumbnail(self, request: Request) -> Response:
        if self._thumbnails is None:  # made here, since it belongs to the loop
            self._thumbnails = CapacityLimiter(_THUMBNAILS_AT_ONCE)
        row = request.path_params["row"]
        if not _ROW.fullmatch(row):
            raise Refusal(404, "there is no picture of such a training work")
        picture = partial(self._service.thumbnail, int(row))
        return Response(await to_thread.run_sync(picture, limiter=self._thumbnails), media_type="image/jpeg")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return refuse(error.status, str(error), error.retry_after)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        response = refuse(405, f"{request.method} is not for this address, which takes {allowed}")
    else:
        response = refuse(error.status_code, "there is nothing at this address; see / , /about and POST /predict")
    response.headers.update(error.headers or {})
    return response


async def _failed(_: Request, __: Exception) -> Response:
    return refuse(500, "the server failed at this request; whoever runs it sees why")
