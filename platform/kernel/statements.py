"""Statements that the ORM does not make: prepared ones, and inserts that expect a conflict.

Django binds parameters on the client, so PostgreSQL plans every statement again. For the statements of a claim planning
takes longer than execution (measured with a million tasks: 2.2 of 3.6 ms), so they are sent as prepared statements.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from django.db.models.constants import OnConflict

Params = Mapping[str, Any] | Sequence[Any]
M = TypeVar("M", bound=Model)


class _Preparing(psycopg.Cursor[tuple[Any, ...]]):
    """A cursor that always prepares, and keeps the rows of every statement of `executemany`."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> "_Preparing":
        return super().execute(query, params, prepare=True, **options)

    def executemany(self, query: Any, params_seq: Any, *, returning: bool = True) -> None:
        super().executemany(query, params_seq, returning=returning)


def run_prepared(sql: str, params: Params) -> Sequence[tuple[Any, ...]]:
    """Run a statement that returns rows, on Django's connection and in its transaction. Raises Django's errors.

    Behind a transaction-level connection pooler (DISABLE_SERVER_SIDE_CURSORS) the statement is sent unprepared.
    """
    cursor = _cursor(connections[DEFAULT_DB_ALIAS])
    cursor.execute(sql, params)
    rows: Sequence[tuple[Any, ...]] = cursor.cursor.fetchall()
    return rows


def run_prepared_many(sql: str, params: Sequence[Params]) -> list[tuple[Any, ...] | None]:
    """Run a statement that returns at most one row once for each params, in order; return the row of each, or None.

    All are sent before the first result is awaited, so many take little more time than one.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if len(params) <= 1 or not _may_prepare(connection):
        return [next(iter(run_prepared(sql, each)), None) for each in params]
    cursor = _cursor(connection)
    cursor.executemany(sql, params)
    return [next(iter(result.fetchall()), None) for result in cursor.cursor.results()]


def columns_of(model: type[Model], alias: str) -> str:
    """Return the columns of a model for a raw SELECT, in the order that `from_row` expects."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


def from_row(model: type[M], row: Sequence[Any]) -> M:
    """Build a saved instance from the values of `columns_of`. Building a query set for it takes ten times as long."""
    return model.from_db(DEFAULT_DB_ALIAS, _names_of(model), row)


@cache
def _names_of(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def _may_prepare(connection: BaseDatabaseWrapper) -> bool:
    return not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


def _cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    if not _may_prepare(connection):
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw = connection.connection
    if (cursor := getattr(raw, "preparing", None)) is None:
        raw.prepare_threshold = raw.prepare_threshold or 5  # Django's default, None, disables preparing
        # One for the connection: building a cursor takes a third of a short statement's time.
        cursor = raw.preparing = _Preparing(raw)
    return CursorWrapper(cursor, connection)


def insert_unless_exists(row: Model) -> bool:
    """Insert a row and return true, or false if a unique constraint has one already; then nothing is written.

    PostgreSQL would log an error for a conflict that is caught afterward.

    Waits for a concurrent insert of the same row to commit or roll back. Other violations raise IntegrityError.
    """
    meta = row._meta
    fields = [field for field in meta.local_concrete_fields if not (field.primary_key and row.pk is None)]
    inserted: list[Any] = (
        type(row)
        ._base_manager.all()
        ._insert(  # type: ignore[attr-defined]  # not in the stubs
            [row], fields=fields, returning_fields=[meta.pk], using=connection.alias, on_conflict=OnConflict.IGNORE
        )
    )
    if not inserted or inserted[0] is None:
        return False
    row.pk = inserted[0][0]
    row._state.adding, row._state.db = False, connection.alias
    return True
