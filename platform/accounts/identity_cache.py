"""Who recently proved to be who, in this process: saves hot calls the query for session or API key, user and actor.

An entry is a copy of rows, kept for `ANNOTARY_IDENTITY_SECONDS`; so whatever ends access in the database ends it in
every process within that time. In the process that ends it, `forget_session` and `forget_person` end it at once: they
save time, and nothing relies on them. Only valid identities are kept, under the hash of their secret.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

MAX_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Identity:
    """The rows of a session's or an API key's person, and when the session or key itself ends."""

    actor_id: int
    ends_at: datetime
    rows: Sequence[Any]


class IdentityCache:
    """Maps the hash of a secret to an identity for a few seconds. Of more than `MAX_ENTRIES` the oldest go first."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, Identity]] = {}
        self._users: dict[str, int] = {}
        self._lock = threading.Lock()
        self.forgotten = 0  # how often something was forgotten

    def get(self, secret: str, *, now: datetime) -> Identity | None:
        entry = self._entries.get(secret)
        if entry is None or entry[0] <= time.monotonic() or entry[1].ends_at <= now:
            return None
        return entry[1]

    def add(self, secret: str, identity: Identity, *, forgotten: int) -> None:
        """Add an identity. `forgotten` was read before its query: what was forgotten since may have been this one."""
        seconds = settings.ANNOTARY_IDENTITY_SECONDS
        with self._lock:
            if not seconds or forgotten != self.forgotten:
                return
            self._entries.pop(secret, None)  # to the end: entries are in order of age
            if len(self._entries) >= MAX_ENTRIES:
                del self._entries[next(iter(self._entries))]
            self._entries[secret] = (time.monotonic() + seconds, identity)

    def user_of(self, secret: str) -> int | None:
        """Whom a session named when it was last read: a hint for the query, to be verified by its result."""
        return self._users.get(secret)

    def note_user(self, secret: str, user_id: int) -> None:
        with self._lock:
            if len(self._users) >= MAX_ENTRIES:
                self._users.clear()
            self._users[secret] = user_id

    def forget(self, secret: str) -> None:
        with self._lock:
            self.forgotten += 1
            self._entries.pop(secret, None)

    def forget_actor(self, actor_id: int) -> None:
        with self._lock:
            self.forgotten += 1
            for secret, (_, identity) in list(self._entries.items()):
                if identity.actor_id == actor_id:
                    del self._entries[secret]


identities = IdentityCache()


def forget_session(secret: str) -> None:
    """Forget a session, by the hash of its key, that is being changed or ended."""
    identities.forget(secret)
    # Until the commit, other threads still read the old row.
    transaction.on_commit(lambda: identities.forget(secret))


def forget_person(actor_id: int) -> None:
    """Forget all sessions and API keys of a person whose access is being changed or ended."""
    identities.forget_actor(actor_id)
    transaction.on_commit(lambda: identities.forget_actor(actor_id))
