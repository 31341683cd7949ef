"""Liveness, readiness and metrics, for supervisors and proxies."""

import hmac
import os
import time
import uuid
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django_prometheus.exports import ExportToDjangoView
from kombu import Connection

from annotary.readiness import Check
from storage.backends import default_backend


def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: the process responds. This says nothing about the services it depends on."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 if database, broker and storage respond, else 503; shows each one's state, no internals.

    It responds within two seconds, whatever is stalled, and however many probes arrive.
    """
    now = time.monotonic()
    for check in CHECKS.values():
        check.begin(now)
    state = {name: check.result(now) for name, check in CHECKS.items()}
    ready = all(value == "ok" for value in state.values())
    return JsonResponse({"ready": ready, **state}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus metrics, for loopback and for holders of ANNOTARY_METRICS_TOKEN; 404 for everyone else."""
    if not _is_local(request) and not _has_token(request):
        return HttpResponse("Not found\n", status=404, content_type="text/plain")
    response: HttpResponse = ExportToDjangoView(request)
    return response


def _has_token(request: HttpRequest) -> bool:
    token, sent = settings.ANNOTARY_METRICS_TOKEN, request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())


def _is_local(request: HttpRequest) -> bool:
    """Whether the caller is on this machine: connected to this process, or to the front, which has its Unix socket.

    The front adds the caller's address to what the request claims, for this path. A second address means that another
    proxy, or a forger, sent the request.
    """
    peer, forwarded = request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR")
    return (peer if forwarded is None else forwarded if not peer else "") in {"127.0.0.1", "::1"}


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _broker() -> None:
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    with Connection(settings.CELERY_BROKER_URL, connect_timeout=2, transport_options=options) as broker:
        broker.ensure_connection(max_retries=1, timeout=2)


def _storage() -> None:
    storage = default_backend()
    if isinstance(storage, FileSystemStorage):
        # The folder does not exist before the first file; not ready means that it cannot be created or written to.
        Path(storage.location).mkdir(parents=True, exist_ok=True)
        if not os.access(storage.location, os.W_OK):
            raise PermissionError
    else:
        storage.exists(f"probe/{uuid.uuid4().hex}")


CHECKS = {"database": Check(_database), "broker": Check(_broker), "storage": Check(_storage)}
