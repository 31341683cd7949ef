"""Endpoints for supervisors and proxies: liveness, readiness, and metrics that nobody else can read."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def site_settings(db: None, settings: Any, tmp_path: Path, stores: dict[str, str]) -> Any:
    """Settings with a separate storage and the broker of the tests."""
    local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"default": local}
    return settings


def test_liveness_needs_nothing(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_ready_when_database_broker_and_storage_answer(client: Client, site_settings: Any) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"ready": True, "database": "ok", "broker": "ok", "storage": "ok"}


def test_not_ready_without_the_broker_and_says_so_without_its_address(
    client: Client, site_settings: Any, tmp_path: Path
) -> None:
    site_settings.CELERY_BROKER_URL = f"redis+socket://{tmp_path}/gone.sock?virtual_host=0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    body = answer.json()
    assert (body["ready"], body["database"], body["storage"]) == (False, "ok", "ok")
    assert body["broker"].startswith("unreachable")
    assert str(tmp_path) not in answer.content.decode()


def test_not_ready_without_the_storage(client: Client, site_settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path / "file")}}
    site_settings.STORAGES = site_settings.STORAGES | {"default": local}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["storage"].startswith("unreachable")


@pytest.mark.parametrize(
    "caller",
    [
        {},
        # Through the front, which connects over a Unix socket.
        {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
    ],
)
def test_metrics_are_served_to_this_machine(client: Client, caller: dict[str, Any]) -> None:
    answer = client.get("/metrics", **caller)
    assert answer.status_code == 200
    assert b"django_http" in answer.content


@pytest.mark.parametrize(
    "caller",
    [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"},
        # A proxy on this machine that everybody comes through.
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "192.0.2.1"},
        {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "127.0.0.1, 192.0.2.1"},
        {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "192.0.2.1, 127.0.0.1"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": "Bearer "},
        {"REMOTE_ADDR": "192.0.2.1", "HTTP_AUTHORIZATION": "Bearer wrong"},
    ],
)
def test_metrics_are_hidden_from_others(client: Client, settings: Any, caller: dict[str, Any]) -> None:
    for token in ("", "right"):
        settings.ANNOTARY_METRICS_TOKEN = token
        assert client.get("/metrics", **caller).status_code == 404


def test_metrics_are_served_with_the_token(client: Client, settings: Any) -> None:
    settings.ANNOTARY_METRICS_TOKEN = "right"
    answer = client.get("/metrics", REMOTE_ADDR="192.0.2.1", HTTP_AUTHORIZATION="Bearer right")
    assert answer.status_code == 200
