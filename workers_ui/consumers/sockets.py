"""A websocket that sends a project's live stream: what the sockets of consoles and of programs have in common."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

from accounts.grants import Grant, KeyGrant
from workers_ui.consumers.access import access_watch
from workers_ui.consumers.feeds import Delta, Feed, feeds

logger = structlog.get_logger(__name__)

CLOSE_FORBIDDEN = 4403
ACCEPT: dict[str, Any] = {"type": "websocket.accept"}
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Ended(Exception):
    """The socket was closed, by either side."""


class StreamSocket:
    """An ASGI application for websockets. Subclasses say who may open one and what it sends.

    Reading and sending are tasks of their own: a peer that reads slowly holds up its own sending and nothing else.
    """

    feed: Feed
    project_id: int

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self._send = send
        self._ended = False
        self._news = asyncio.Event()

    @classmethod
    async def application(cls, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await cls(scope, send).run(receive)

    async def run(self, receive: Receive) -> None:
        """Whatever ends the socket, and wherever it is by then, nothing of it is left in this process or in Valkey."""
        with suppress(Ended):
            opened = await self.open()
            if opened is None:
                return
            self.project_id, grant = opened
            access_watch().add(self, grant)
            try:
                self.feed = await feeds().join(self.project_id, self)
                try:
                    await self._run_both(receive)
                finally:
                    feeds().leave(self.feed, self)
            finally:
                access_watch().discard(self)

    async def open(self) -> tuple[int, Grant | KeyGrant] | None:
        """Accept the socket; return the project's id and what was granted, or None if it was refused."""
        raise NotImplementedError

    async def write(self) -> None:
        """Send what there is, forever; `wait_for_news` returns when there is more."""
        raise NotImplementedError

    def notice(self, delta: Delta) -> None:
        """Note that there are new events; does not wait."""
        raise NotImplementedError

    def read(self, text: str) -> None:
        """Note what the peer sent."""

    async def wait_for_news(self) -> None:
        await self._news.wait()
        self._news.clear()

    def wake(self) -> None:
        self._news.set()

    async def accept(self) -> None:
        await self._send_until_ended(ACCEPT)

    async def send_text(self, text: str) -> None:
        await self._send_until_ended({"type": "websocket.send", "text": text})

    async def close(self, code: int) -> None:
        await self._send_until_ended({"type": "websocket.close", "code": code})

    async def end(self) -> None:
        """Close the socket of someone who may no longer see the project."""
        with suppress(Ended):
            await self.close(CLOSE_FORBIDDEN)

    async def _run_both(self, receive: Receive) -> None:
        tasks = [asyncio.create_task(self._read(receive)), asyncio.create_task(self.write())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, receive: Receive) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            if text is not None:
                self.read(text)
        self._ended = True

    async def _send_until_ended(self, message: dict[str, Any]) -> None:
        if self._ended:
            raise Ended
        self._ended = message["type"] == "websocket.close"
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:  # it closed or dropped; servers differ in what they raise
            self._ended = True
            raise Ended from error
