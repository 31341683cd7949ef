"""The live streams that sockets of this process watch: one subscription for each project, whatever their number.

A message of the relay is received and decoded once, and each socket gets the same text. No socket can hold up another:
what a feed calls only notes that there is something new, and each socket sends in a task of its own.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from kernel.channels import project_group
from kernel.events import EventPage, read_events, stream_heads, stream_snapshot
from kernel.models import Event

logger = structlog.get_logger(__name__)

#: How often the database is asked for the last numbers, in case that the channel layer loses messages.
CHECK_SECONDS = 2.0
PAGE_SIZE = 500
KEPT_PAGES = 8


@dataclass(frozen=True, slots=True)
class Delta:
    """The events from `first` to `number` as a message for consoles; without `text`, only that they exist."""

    first: int
    number: int
    text: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotMessage:
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class SharedPage:
    """A page of events, and its texts for the sockets that it is sent to, each encoded once."""

    page: EventPage
    _texts: dict[object, str] = field(default_factory=dict)

    def text(self, variant: object, encode: Callable[[Iterable[Event]], str]) -> str:
        """Return the page encoded for all sockets with this `variant` (hashable)."""
        if variant not in self._texts:
            self._texts[variant] = encode(self.page.events)
        return self._texts[variant]


class Watcher(Protocol):
    def notice(self, delta: Delta) -> None:
        """Note that there are new events. Must return at once."""


class Feed:
    """The live stream of a project. `subscribed` fails if the channel layer is away."""

    def __init__(self, project_id: int) -> None:
        self.project_id = project_id
        self.watchers: set[Watcher] = set()
        self.number = 0
        self.head = 0  # what the database said last time
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._snapshot: asyncio.Task[SnapshotMessage] | None = None
        self._pages: OrderedDict[int, asyncio.Task[SharedPage]] = OrderedDict()
        self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        self._task.cancel()

    async def snapshot(self) -> SnapshotMessage:
        """Return the totals as a message for consoles; those that ask at the same time share one query."""
        if self._snapshot is None or self._snapshot.done():
            self._snapshot = asyncio.create_task(self._read_snapshot())
        return await asyncio.shield(self._snapshot)

    async def page(self, after: int) -> SharedPage:
        """Return the events after a number; sockets that are equally far share one query. Raises EventsGone."""
        task = self._pages.get(after)
        if task is None or (task.done() and _is_useless(task)):
            task = self._pages[after] = asyncio.create_task(self._read_page(after))
            self._pages.move_to_end(after)
            if len(self._pages) > KEPT_PAGES:
                self._pages.popitem(last=False)
        return await asyncio.shield(task)

    def notice(self, delta: Delta) -> None:
        self.number = max(self.number, delta.number)
        # A page that is being read may lack these events, and whoever asks from now on waits for nothing but them.
        for after in [after for after, task in self._pages.items() if not task.done()]:
            del self._pages[after]
        for watcher in list(self.watchers):
            watcher.notice(delta)

    def check(self, head: int) -> None:
        """Compare with the last number in the database: a message that has not come until the next check is lost."""
        if self.head > self.number:
            self.notice(Delta(self.head, self.head))
        self.head = head

    async def _run(self) -> None:
        layer: Any = get_channel_layer()
        channel = await layer.new_channel()
        try:
            await layer.group_add(project_group(self.project_id), channel)
            self.subscribed.set_result(None)
            while True:
                self._receive(await layer.receive(channel))
        except Exception as error:
            if self.subscribed.done():
                raise
            self.subscribed.set_exception(error)
        finally:
            await asyncio.shield(layer.close_channel(channel))

    def _receive(self, message: dict[str, Any]) -> None:
        number = message.get("number")
        if number is None:
            # A relay of an earlier version, which an upgrade has not restarted yet, sends neither numbers nor text.
            return
        self.notice(Delta(message.get("first", number), number, message.get("text")))

    async def _read_snapshot(self) -> SnapshotMessage:
        snapshot = await database_sync_to_async(stream_snapshot)(project_id=self.project_id)
        message = {"type": "snapshot", "number": snapshot.number, "data": {"totals": snapshot.totals}}
        return SnapshotMessage(snapshot.number, json.dumps(message))

    async def _read_page(self, after: int) -> SharedPage:
        page = await database_sync_to_async(read_events)(project_id=self.project_id, after=after, limit=PAGE_SIZE)
        return SharedPage(page)


def _is_useless(task: asyncio.Task[SharedPage]) -> bool:
    """Whether the page must be read again: that failed, or there were no events yet."""
    return task.cancelled() or task.exception() is not None or not task.result().page.events


class Feeds:
    """The feeds of one event loop; each lives as long as it is watched."""

    def __init__(self) -> None:
        self._feeds: dict[int, Feed] = {}
        self._checking: asyncio.Task[None] | None = None

    async def join(self, project_id: int, watcher: Watcher) -> Feed:
        """Return the project's feed, of which the watcher misses nothing from now on. Raises what the layer raises."""
        feed = self._feeds.get(project_id)
        if feed is None:
            feed = self._feeds[project_id] = Feed(project_id)
        feed.watchers.add(watcher)
        try:
            await asyncio.shield(feed.subscribed)
        except BaseException:
            self.leave(feed, watcher)
            raise
        if self._checking is None:
            self._checking = asyncio.create_task(self._check_heads())
        return feed

    def leave(self, feed: Feed, watcher: Watcher) -> None:
        feed.watchers.discard(watcher)
        if not feed.watchers:
            feed.close()
            if self._feeds.get(feed.project_id) is feed:
                del self._feeds[feed.project_id]

    async def _check_heads(self) -> None:
        while self._feeds:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                heads = await database_sync_to_async(stream_heads)(project_ids=list(self._feeds))
            except Exception as error:  # the database is away: there are no new events to send either
                logger.warning("numbers of streams not checked", error=type(error).__name__)
                continue
            for feed in list(self._feeds.values()):
                feed.check(heads.get(feed.project_id, 0))
        self._checking = None


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, Feeds] = WeakKeyDictionary()


def feeds() -> Feeds:
    return _feeds.setdefault(asyncio.get_running_loop(), Feeds())
