"""While its store is down, the cache acts as an empty cache, and nothing fails."""

from pathlib import Path
from typing import Any

import pytest
from allauth.core import ratelimit
from django.core.cache import caches
from django.test import RequestFactory
from rest_framework.test import APIClient

from annotary.cache import ForgivingRedisCache


@pytest.fixture
def unavailable(settings: Any, tmp_path: Path) -> ForgivingRedisCache:
    settings.CACHES = {
        "default": {
            "BACKEND": "annotary.cache.ForgivingRedisCache",
            "LOCATION": f"unix://{tmp_path}/gone.sock?db=0",
            "OPTIONS": {"socket_connect_timeout": 1},
        }
    }
    cache = caches["default"]
    assert isinstance(cache, ForgivingRedisCache)
    return cache


def test_it_acts_as_an_empty_cache(unavailable: ForgivingRedisCache) -> None:
    unavailable.set("a", 1)
    assert unavailable.get("a", "nothing") == "nothing"
    assert unavailable.add("a", 1) is True
    assert unavailable.incr("a") == 0
    assert not unavailable.has_key("a")
    assert not unavailable.delete("a")


def test_calls_are_served_and_sign_in_is_not_limited(db: None, unavailable: ForgivingRedisCache) -> None:
    assert APIClient().get("/api/v1/me/").status_code == 401
    assert APIClient().get("/api/v1/nowhere/").status_code == 404
    assert ratelimit.consume_or_429(RequestFactory().get("/"), action="login") is None


def test_it_counts_while_the_store_is_up(settings: Any, stores: dict[str, str]) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "annotary.cache.ForgivingRedisCache",
            "LOCATION": settings.REDIS_URL,
            "KEY_PREFIX": "annotary-test-cache",
        }
    }
    store = caches["default"]
    store.delete("n")
    assert store.add("n", 0, timeout=60)
    assert [store.incr("n"), store.incr("n")] == [1, 2]
    assert store.get("n") == 2
    store.delete("n")
