"""The queues in the tests' Valkey."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import current_app
from kombu import pools

from kernel.queues import ALL_QUEUES, Queue


class Broker:
    def __init__(self, url: str) -> None:
        self.point_at(url)
        self._channel: Any = current_app.connection_for_write(url=url).channel()

    def point_at(self, url: str) -> None:
        """Make Celery send there, and discard its pools of open connections."""
        celery: Any = current_app
        celery.conf.broker_url = celery.conf.broker_write_url = celery.conf.broker_read_url = url
        celery.amqp._producer_pool = None
        pools.reset()

    def close(self) -> None:
        self._channel.connection.client.release()

    def clear(self) -> None:
        self._channel.client.delete(*ALL_QUEUES)

    @contextmanager
    def refusing(self, queue: str) -> Iterator[None]:
        """Let the broker refuse messages for this queue, which must be empty, while the block runs."""
        self._channel.client.set(str(queue), "no queue")
        try:
            yield
        finally:
            self._channel.client.delete(str(queue))

    def messages(self, queue: str = Queue.INTERACTIVE) -> list[tuple[str, Any]]:
        """Return (kind, job id) of each waiting message, in the order of sending."""
        raw = [json.loads(body) for body in self._channel.client.lrange(str(queue), 0, -1)]
        headers = [each["headers"] for each in reversed(raw)]
        return [(each["task"], int(each["argsrepr"].strip("[]()") or 0)) for each in headers]

    def take(self, queue: str = Queue.INTERACTIVE) -> int:
        """Take the oldest message, as a worker does; returns its job's id."""
        body = json.loads(self._channel.client.rpop(str(queue)))
        return int(body["headers"]["argsrepr"].strip("[]()") or 0)
