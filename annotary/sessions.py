"""Database sessions that only accept keys of the form that we issue."""

from typing import Any

from django.contrib.sessions.backends import db

from accounts.identity_cache import forget_session
from accounts.services import secret_hash


class SessionStore(db.SessionStore):
    """A cookie can contain any character, even NUL, for which PostgreSQL raises an error instead of finding nothing."""

    def _validate_session_key(self, key: Any) -> bool:
        return isinstance(key, str) and key.isascii() and key.isalnum() and 8 <= len(key) <= 40

    def save(self, must_create: bool = False) -> None:
        super().save(must_create=must_create)
        if not must_create:
            self._forget(self.session_key)

    def delete(self, session_key: str | None = None) -> None:
        super().delete(session_key)
        self._forget(session_key or self.session_key)

    def _forget(self, session_key: str | None) -> None:
        if session_key:
            forget_session(secret_hash(session_key))
