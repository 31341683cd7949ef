"""Accept websockets only from pages of this site, including where websockets are served on a port of their own.

A browser sends cookies with a websocket from any site, so the origin is checked here: its host must equal the requested
host. The port is ignored, because ANNOTARY_WS_URL may name another one; cookies ignore ports too.
"""

from typing import Any
from urllib.parse import urlsplit

import structlog

logger = structlog.get_logger(__name__)


async def refuse(receive: Any, send: Any) -> None:
    """Refuse the handshake with status 403; unlike channels' WebsocketDenier it needs no place in the channel layer."""
    await receive()
    await send({"type": "websocket.close"})


class SameSiteOriginValidator:
    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", [])}
        try:
            origin = urlsplit(headers.get(b"origin", "")).hostname
            host = urlsplit("//" + headers.get(b"host", "")).hostname
        except ValueError:
            origin = host = None
        if origin is None or origin != host:
            logger.warning("websocket refused", problem="foreign_origin", origin=origin, host=host)
            return await refuse(receive, send)
        return await self.application(scope, receive, send)
