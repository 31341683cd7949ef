"""Sessions in the database, whose keys are what we gave out and nothing else."""

from typing import Any

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """A cookie can spell any character, NUL too, which PostgreSQL refuses with an error instead of finding nothing."""

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and key.isascii() and key.isalnum() and 8 <= len(key) <= 40
