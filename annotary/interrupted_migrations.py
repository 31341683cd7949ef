"""Lets `migrate` continue after it was killed while it built an index outside a transaction."""

from typing import Any

from django.apps import AppConfig
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connections
from django.db.migrations import Migration


def drop_unfinished_indexes(sender: AppConfig, using: str, plan: list[tuple[Migration, bool]], **kwargs: Any) -> None:
    """Drop indexes that pending migrations are about to build: left invalid, or built but not recorded as applied.

    `CREATE INDEX CONCURRENTLY` leaves an invalid index if it is interrupted, and a second run fails because of it.
    """
    for migration, backwards in plan:
        if backwards or migration.app_label != sender.label:
            continue
        for operation in migration.operations:
            if isinstance(operation, AddIndexConcurrently):
                with connections[using].cursor() as cursor:
                    name = connections[using].ops.quote_name(operation.index.name)
                    cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
