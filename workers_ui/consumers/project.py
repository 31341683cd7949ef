"""The live console of a project: a snapshot on connect, then numbered deltas."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from structlog.contextvars import bind_contextvars

from accounts.grants import Grant, grant_for
from accounts.models import Role, User
from kernel.channels import project_group
from kernel.errors import AnnotaryError
from kernel.events import stream_snapshot
from projects.selectors import project_for
from workers_ui.consumers.access import access_watch

CLOSE_FORBIDDEN = 4403
MAX_MESSAGE_LENGTH = 200


class ProjectConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """Sends `snapshot` {number, data: {totals}}, then `delta` {first, number, events}; accepts {"type": "resync"}.

    A delta covers the events from `first` to `number`, of which those that are alike are one; a snapshot includes all
    events of a delta or none, because both are numbered in one transaction.

    Joins the group before reading the snapshot, so no event is lost between the two. Events that the snapshot already
    includes are dropped by their number.

    Closes with 4403 when the person may not see the project, at the start or any more (`access`).
    """

    project_id: int
    sent: int = -1
    ended: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Whatever ends the socket, and wherever it is by then, nothing of it is left in this process or in Valkey."""

        async def send_until_ended(message: dict[str, Any]) -> None:
            if self.ended:
                raise StopConsumer
            self.ended = message["type"] == "websocket.close"
            try:
                await send(message)
            except (OSError, RuntimeError) as error:  # it closed or dropped; servers differ in what they raise
                self.ended = True
                raise StopConsumer from error

        try:
            await super().__call__(scope, receive, send_until_ended)
        finally:
            access_watch().discard(self)
            if hasattr(self, "channel_name"):
                await asyncio.shield(self.channel_layer.close_channel(self.channel_name))

    async def connect(self) -> None:
        try:
            public_id = self.scope["url_route"]["kwargs"]["project_id"]
            # Each socket runs in a task of its own, so this is on its log lines alone.
            bind_contextvars(socket=self.channel_name, user=str(self.scope["user"].pk), project=str(public_id))
            self.project_id, grant = await self._find_project(public_id)
        except AnnotaryError:
            await self.accept()  # closing before accepting would reach the page only as a failed connection
            await self.close(code=CLOSE_FORBIDDEN)
            return
        await self.accept()
        access_watch().add(self, grant)
        await self.channel_layer.group_add(project_group(self.project_id), self.channel_name)
        await self._send_snapshot()

    async def end(self) -> None:
        """Close the socket of a person who may no longer see the project."""
        with suppress(StopConsumer):
            await self.close(code=CLOSE_FORBIDDEN)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        # Pages send only this message; anything else is ignored.
        if text_data is not None and _is_resync(text_data) and not self.ended:
            await self._send_snapshot()

    async def stream_delta(self, message: dict[str, Any]) -> None:
        if self.ended or message.get("number", self.sent + 1) <= self.sent:
            return
        # A relay of an earlier version, which an upgrade has not restarted yet, sends neither numbers nor text.
        if message.get("first") != self.sent + 1:
            await self._send_snapshot()
            return
        self.sent = message["number"]
        await self.send(text_data=message["text"])

    async def stream_head(self, message: dict[str, Any]) -> None:
        if message["number"] > self.sent and not self.ended:
            await self._send_snapshot()

    async def _send_snapshot(self) -> None:
        snapshot = await database_sync_to_async(stream_snapshot)(project_id=self.project_id)
        self.sent = snapshot.number
        await self.send_json({"type": "snapshot", "number": snapshot.number, "data": {"totals": snapshot.totals}})

    @database_sync_to_async  # type: ignore[untyped-decorator]  # channels has no types
    def _find_project(self, public_id: uuid.UUID) -> tuple[int, Grant]:
        user = self.scope["user"]
        if not isinstance(user, User) or not user.is_active:
            raise AnnotaryError
        project = project_for(actor=user.actor, public_id=public_id, role=Role.REVIEWER)
        session_key = self.scope["session"].session_key or ""
        return project.pk, grant_for(
            session_key=session_key, user=user, organisation_id=project.organisation_id, role=Role.REVIEWER
        )


def _is_resync(text: str) -> bool:
    try:
        content = json.loads(text) if len(text) <= MAX_MESSAGE_LENGTH else None
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("type") == "resync"
