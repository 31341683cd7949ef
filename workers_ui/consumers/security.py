"""Who may open a websocket: pages of this site, also where websockets have a port of their own.

A browser sends cookies with a websocket from any site, so the origin is checked here: its host must be the host that
was asked for. The port is left out, because the embedded runtime serves websockets on a second one; cookies know no
ports either.
"""

from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier


class SameSiteOriginValidator:
    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", [])}
        origin = urlsplit(headers.get(b"origin", "")).hostname
        host = urlsplit("//" + headers.get(b"host", "")).hostname
        if origin is None or origin != host:
            return await WebsocketDenier()(scope, receive, send)
        return await self.application(scope, receive, send)
