"""Idempotency keys: a repeated call does its work once and gets the same response, byte for byte."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import transaction

from kernel.errors import Refused
from kernel.models import IdempotencyRecord
from kernel.statements import run_prepared_many

MAX_KEY = 200
RESERVE = """
INSERT INTO kernel_idempotencyrecord (actor_id, operation, key, body_sha256, created_at)
VALUES (%(actor)s, %(operation)s, %(key)s, %(body_sha256)s, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING id
"""
ANSWERED = "UPDATE kernel_idempotencyrecord SET status = %s, answer = %s WHERE id = %s RETURNING id"


class KeyReused(Refused):
    """This idempotency key was already used with a different body. Use a new key for a new body."""

    code = "idempotency_key_reused"


class KeyInvalid(Refused):
    """An idempotency key must have 1 to 200 printable characters. Use a random UUID, for example."""

    status = 400
    code = "idempotency_key_invalid"


class Superseded(Exception):
    """A concurrent call changed what `act` had read without a lock: roll back, and run it again."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: within its actor and operation, the key stands for one body.

    `raw_sha256` is a second hash of the same body, which a record may have instead: earlier versions stored the hash of
    the bytes received.
    """

    actor_id: int
    operation: str
    key: str
    body_sha256: str
    raw_sha256: str = ""


def once(
    *,
    actor_id: int,
    operation: str,
    key: str,
    body_sha256: str,
    raw_sha256: str = "",
    act: Callable[[], tuple[int, Any]],
) -> tuple[int, Any]:
    """Run `act` once per (actor, operation, key) and return its (status, JSON answer), or the stored ones.

    The work and the record commit together. A concurrent second call waits for the first at the unique index.
    An error in `act` rolls the record back: the key stays unused, and the caller may try again. `act` runs without a
    savepoint; if it raises Superseded, it runs again in a new transaction.
    """
    check_key(key)
    call = Call(actor_id, operation, key, body_sha256, raw_sha256)
    while True:
        try:
            with transaction.atomic():
                return _once(call, act)
        except Superseded:
            continue


def _once(call: Call, act: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
    (record_id,) = reserve([call])
    if record_id is None:
        return _replay(call)
    status, answer = act()
    store([(record_id, status, answer)])
    return status, answer


def check_body(*, actor_id: int, operation: str, key: str, body_sha256: str) -> None:
    """Raise KeyReused if the key already stands for another body; for calls that check more before they begin."""
    records = IdempotencyRecord.objects.filter(actor_id=actor_id, operation=operation, key=key)
    if records.exclude(body_sha256=body_sha256).exists():
        raise KeyReused


def check_key(key: str) -> None:
    if not (0 < len(key) <= MAX_KEY and key.isprintable()):
        raise KeyInvalid


def reserve(calls: Sequence[Call]) -> list[int | None]:
    """Waits for concurrent calls with the same keys. Insert a record for each call; None where there is one already.

    Call inside a transaction, before any other lock is taken, with the calls in order of operation and key.
    """
    rows = run_prepared_many(RESERVE, [_values(call) for call in calls])
    return [None if row is None else row[0] for row in rows]


def store(answers: Sequence[tuple[int, int, Any]]) -> None:
    """Store (record id, status, JSON answer) of reserved records, in the transaction that reserved them."""
    # As a string: `jsonb` would reorder the keys of an object, and a replay would differ from the first response.
    rows = [[status, json.dumps(orjson.dumps(answer).decode()), pk] for pk, status, answer in answers]
    run_prepared_many(ANSWERED, rows)


def _replay(call: Call) -> tuple[int, Any]:
    record = IdempotencyRecord.objects.get(actor_id=call.actor_id, operation=call.operation, key=call.key)
    if record.body_sha256 not in {call.body_sha256, call.raw_sha256}:
        raise KeyReused
    assert record.status is not None  # the row was committed together with its answer
    # Earlier versions stored the object itself.
    return record.status, orjson.loads(record.answer) if isinstance(record.answer, str) else record.answer


def _values(call: Call) -> dict[str, Any]:
    return {
        "actor": call.actor_id,
        "operation": call.operation,
        "key": call.key,
        "body_sha256": call.body_sha256,
    }
