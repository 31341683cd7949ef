"""Closes a websocket during an outage with a code after which the page connects again."""

from collections.abc import Awaitable, Callable
from typing import Any

from kernel.outages import handle_outage

# RFC 6455, section 7.4.1 and its registry: "try again later".
CLOSE_TRY_AGAIN = 1013

Send = Callable[[dict[str, Any]], Awaitable[None]]


class OutageGuard:
    """Outermost, so that it also covers what reads the session before a consumer runs.

    Before the socket is accepted, a close is a refused handshake; the page tries again after that too.
    """

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        closed = False

        async def watched(message: dict[str, Any]) -> None:
            nonlocal closed
            closed = closed or message["type"] == "websocket.close"
            await send(message)

        try:
            await self.application(scope, receive, watched)
        except Exception as error:
            if handle_outage(error) is None:
                raise
            if not closed:
                await send({"type": "websocket.close", "code": CLOSE_TRY_AGAIN})
