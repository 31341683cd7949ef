"""Addresses of a project's websockets."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from projects.models import Project


def console_socket_url(request: HttpRequest, project: Project) -> str:
    """Return the URL of the page's websocket: a path, or a full URL where websockets are served separately."""
    return _url(request, f"/ws/projects/{project.public_id}/")


def events_socket_url(request: HttpRequest, project: Project) -> str:
    """Return the full URL of the websocket that sends the project's events to programs."""
    url = _url(request, f"/ws/projects/{project.public_id}/events/")
    if not url.startswith("/"):
        return url
    site = settings.ANNOTARY_BASE_URL or request.build_absolute_uri("/")
    return re.sub("^http", "ws", site).rstrip("/") + url


def _url(request: HttpRequest, path: str) -> str:
    if not settings.ANNOTARY_WS_URL.startswith(":"):
        return f"{settings.ANNOTARY_WS_URL}{path}"
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    netloc = f"[{host}]" if ":" in host else host
    return f"{'wss' if request.is_secure() else 'ws'}://{netloc}{settings.ANNOTARY_WS_URL}{path}"
