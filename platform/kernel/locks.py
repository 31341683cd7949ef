"""Advisory locks of PostgreSQL, which last until the transaction ends."""

from django.db import connection

ACCESS_LOCK = 1  # the first key; the second is the hash of an actor's id
CLAIMS_LOCK = 2  # likewise
MONEY_LOCK = 3  # the second key is the hash of a project's id

# What a statement reads is fixed before it waits for this, so the access is read by a later one.
SHARE_ACCESS = f"pg_advisory_xact_lock_shared({ACCESS_LOCK}, hashint8({{actor}}))"

# Claims share it: each claim of the project commits before another transaction takes it alone, or starts after that.
SHARE_MONEY = f"pg_advisory_xact_lock_shared({MONEY_LOCK}, hashint8({{project}}))"


def lock_access(*, actor_id: int) -> None:
    """Waits for the actor's claims. Nobody else changes what the actor may do, and no claim is in flight, until commit.

    Take it before any row lock. Claims share the lock: a revocation sees every set that was claimed before it, and a
    claim that waited for a revocation sees that.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashint8(%s))", [ACCESS_LOCK, actor_id])


def lock_claims(*, actor_id: int) -> None:
    """Waits for the actor's claims in other projects that count the live sets of all of them, and keeps others waiting.

    Take it while holding no batch. What the lock protects must be read by a later statement.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashint8(%s))", [CLAIMS_LOCK, actor_id])


def lock_money(*, project_id: int) -> None:
    """Waits for the project's claims: nothing of its budget is being given out until commit.

    Take it before the locks of hands and batches.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashint8(%s))", [MONEY_LOCK, project_id])


def lock_named(name: str) -> None:
    """Waits for other transactions with the same name, and keeps them waiting until this one ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def try_share_named(name: str) -> bool:
    """Share the name until the transaction ends; return False if someone holds it alone, or waits to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock_shared(hashtextextended(%s, 0))", [name])
        row = cursor.fetchone()
    return bool(row and row[0])
