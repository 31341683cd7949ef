"""Every refusal for too many attempts says in how many seconds to try again."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from tests import factories
from tests.api.people import member, with_key

pytestmark = pytest.mark.django_db

ATTEMPTS = 150


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def signed_in() -> Client:
    client = Client()
    client.force_login(factories.ada().user)
    return client


def sign_in(client: Client, number: int) -> Any:
    return client.post("/account/login/", {"login": f"someone{number}@example.org", "password": "wrong"})


CALLS: dict[str, tuple[Callable[[], Client], Callable[[Client, int], Any]]] = {
    "sign-in": (Client, sign_in),
    "unknown link": (Client, lambda client, n: client.get(f"/join/{n}/")),
    "password reset": (
        Client,
        lambda client, n: client.post("/account/password/reset/", {"email": f"{n}@example.org"}),
    ),
    "password reset of one address": (
        Client,
        lambda client, n: client.post("/account/password/reset/", {"email": "ada@example.org"}),
    ),
    "password change": (signed_in, lambda client, n: client.post("/account/password/change/", {"oldpassword": "no"})),
    "own address": (signed_in, lambda client, n: client.post("/account/email/", {"action_add": "", "email": "no"})),
    "deletion": (signed_in, lambda client, n: client.post("/me/delete/", {"password": "wrong"})),
    "API without a key": (Client, lambda client, n: client.get("/api/v1/me/")),
}


def refused(client: Client, call: Callable[[Client, int], Any]) -> HttpResponse:
    for number in range(ATTEMPTS):
        response: HttpResponse = call(client, number)
        if response.status_code == 429:
            return response
    raise AssertionError("it was never refused")


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_says_when_to_try_again(name: str) -> None:
    make, call = CALLS[name]
    response = refused(make(), call)
    assert 1 <= int(response["Retry-After"]) <= 300


def test_a_person_over_the_limit_of_the_api_is_told_when_to_try_again(settings: Any) -> None:
    settings.ANNOTARY_API_LIMITS = {"person": 3, "anonymous": 3, "failed": 3}
    response = refused(with_key(member("owner")), lambda client, n: client.get("/api/v1/me/"))
    assert 1 <= int(response["Retry-After"]) <= 60


def test_the_wait_is_what_is_left_of_the_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "login": "30/m/ip"}
    start, client = time.time(), Client()
    for seconds in range(30):
        monkeypatch.setattr(time, "time", lambda at=start + seconds: at)
        assert sign_in(client, seconds).status_code == 200
    monkeypatch.setattr(time, "time", lambda: start + 40)
    response = sign_in(client, 30)
    assert (response.status_code, response["Retry-After"]) == (429, "20")
    monkeypatch.setattr(time, "time", lambda: start + 61)
    assert sign_in(client, 31).status_code == 200
