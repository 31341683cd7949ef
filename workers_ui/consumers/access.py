"""Closes open sockets whose person may no longer see what they show.

Every two seconds two queries ask the database about all sockets of the process. So it does not matter which way the
right was lost, and whether the channel layer is available: a socket ends within five seconds of the commit.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import structlog
from channels.db import database_sync_to_async

from accounts.grants import Grant, KeyGrant, invalid_grants
from projects.selectors import deleted_projects

logger = structlog.get_logger(__name__)

CHECK_SECONDS = 2.0


class Revocable(Protocol):
    project_id: int

    def end(self) -> Coroutine[Any, Any, None]: ...


class AccessWatch:
    """The sockets of one event loop; a task checks them while there are any."""

    def __init__(self) -> None:
        self._grants: dict[Revocable, Grant | KeyGrant] = {}
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def add(self, socket: Revocable, grant: Grant | KeyGrant) -> None:
        self._grants[socket] = grant
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def discard(self, socket: Revocable) -> None:
        self._grants.pop(socket, None)

    async def _run(self) -> None:
        while self._grants:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self._check()
            except Exception as error:  # the database is away: there are no new events to send either
                logger.warning("access of sockets not checked", error=type(error).__name__)
        self._task = None

    async def _check(self) -> None:
        for socket in await database_sync_to_async(_without_access)(list(self._grants.items())):
            self.discard(socket)
            # In a task of its own: a socket whose peer reads nothing would hold up the others until its ping times out.
            ending = asyncio.create_task(socket.end())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)


def _without_access(sockets: Sequence[tuple[Revocable, Grant | KeyGrant]]) -> list[Revocable]:
    """Return the sockets whose person has lost the right, or whose project is deleted."""
    invalid = set(invalid_grants([grant for _, grant in sockets]))
    deleted = deleted_projects(project_ids={socket.project_id for socket, _ in sockets})
    return [socket for index, (socket, _) in enumerate(sockets) if index in invalid or socket.project_id in deleted]


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, AccessWatch] = WeakKeyDictionary()


def access_watch() -> AccessWatch:
    return _watches.setdefault(asyncio.get_running_loop(), AccessWatch())
