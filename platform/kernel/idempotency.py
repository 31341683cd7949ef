"""Idempotency keys: a repeated call does its work once and gets the same response."""

import json
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from kernel.errors import Refused
from kernel.models import IdempotencyRecord

MAX_KEY = 200
ANSWERED = "UPDATE kernel_idempotencyrecord SET status = %s, answer = %s WHERE id = %s"


class KeyReused(Refused):
    """This idempotency key was already used with a different body. Use a new key for a new body."""

    code = "idempotency_key_reused"


class KeyInvalid(Refused):
    """An idempotency key must have 1 to 200 printable characters. Use a random UUID, for example."""

    status = 400
    code = "idempotency_key_invalid"


@transaction.atomic
def once(
    *, actor_id: int, operation: str, key: str, body_sha256: str, act: Callable[[], tuple[int, Any]]
) -> tuple[int, Any]:
    """Run `act` once per (actor, operation, key) and return its (status, JSON answer), or the stored ones.

    The work and the record commit together. A concurrent second call waits for the first at the unique index.
    An error in `act` rolls the record back: the key stays unused, and the caller may try again.
    """
    if not (0 < len(key) <= MAX_KEY and key.isprintable()):
        raise KeyInvalid
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO kernel_idempotencyrecord (actor_id, operation, key, body_sha256, created_at)"
            " VALUES (%s, %s, %s, %s, clock_timestamp()) ON CONFLICT DO NOTHING RETURNING id",
            [actor_id, operation, key, body_sha256],
        )
        inserted = cursor.fetchone()
    if inserted is None:
        record = IdempotencyRecord.objects.get(actor_id=actor_id, operation=operation, key=key)
        if record.body_sha256 != body_sha256:
            raise KeyReused
        assert record.status is not None  # the row was committed together with its answer
        return record.status, record.answer
    status, answer = act()
    with connection.cursor() as cursor:
        cursor.execute(ANSWERED, [status, json.dumps(answer), inserted[0]])
    return status, answer
