"""URL routes of the websockets."""

from typing import Any

import structlog
from channels.auth import AuthMiddlewareStack
from django.urls import path, re_path

from workers_ui.consumers.project import ProjectConsumer
from workers_ui.consumers.security import refuse

logger = structlog.get_logger(__name__)


async def refuse_unknown(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse the handshake of a socket to a path that does not exist."""
    logger.warning("websocket refused", problem="unknown_path")
    await refuse(receive, send)


websocket_urlpatterns = [
    path("ws/projects/<uuid:project_id>/", AuthMiddlewareStack(ProjectConsumer.as_asgi())),
    re_path("", refuse_unknown),  # type: ignore[arg-type]  # an ASGI application, as channels wants it
]
