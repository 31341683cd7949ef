"""Threads that take items side by side, each with a decoder process and a database connection of its own."""

import queue
import threading
from collections.abc import Mapping
from types import TracebackType

from django.db import connection

from tasks.ingest.models import ImportItem
from tasks.validate.services import take_item


class Takers:
    """Use in a `with`; leaving it waits for the items that were handed in. With a count of 1 there is no thread.

    `table` is {name of an item: its metadata}. What an item raises (the machine's fault, not the image's) comes out
    of a later `take` or on leaving; items handed in after it are left waiting.
    """

    def __init__(self, count: int, table: Mapping[str, Mapping[str, str]]) -> None:
        self._table = table
        self._items: queue.Queue[ImportItem | None] = queue.Queue(maxsize=2 * count)
        self._failure: Exception | None = None
        self._threads = [
            threading.Thread(target=self._work, args=[slot], name=f"take-{slot}", daemon=True)
            for slot in range(count)
            if count > 1
        ]

    def __enter__(self) -> "Takers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._items.put(None)
        for thread in self._threads:
            thread.join()
        if self._failure is not None and raised is None:
            raise self._failure

    def take(self, item: ImportItem) -> None:
        """Take the item now or soon."""
        if self._failure is not None:
            raise self._failure
        if self._threads:
            self._items.put(item)
        else:
            self._take(item, slot=0)

    def _take(self, item: ImportItem, *, slot: int) -> None:
        take_item(item=item, metadata=self._table.get(item.name, {}), slot=slot)

    def _work(self, slot: int) -> None:
        try:
            while (item := self._items.get()) is not None:
                # After a failure the queue is still emptied: whoever puts into it must not wait for ever.
                if self._failure is None:
                    self._try(item, slot)
        finally:
            connection.close()

    def _try(self, item: ImportItem, slot: int) -> None:
        try:
            self._take(item, slot=slot)
        except Exception as error:  # handed to the thread that waits for it
            self._failure = error
