"""Prepared statements, whose plans PostgreSQL caches.

Django binds parameters on the client, so PostgreSQL plans every statement again. For the statements of a claim planning
takes longer than execution (measured with a million tasks: 2.2 of 3.6 ms), so they are sent as prepared statements.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

Params = Mapping[str, Any] | Sequence[Any]
M = TypeVar("M", bound=Model)


class _Preparing(psycopg.Cursor[tuple[Any, ...]]):
    """A cursor that always prepares, and returns the rows of all statements of one `executemany`."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "_Preparing":
        return super().execute(query, params, prepare=True, **options)

    def executemany(self, query: Any, params_seq: Any, *, returning: bool = True) -> None:
        super().executemany(query, params_seq, returning=returning)


def run_prepared(sql: str, params: Params) -> Sequence[tuple[Any, ...]]:
    """Run a statement and return its rows, on Django's connection and in its transaction. Raises Django's errors.

    Behind a transaction-level connection pooler (DISABLE_SERVER_SIDE_CURSORS) the statement is sent unprepared.
    """
    with _cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall()) if cursor.description is not None else []


def run_prepared_many(sql: str, params: Sequence[Params]) -> list[tuple[Any, ...] | None]:
    """Run a statement that returns at most one row once for each params, in order; return the rows, or None for each.

    All are sent before the first result is awaited, so that many cost little more time than one.
    """
    if len(params) <= 1 or not _may_prepare():
        return [next(iter(run_prepared(sql, each)), None) for each in params]
    rows: list[tuple[Any, ...] | None] = []
    with _cursor() as cursor:
        cursor.executemany(sql, params)
        for _ in params:
            rows.append(cursor.fetchone())
            cursor.nextset()
    return rows


def columns_of(model: type[Model], alias: str) -> str:
    """Return the columns of a model for a raw SELECT, in the order that `from_row` expects."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def from_row(model: type[M], row: Sequence[Any]) -> M:
    """Build a saved instance from the values of `columns_of`. Building a query set for it takes ten times as long."""
    return model.from_db("default", [field.attname for field in model._meta.concrete_fields], row)


def _may_prepare() -> bool:
    return not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


def _cursor() -> CursorWrapper:
    if not _may_prepare():
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None:
        raw.prepare_threshold = 5  # Django's default, None, disables preparing
    return CursorWrapper(_Preparing(raw), connection)
