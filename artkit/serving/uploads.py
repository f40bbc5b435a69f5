"""The bytes of an image out of a request: its raw body, or the field `image` of a form. Memory is bounded."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from typing import Final

from anyio import to_thread
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from artkit.serving.limits import Limits
from artkit.serving.refusals import Refusal

FIELD: Final = "image"
_MOST_FIELDS: Final = 8
_SWALLOWED: Final = 4
"""How many times the limit is taken in and forgotten at most, so that the sender hears the answer."""
_CHUNK: Final = 1 << 16


class _InMemory(MultiPartParser):
    """Writes no upload to a disk; how many bytes there can be is known."""

    spool_max_size = 1 << 40


async def read_upload(request: Request, limits: Limits) -> bytes:
    """Read what was sent.

    Raises:
        Refusal: if it is too much, too slow, nothing, or a form that is damaged or has no image.
    """
    try:
        async with asyncio.timeout(limits.seconds):
            data = b"".join([chunk async for chunk in _bounded(request, limits.max_bytes)])
    except TimeoutError:
        raise Refusal(
            408, f"the image did not arrive within {limits.seconds:g} s; send it again, or a smaller one"
        ) from None
    except ClientDisconnect:
        raise Refusal(400, "the connection ended before the image did; send it again") from None
    if _is_form(request):
        # In a thread, for there are forms of which each byte costs time.
        data = await to_thread.run_sync(partial(_field_of, request.headers, data))
    if not data:
        raise Refusal(400, f"the request has no image in it; send one as its body or as the field '{FIELD}' of a form")
    return data


async def forget_upload(request: Request, limits: Limits) -> None:
    """Let what is being sent come in and forget it, since whoever is still sending does not hear an answer."""
    try:
        async with asyncio.timeout(limits.seconds):
            async for _ in _bounded(request, limits.max_bytes):
                pass
    except (TimeoutError, ClientDisconnect, Refusal):
        return  # the answer that follows says why there is no other one


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data"


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes; of one that is too large, nothing after the limit."""
    num_bytes = _declared(request)
    swallowed = most if "expect" in request.headers else most * _SWALLOWED  # who asks first has sent nothing yet
    if num_bytes <= swallowed:
        num_bytes = 0
        async for chunk in request.stream():
            num_bytes += len(chunk)
            if num_bytes > swallowed:
                break
            if num_bytes <= most:
                yield chunk
    if num_bytes > most:
        raise Refusal(413, f"the request has more than {most / 1e6:g} MB, which is the limit; send a smaller image")


def _declared(request: Request) -> int:
    """Bytes that are said to follow; 0 if nothing is said."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0


def _field_of(headers: Headers, body: bytes) -> bytes:
    """The image in a form."""
    return asyncio.run(_parse(headers, body))


async def _parse(headers: Headers, body: bytes) -> bytes:
    parser = _InMemory(headers, _pieces(body), max_files=1, max_fields=_MOST_FIELDS)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Refusal(
            400, f"the form cannot be read ({error.message.rstrip('.')}); send one file, as its field '{FIELD}'"
        ) from None
    try:
        upload = form.get(FIELD)
        if not isinstance(upload, UploadFile):
            raise Refusal(400, f"the form has no file in its field '{FIELD}'; send the image there")
        return await upload.read()
    finally:
        await form.close()


async def _pieces(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]
