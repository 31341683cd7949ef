"""A repeated call does its work once and gets the same response."""

import hashlib
import json
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from kernel.errors import Refused
from kernel.idempotency import KeyInvalid, KeyReused, Superseded, once
from kernel.models import Event, IdempotencyRecord
from tests.concurrency_helpers import BackgroundCall, together

pytestmark = pytest.mark.django_db


def act() -> tuple[int, Any]:
    """Insert a row, so that tests can count the calls."""
    Event.objects.create(project_id=1, kind="done")
    return 201, {"done": Event.objects.count()}


def call(key: str = "k", *, body: bytes = b"{}", actor_id: int = 1, operation: str = "import") -> tuple[int, Any]:
    return once(actor_id=actor_id, operation=operation, key=key, body_sha256=hashlib.sha256(body).hexdigest(), act=act)


def test_the_second_call_gets_the_first_answer() -> None:
    assert call() == call() == (201, {"done": 1})
    assert Event.objects.count() == 1


def test_a_replay_has_the_same_bytes() -> None:
    def answer() -> tuple[int, Any]:
        return 200, {"zebra": 1, "a": [1.50, "é"], "id": None, "message": {"long": 2, "b": "\u2028"}}

    first, again = (once(actor_id=1, operation="o", key="k", body_sha256="0" * 64, act=answer) for _ in range(2))
    assert json.dumps(again) == json.dumps(first)


def test_records_of_earlier_versions_are_replayed() -> None:
    """They hold the object instead of its text, and the hash of the bytes received."""
    raw_sha256 = hashlib.sha256(b'{"a":  1}').hexdigest()
    IdempotencyRecord.objects.create(
        actor_id=1, operation="answer", key="k", body_sha256=raw_sha256, status=200, answer={"id": 7}
    )
    repeat = partial(once, actor_id=1, operation="answer", key="k", body_sha256="0" * 64, act=act)
    assert repeat(raw_sha256=raw_sha256) == (200, {"id": 7})
    with pytest.raises(KeyReused):
        repeat()


def test_work_that_was_superseded_runs_again_in_a_new_transaction() -> None:
    tries: list[int] = []

    def superseded_once() -> tuple[int, Any]:
        tries.append(Event.objects.count())
        Event.objects.create(project_id=1, kind="done")
        if len(tries) == 1:
            raise Superseded
        return 200, {}

    assert once(actor_id=1, operation="o", key="k", body_sha256="0" * 64, act=superseded_once) == (200, {})
    assert tries == [0, 0]
    assert Event.objects.count() == 1


def test_the_same_key_with_another_body_is_refused() -> None:
    call()
    with pytest.raises(KeyReused):
        call(body=b"[]")
    assert Event.objects.count() == 1


def test_a_key_belongs_to_its_actor_and_operation() -> None:
    call()
    call(actor_id=2)
    call(operation="pay")
    assert Event.objects.count() == 3


@pytest.mark.parametrize("key", ["", "x" * 201, "two\nlines"])
def test_a_key_is_printable_and_short(key: str) -> None:
    with pytest.raises(KeyInvalid):
        call(key)


def test_an_error_leaves_the_key_unused() -> None:
    def refuse() -> tuple[int, Any]:
        act()
        raise Refused

    with pytest.raises(Refused):
        once(actor_id=1, operation="import", key="k", body_sha256="0" * 64, act=refuse)
    assert (Event.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)
    assert call() == (201, {"done": 1})


@pytest.mark.django_db(transaction=True)
def test_concurrent_calls_with_one_key_do_the_work_once() -> None:
    results = together(*[call] * 5)
    assert results == [(201, {"done": 1})] * 5
    assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_call_waits_for_a_concurrent_one_and_does_the_work_if_that_one_fails() -> None:
    with pytest.raises(Refused), transaction.atomic():
        call()
        concurrent = BackgroundCall(call)
        concurrent.wait_until_blocked()
        raise Refused
    assert concurrent.wait_for_result() == (201, {"done": 1})
    assert Event.objects.count() == 1
