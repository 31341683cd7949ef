"""A thread pool that processes import items, each thread with its own decoder process and database connection."""

import queue
import threading
from collections.abc import Mapping
from types import TracebackType

from django.db import connection

from tasks.ingest.models import ImportItem
from tasks.validate.services import process_item


class ItemWorkerPool:
    """A context manager that waits for all submitted items on exit. With a count of 1 it uses no threads.

    `table` is {item name: its metadata}. An exception from an item (the machine's fault, not the image's) is raised by
    a later submission or on exit; items submitted after the failure are left waiting.
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

    def __enter__(self) -> "ItemWorkerPool":
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

    def submit(self, item: ImportItem) -> None:
        """Process the item now or soon."""
        if self._failure is not None:
            raise self._failure
        if self._threads:
            self._items.put(item)
        else:
            self._process(item, slot=0)

    def _process(self, item: ImportItem, *, slot: int) -> None:
        process_item(item=item, metadata=self._table.get(item.name, {}), slot=slot)

    def _work(self, slot: int) -> None:
        try:
            while (item := self._items.get()) is not None:
                # Drain the queue even after a failure, so that the producer never blocks on a full queue.
                if self._failure is None:
                    self._process_safely(item, slot)
        finally:
            connection.close()

    def _process_safely(self, item: ImportItem, slot: int) -> None:
        try:
            self._process(item, slot=slot)
        except Exception as error:  # re-raised in the calling thread
            self._failure = error
