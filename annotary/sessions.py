"""Database sessions that only accept keys of the form that we issue."""

from typing import Any

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """A cookie can contain any character, even NUL, for which PostgreSQL raises an error instead of finding nothing."""

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and key.isascii() and key.isalnum() and 8 <= len(key) <= 40
