"""A thread pool that processes import items, each thread with its own decoder process and database connection.

Images are decoded concurrently, but each is saved only after the items submitted before it: the order of the images is
the order in which they were sent, and of two files with the same content the first becomes the image.
"""

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
        self._items: queue.Queue[tuple[int, ImportItem] | None] = queue.Queue(maxsize=2 * count)
        self._failure: Exception | None = None
        self._submitted = 0
        self._finished: set[int] = set()
        self._next = 0
        self._turn = threading.Condition()
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
            self._items.put((self._submitted, item))
            self._submitted += 1
        else:
            process_item(item=item, metadata=self._table.get(item.name, {}), slot=0)

    def _work(self, slot: int) -> None:
        try:
            while (entry := self._items.get()) is not None:
                # Drain the queue even after a failure, so that the producer never blocks on a full queue.
                if self._failure is None:
                    self._process(*entry, slot)
        finally:
            connection.close()

    def _process(self, number: int, item: ImportItem, slot: int) -> None:
        try:
            metadata = self._table.get(item.name, {})
            process_item(item=item, metadata=metadata, slot=slot, may_save=lambda: self._wait_for_turn(number))
        except Exception as error:  # re-raised in the calling thread
            # Not finished: items after it must stay waiting too, or a later run would save them in another order.
            with self._turn:
                self._failure = self._failure or error
                self._turn.notify_all()
            return
        with self._turn:
            self._finished.add(number)
            while self._next in self._finished:
                self._finished.remove(self._next)
                self._next += 1
            self._turn.notify_all()

    def _wait_for_turn(self, number: int) -> bool:
        """Wait until all items before this one are finished; returns False if one of them never will be."""
        with self._turn:
            self._turn.wait_for(lambda: self._next == number or self._failure is not None)
            return self._next == number
