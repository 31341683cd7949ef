"""Liveness, readiness and metrics, for supervisors and proxies."""

import hmac
import os
import uuid
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django_prometheus.exports import ExportToDjangoView
from kombu import Connection

from storage.backends import default_backend


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; says nothing of what stands behind it."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, broker and storage answer, else 503; each with its own word and no inner detail."""
    checks: dict[str, Callable[[], None]] = {"database": _database, "broker": _broker, "storage": _storage}
    state: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check()
        except Exception as error:  # whatever a driver raises means the same here: not ready
            state[name] = f"unreachable ({type(error).__name__})"
        else:
            state[name] = "ok"
    ready = all(word == "ok" for word in state.values())
    return JsonResponse({"ready": ready, **state}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for loopback and for the holder of ANNOTARY_METRICS_TOKEN; others learn nothing."""
    token = settings.ANNOTARY_METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    behind_proxy = "HTTP_X_FORWARDED_FOR" in request.META
    local = request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1"} and not behind_proxy
    if not local and not (token and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())):
        return HttpResponse("Not found\n", status=404, content_type="text/plain")
    response: HttpResponse = ExportToDjangoView(request)
    return response


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    with Connection(settings.CELERY_BROKER_URL, connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, timeout=2)


def _storage() -> None:
    storage = default_backend()
    if isinstance(storage, FileSystemStorage):
        # Before the first file there is no folder yet; one that cannot be made or written is what matters.
        Path(storage.location).mkdir(parents=True, exist_ok=True)
        if not os.access(storage.location, os.W_OK):
            raise PermissionError
    else:
        storage.exists(f"probe/{uuid.uuid4().hex}")
