"""A session or key that was verified is relied on for a few seconds, and never after it was ended in this process."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from rest_framework.test import APIClient

from accounts import identity_cache
from accounts.models import Actor, ApiToken, User
from accounts.services import erase_person, revoke_token
from kernel.clock import utc_now
from tests.api.people import member, signed_in, with_key

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def clock(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Turn the cache on, with a clock that tests advance."""
    settings.ANNOTARY_IDENTITY_SECONDS = 3
    now = [1000.0]
    monkeypatch.setattr("accounts.identity_cache.time.monotonic", lambda: now[0])
    empty = identity_cache.IdentityCache()
    monkeypatch.setattr("accounts.authentication.identities", empty)
    monkeypatch.setattr("accounts.identity_cache.identities", empty)
    return now


@pytest.fixture
def wren() -> Actor:
    return member("worker")


class Statements:
    """Counts the statements of a block, savepoints included."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def __call__(self, execute: Any, sql: str, *args: Any) -> Any:
        self.sent.append(sql)
        return execute(sql, *args)

    def of_identity(self) -> int:
        return sum("django_session" in sql or "accounts_user" in sql for sql in self.sent)


def status(client: APIClient) -> int:
    return int(client.get("/api/v1/work/").status_code)


def queries(client: APIClient) -> int:
    statements = Statements()
    with connection.execute_wrapper(statements):
        assert status(client) == 200
    return statements.of_identity()


def test_a_session_is_read_by_one_query_every_three_seconds(wren: Actor, clock: list[float]) -> None:
    client = signed_in(wren)
    assert queries(client) == 2  # whom a session names is known only once it was read
    assert queries(client) == 0
    clock[0] += 3.1
    assert queries(client) == 1
    assert queries(client) == 0


def test_a_key_is_read_by_one_query_every_three_seconds(wren: Actor, clock: list[float]) -> None:
    client = with_key(wren)
    assert queries(client) == 1
    assert queries(client) == 0
    clock[0] += 3.1
    assert queries(client) == 1


def test_signing_out_ends_a_session_at_once(wren: Actor) -> None:
    client = signed_in(wren)
    stolen = client.cookies["sessionid"].value
    assert status(client) == 200
    client.logout()
    client.cookies["sessionid"] = stolen
    assert status(client) == 401


def test_changing_the_password_ends_other_sessions_at_once(wren: Actor) -> None:
    other = signed_in(wren)
    assert status(other) == 200
    user = User.objects.get(actor=wren)
    user.set_password("another long password")
    user.save()
    assert status(other) == 401


def test_revoking_a_key_and_erasing_a_person_end_keys_at_once(wren: Actor) -> None:
    client, other = with_key(wren), with_key(wren)
    assert (status(client), status(other)) == (200, 200)
    revoke_token(token=ApiToken.objects.filter(actor=wren).order_by("pk")[0])
    assert (status(client), status(other)) == (401, 200)
    erase_person(user=User.objects.get(actor=wren))
    assert status(other) == 401


@pytest.mark.parametrize("end", ["session", "password", "active"])
def test_what_another_process_ends_is_over_after_three_seconds(wren: Actor, clock: list[float], end: str) -> None:
    client, key = signed_in(wren), with_key(wren)
    assert (status(client), status(key)) == (200, 200)
    if end == "session":
        Session.objects.all().delete()
    elif end == "password":
        User.objects.filter(actor=wren).update(password="!changed")
    else:
        User.objects.filter(actor=wren).update(is_active=False)
    clock[0] += 3.1
    assert status(client) == 401
    assert status(key) == (401 if end == "active" else 200)


def test_a_session_or_key_that_has_run_out_is_not_relied_on() -> None:
    cache = identity_cache.IdentityCache()
    end = utc_now() + timedelta(hours=1)
    cache.add("secret", identity_cache.Identity(1, end, ()), forgotten=cache.forgotten)
    assert cache.get("secret", now=end - timedelta(seconds=1)) is not None
    assert cache.get("secret", now=end) is None


def test_what_was_read_before_a_sign_out_is_not_kept_after_it() -> None:
    cache = identity_cache.IdentityCache()
    identity = identity_cache.Identity(1, utc_now() + timedelta(hours=1), ())
    before = cache.forgotten
    cache.forget("secret")
    cache.add("secret", identity, forgotten=before)
    assert cache.get("secret", now=utc_now()) is None


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.identity_cache.MAX_ENTRIES", 3)
    cache = identity_cache.IdentityCache()
    identity = identity_cache.Identity(1, utc_now() + timedelta(hours=1), ())
    for number in range(5):
        cache.add(str(number), identity, forgotten=cache.forgotten)
        cache.note_user(str(number), number)
    assert [cache.get(str(number), now=utc_now()) is not None for number in range(5)] == [False] * 2 + [True] * 3


def test_a_cached_session_still_needs_its_csrf_token(wren: Actor) -> None:
    client = signed_in(wren)
    assert status(client) == 200
    assert client.post("/api/v1/hands/00000000-0000-4000-8000-000000000000/settle/").status_code == 403


def test_a_response_varies_by_cookie_with_and_without_the_cache(wren: Actor) -> None:
    client = signed_in(wren)
    first, second = (client.get("/api/v1/work/")["Vary"] for _ in range(2))
    assert "Cookie" in first
    assert first == second


def test_a_key_that_another_process_revoked_creates_no_other_key() -> None:
    ada = with_key(member("owner"))
    assert ada.get("/api/v1/me/").status_code == 200
    ApiToken.objects.update(revoked_at=utc_now())
    assert ada.get("/api/v1/me/").status_code == 200, "the identity is kept for reading"
    assert ada.post("/api/v1/tokens/", {"name": "another", "scopes": ["read"]}).status_code == 401
