"""A project's events for programs: every number once and in order, from any number on."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from rest_framework.exceptions import APIException
from structlog.contextvars import bind_contextvars

from accounts.grants import KeyGrant
from kernel.errors import AnnotaryError, Refused
from kernel.events import EventsGone
from kernel.models import Event
from tasks.analytics.event_stream import EVENT_KINDS, event_as_read, kinds_to_read
from tasks.api.problems import handle_exception
from tasks.api.stream_access import StreamAccess, access_of_key, access_of_ticket
from workers_ui.consumers.feeds import Delta, SharedPage
from workers_ui.consumers.sockets import Scope, Send, StreamSocket

#: Numbers that may pass without a message if no event of them is sent; a client that returns begins after the last one.
SILENT_NUMBERS = 1_000


class RequestRefused(Refused):
    """The address of this websocket is not valid."""

    status = 400
    code = "invalid"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for in the query string; `after` is None for events from now on."""

    after: int | None
    kinds: frozenset[str]
    ticket: str


class EventsSocket(StreamSocket):
    """Sends `ready` {number}, then `events` {after, number, events} with every event after that number.

    Events come from the database, whether they are old or new; the live message only says that there are more. So there
    is no gap and no repetition between the two, and a client that reads slowly costs no memory, only its position.

    A problem is sent as `problem` {status, type, detail, ...} before the socket closes with 4000 + its status.
    """

    def __init__(self, scope: Scope, send: Send) -> None:
        super().__init__(scope, send)
        self._wish = Wish(None, frozenset(), "")
        self._access: StreamAccess
        self._kinds: frozenset[str] | None = None

    async def open(self) -> tuple[int, KeyGrant] | None:
        public_id = self.scope["url_route"]["kwargs"]["project_id"]
        bind_contextvars(socket=uuid.uuid4().hex, project=str(public_id))
        await self.accept()
        try:
            self._wish = _wish_of(self.scope)
            self._access = await self._find_access(public_id)
        except (AnnotaryError, APIException) as error:
            await self._refuse(error)
            return None
        self._kinds = kinds_to_read(role=self._access.role, requested=self._wish.kinds)
        return self._access.project_id, self._access.grant

    def notice(self, delta: Delta) -> None:
        self.wake()

    async def write(self) -> None:
        try:
            sent = await self._begin()
            while True:
                sent = await self._send_all(sent)
                await self.wait_for_news()
        except EventsGone as error:
            await self._refuse(error)

    async def _begin(self) -> int:
        number = self._wish.after
        if number is None:
            number = (await self.feed.snapshot()).number
        else:
            await self.feed.page(number)  # refused before it is said to be ready
        await self.send_text(json.dumps({"type": "ready", "number": number}))
        return number

    async def _send_all(self, sent: int) -> int:
        """Send the events after a number until there are no more; return the number that was sent last."""
        number = sent
        while True:
            shared = await self.feed.page(number)
            page = shared.page
            if page.end == number:
                return sent
            text = self._text(shared)
            if text or page.end - sent >= SILENT_NUMBERS:
                await self.send_text(_message(after=sent, number=page.end, events=text))
                sent = page.end
            number = page.end

    def _text(self, shared: SharedPage) -> str:
        role, kinds = self._access.role, self._kinds
        return shared.text((role, kinds), partial(_encode, role=role, kinds=kinds))

    async def _refuse(self, error: Exception) -> None:
        response = handle_exception(error, {})
        problem: dict[str, Any] = {"type": "problem", "problem": response.data}
        await self.send_text(json.dumps(problem, default=str))
        await self.close(4000 + response.status_code)

    @database_sync_to_async  # type: ignore[untyped-decorator]  # channels has no types
    def _find_access(self, public_id: uuid.UUID) -> StreamAccess:
        if self._wish.ticket:
            return access_of_ticket(ticket=self._wish.ticket, public_id=public_id)
        headers = dict(self.scope["headers"])
        return access_of_key(authorization=headers.get(b"authorization", b"").decode("latin-1"), public_id=public_id)


def _wish_of(scope: Scope) -> Wish:
    """Return what the query string asks for. Raises RequestRefused."""
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    for name, values in query.items():
        if name not in {"after", "type", "ticket"}:
            raise RequestRefused(f"There is no query parameter {name[:60]}. Choose from after, ticket, type.")
        if len(values) > 1 and name != "type":
            raise RequestRefused(f"{name}: Send this parameter once.")
    after = query.get("after", [""])[0]
    if "after" in query and not (after.isascii() and after.isdigit() and len(after) < 16):
        raise RequestRefused("after: This must be a whole number.")
    kinds = frozenset(query.get("type", []))
    if unknown := sorted(kinds - EVENT_KINDS.keys()):
        raise RequestRefused(f"type: {unknown[0][:60]} does not exist. Choose from {', '.join(sorted(EVENT_KINDS))}.")
    return Wish(int(after) if after else None, kinds, query.get("ticket", [""])[0])


def _encode(events: Iterable[Event], *, role: str, kinds: frozenset[str] | None) -> str:
    """Return the events that a role reads as the items of a JSON array; empty if there are none."""
    shown = (event for event in events if kinds is None or event.kind in kinds)
    return ", ".join(json.dumps(event_as_read(event, role=role)) for event in shown)


def _message(*, after: int, number: int, events: str) -> str:
    return f'{{"type": "events", "after": {after}, "number": {number}, "events": [{events}]}}'
