"""Sends composed files on behalf of the web server, as slowly as clients read: none of its threads waits for them.

The web server decides who gets what, and names it in a signed order (`order_of`). The front passes that on to the
asynchronous server, in which a slow reader costs a coroutine and two open files.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from django.core import signing

from kernel.errors import AnnotaryError
from storage import backends
from storage.composed_files import ComposedFile, PartDamaged, open_composed
from storage.models import Blob

PATH = "/front-composed/"
SALT = "storage.composed"
# The front passes an order on at once. Only the clocks of two hosts may differ.
VALID_SECONDS = 300

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = structlog.get_logger(__name__)


def order_of(*, frame: Blob, part: range | None, size: int, content_type: str) -> str:
    """Return the path with which the front asks for a composed file of `size` bytes, or for a part of it."""
    served = part or range(size)
    order = [frame.key, served.start, served.stop, size, part is not None, content_type]
    return PATH + signing.dumps(order, salt=SALT)


class ComposedFileSender:
    """ASGI middleware that carries out orders. Everything else goes to `app`."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(PATH):
            await self._app(scope, receive, send)
            return
        try:
            order = signing.loads(scope["path"].removeprefix(PATH), salt=SALT, max_age=VALID_SECONDS)
            file = await asyncio.to_thread(open_composed, order[0])
        except (signing.BadSignature, AnnotaryError) as error:
            logger.warning("a composed file was not sent", error=repr(error))
            await _start(send, 404, [(b"content-length", b"0")])
            await send({"type": "http.response.body"})
            return
        try:
            await _send(file, order, scope, receive, send)
        finally:
            await asyncio.to_thread(file.close)


async def _send(file: ComposedFile, order: list[Any], scope: Scope, receive: Receive, send: Send) -> None:
    _, start, stop, size, is_part, content_type = order
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(stop - start).encode()),
        (b"accept-ranges", b"bytes"),
    ]
    if is_part:
        headers.append((b"content-range", f"bytes {start}-{stop - 1}/{size}".encode()))
    await _start(send, 206 if is_part else 200, headers)
    left = 0 if scope["method"] == "HEAD" else stop - start
    # The server drops what is sent to a client that is gone, and says so here alone.
    gone = asyncio.create_task(_until_gone(receive))
    file.seek(start)
    try:
        while left and not gone.done():
            chunk = await asyncio.to_thread(file.read, min(left, backends.CHUNK))
            if not chunk:  # shorter than was ordered: nothing but breaking off tells the client
                raise PartDamaged
            left -= len(chunk)
            # Returns once the client has taken most of what was sent before.
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        gone.cancel()
    await send({"type": "http.response.body"})


async def _start(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
