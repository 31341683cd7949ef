"""Inserts that expect a conflict: PostgreSQL would log an error for each one that is caught afterward."""

from typing import Any

from django.db import connection, models
from django.db.models.constants import OnConflict


def insert_unless_exists(row: models.Model) -> bool:
    """Insert a row and return true, or false if a unique constraint has one already; then nothing is written.

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
