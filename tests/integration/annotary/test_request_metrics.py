"""Metrics about requests have the names and labels of django_prometheus; every response has the content policy."""

from typing import Any

import pytest
from django.test import Client
from prometheus_client import REGISTRY

from tests.api.people import member, with_key

pytestmark = pytest.mark.django_db
PREFIX = "django_http_"
OF_A_LIST = {
    "requests_before_middlewares_total": {},
    "responses_before_middlewares_total": {},
    "requests_latency_including_middlewares_seconds_count": {},
    "requests_body_total_bytes_count": {},
    "responses_body_total_bytes_count": {},
    "requests_total_by_method_total": {"method": "GET"},
    "requests_total_by_transport_total": {"transport": "http"},
    "responses_total_by_status_total": {"status": "200"},
    "responses_total_by_charset_total": {"charset": "utf-8"},
    "requests_latency_seconds_by_view_method_count": {"view": "healthz", "method": "GET"},
    "requests_total_by_view_transport_method_total": {"view": "healthz", "transport": "http", "method": "GET"},
    "responses_total_by_status_view_method_total": {"status": "200", "view": "healthz", "method": "GET"},
}


def values() -> dict[str, float]:
    return {name: REGISTRY.get_sample_value(PREFIX + name, labels) or 0 for name, labels in OF_A_LIST.items()}


def test_a_request_is_counted_once_under_every_name(client: Client) -> None:
    before = values()
    for _ in range(2):
        assert client.get("/healthz").status_code == 200
    assert values() == {name: value + 2 for name, value in before.items()}


def test_requests_without_a_route_and_with_odd_methods_do_not_add_series(client: Client) -> None:
    labels = {"status": "404", "view": "<unnamed view>", "method": "<invalid method>"}
    name = f"{PREFIX}responses_total_by_status_view_method_total"
    before = REGISTRY.get_sample_value(name, labels) or 0
    client.generic("BREW", "/coffee/1")
    client.generic("STEEP", "/coffee/2")
    assert REGISTRY.get_sample_value(name, labels) == before + 2


def test_pages_and_api_have_the_policy_of_the_settings(client: Client) -> None:
    responses: list[Any] = [client.get(url) for url in ("/account/login/", "/healthz", "/api/v1/nowhere/")]
    responses.append(with_key(member("worker")).get("/api/v1/work/"))
    for response in responses:
        policy = response["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Request-ID"]
