"""Asks the broker, Redis or RabbitMQ, about its queues."""

from typing import Any

from celery import current_app


class BrokerUnavailable(Exception):
    """The broker did not answer."""


def messages_in(queue: str) -> int:
    """Return how many messages wait in the queue; those that a worker has fetched do not count."""
    with current_app.connection_for_read() as broker:
        try:
            channel: Any = broker.channel()
            return int(channel.queue_declare(queue, passive=True).message_count)
        except broker.channel_errors:
            return 0  # the queue does not exist: Redis keeps none that is empty
        except broker.connection_errors as error:
            raise BrokerUnavailable(str(error)) from error
