"""URL routes of the websockets."""

from typing import Any

import structlog
from channels.auth import AuthMiddlewareStack
from django.urls import path, re_path

from workers_ui.consumers.events import EventsSocket
from workers_ui.consumers.project import ConsoleSocket
from workers_ui.consumers.security import SameSiteOriginValidator, refuse

logger = structlog.get_logger(__name__)


async def refuse_unknown(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse the handshake of a socket to a path that does not exist."""
    logger.warning("websocket refused", problem="unknown_path")
    await refuse(receive, send)


websocket_urlpatterns = [
    path(
        "ws/projects/<uuid:project_id>/",
        SameSiteOriginValidator(AuthMiddlewareStack(ConsoleSocket.application)),
    ),
    # For programs, on any site: it knows no cookies, but a key or a ticket.
    path("ws/projects/<uuid:project_id>/events/", EventsSocket.application),  # type: ignore[arg-type]  # as below
    re_path("", refuse_unknown),  # type: ignore[arg-type]  # an ASGI application, as channels wants it
]
