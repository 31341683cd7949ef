"""The database backend of the settings: Django's own, except for the class of its connections."""

from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base

from annotary.postgresql.deadlines import DeadlineConnection

if settings.ANNOTARY_STATEMENT_SECONDS:
    # A little more than the server's own limit, which says more about what went wrong.
    DeadlineConnection.longest = settings.ANNOTARY_STATEMENT_SECONDS + 5.0


class _Driver:
    """The psycopg module as Django uses it, with another way to connect."""

    connect = DeadlineConnection.connect

    def __getattr__(self, name: str) -> Any:
        return getattr(psycopg, name)


class DatabaseWrapper(base.DatabaseWrapper):
    Database: Any = _Driver()

    @property
    def pool(self) -> Any:
        options = self.settings_dict["OPTIONS"].get("pool")
        if isinstance(options, dict):
            options.setdefault("connection_class", DeadlineConnection)
        return super().pool
