"""The live console of a project: a snapshot on connect, then numbered deltas."""

import json
import uuid
from collections import deque

from channels.db import database_sync_to_async
from structlog.contextvars import bind_contextvars

from accounts.grants import Grant, grant_for
from accounts.models import Role, User
from kernel.errors import AnnotaryError
from projects.selectors import project_for
from workers_ui.consumers.feeds import Delta
from workers_ui.consumers.sockets import CLOSE_FORBIDDEN, Scope, Send, StreamSocket

MAX_MESSAGE_LENGTH = 200
#: Deltas of five seconds: a socket that is further behind drops them and gets a new snapshot instead.
MAX_WAITING = 20


class ConsoleSocket(StreamSocket):
    """Sends `snapshot` {number, data: {totals}}, then `delta` {first, number, events}; accepts {"type": "resync"}.

    A delta covers the events from `first` to `number`, of which those that are alike are one; a snapshot includes all
    events of a delta or none, because both are numbered in one transaction.

    Joins the feed before reading the snapshot, so no event is lost between the two. Events that the snapshot already
    includes are dropped by their number.

    Closes with 4403 when the person may not see the page, at the start or any more (`access`).
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        super().__init__(scope, send)
        self._sent = -1
        self._waiting: deque[Delta] = deque()
        self._is_behind = False

    async def open(self) -> tuple[int, Grant] | None:
        public_id = self.scope["url_route"]["kwargs"]["project_id"]
        # Each socket runs in a task of its own, so this is on its log lines alone.
        bind_contextvars(socket=uuid.uuid4().hex, user=str(self.scope["user"].pk), project=str(public_id))
        try:
            opened: tuple[int, Grant] = await self._find_project(public_id)
        except AnnotaryError:
            await self.accept()  # closing before accepting would reach the page only as a failed connection
            await self.close(CLOSE_FORBIDDEN)
            return None
        await self.accept()
        return opened

    def notice(self, delta: Delta) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.clear()
            self._is_behind = True
        self._waiting.append(delta)
        self.wake()

    def read(self, text: str) -> None:
        # Pages send only this message; anything else is ignored.
        if _is_resync(text):
            self._is_behind = True
            self.wake()

    async def write(self) -> None:
        await self._send_snapshot()
        while True:
            await self.wait_for_news()
            while self._waiting or self._is_behind:
                await self._send_next()

    async def _send_next(self) -> None:
        if self._is_behind:
            self._is_behind = False
            await self._send_snapshot()
            return
        delta = self._waiting.popleft()
        if delta.number <= self._sent:
            return
        if delta.text is None or delta.first != self._sent + 1:
            await self._send_snapshot(including=delta.number)
            return
        self._sent = delta.number
        await self.send_text(delta.text)

    async def _send_snapshot(self, including: int = 0) -> None:
        snapshot = await self.feed.snapshot()
        if snapshot.number < including:  # another socket's query, which began before
            snapshot = await self.feed.snapshot()
        self._sent = snapshot.number
        await self.send_text(snapshot.text)

    @database_sync_to_async  # type: ignore[untyped-decorator]  # channels has no types
    def _find_project(self, public_id: uuid.UUID) -> tuple[int, Grant]:
        user = self.scope["user"]
        if not isinstance(user, User) or not user.is_active:
            raise AnnotaryError
        project = project_for(actor=user.actor, public_id=public_id, role=Role.MANAGER)
        session_key = self.scope["session"].session_key or ""
        return project.pk, grant_for(
            session_key=session_key, user=user, organisation_id=project.organisation_id, role=Role.MANAGER
        )


def _is_resync(text: str) -> bool:
    try:
        content = json.loads(text) if len(text) <= MAX_MESSAGE_LENGTH else None
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("type") == "resync"
