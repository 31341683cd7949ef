"""Limits stop floods and guessing, but never a fast worker or a valid key."""

from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework.test import APIClient

from tasks.api import limits
from tests.api.api_fixtures import World
from tests.api.people import member, with_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Freeze the clock, or a minute that ends during a test would reset the count.
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: 1_000_000_010.0))
    settings.ANNOTARY_API_LIMITS = {"person": 5, "anonymous": 5, "failed": 5}


def statuses(client: APIClient, url: str, times: int, **headers: str) -> list[int]:
    return [client.get(url, headers=headers).status_code for _ in range(times)]


def test_a_flooding_person_is_throttled_across_all_keys() -> None:
    assert statuses(with_key(member("owner")), "/api/v1/me/", 5) == [200] * 5
    answer = with_key(member("owner")).get("/api/v1/me/")
    assert answer.status_code == 429
    assert answer["Content-Type"] == "application/problem+json"
    assert 0 < int(answer["Retry-After"]) <= 61
    assert with_key(member("manager")).get("/api/v1/me/").status_code == 200


def test_guessing_keys_is_throttled_but_a_valid_key_from_the_same_address_is_not() -> None:
    valid = with_key(member("owner"))
    guesser = APIClient()
    statuses_seen = [
        guesser.get("/api/v1/me/", headers={"Authorization": f"Bearer ann_{n}"}).status_code for n in range(7)
    ]
    assert statuses_seen == [401] * 5 + [429] * 2
    assert valid.get("/api/v1/me/").status_code == 200


def test_anonymous_callers_are_counted_by_address() -> None:
    assert statuses(APIClient(), "/api/v1/nowhere/", 6) == [404] * 5 + [429]
    assert APIClient(REMOTE_ADDR="192.0.2.7").get("/api/v1/nowhere/").status_code == 404


def test_without_a_trusted_proxy_a_forwarded_address_is_ignored() -> None:
    for number in range(5):
        statuses(APIClient(), "/api/v1/nowhere/", 1, **{"X-Forwarded-For": f"198.51.100.{number}"})
    assert statuses(APIClient(), "/api/v1/nowhere/", 1, **{"X-Forwarded-For": "198.51.100.99"}) == [429]


def test_behind_one_proxy_the_address_it_reports_counts(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(5):
        statuses(APIClient(), "/api/v1/nowhere/", 1, **{"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.1"})
    assert statuses(APIClient(), "/api/v1/nowhere/", 1, **{"X-Forwarded-For": "198.51.100.1"}) == [429]
    assert statuses(APIClient(), "/api/v1/nowhere/", 1, **{"X-Forwarded-For": "198.51.100.2"}) == [404]


def test_the_default_limits_allow_ten_answers_per_second(world: World, settings: Any) -> None:
    from annotary.settings import base

    settings.ANNOTARY_API_LIMITS = base.ANNOTARY_API_LIMITS
    assert base.ANNOTARY_API_LIMITS["person"] >= 60 * 10 * 3  # image, answer, and the set around them


def test_zero_is_no_limit(settings: Any) -> None:
    settings.ANNOTARY_API_LIMITS = {"person": 0, "anonymous": 0, "failed": 0}
    assert statuses(with_key(member("owner")), "/api/v1/me/", 12) == [200] * 12
