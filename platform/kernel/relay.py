"""The relay: sends outbox messages to the broker and new events to the channel layer. Any number may run.

It polls, because NOTIFY would serialize all commits on one lock, and polling two small partial indexes costs less.
If the broker or the channel layer is down, messages are delayed; none is lost, because rows are deleted only after they
are sent.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from celery import current_app
from channels.layers import get_channel_layer
from django.db import OperationalError, close_old_connections, connection

from kernel.channels import project_group
from kernel.clock import ClockTimestamp
from kernel.events import number_events, projects_with_new_events
from kernel.models import Job, OutboxMessage, Stream

logger = structlog.get_logger(__name__)

PAUSE = 0.1
REMIND_SECONDS = 3.0
REMIND_FOR = timedelta(seconds=30)
CLAIM_SECONDS = 30.0
PUBLISH_SECONDS = 5.0

_CLAIM_MESSAGES = """
UPDATE kernel_outboxmessage SET claimed_until = clock_timestamp() + make_interval(secs => %s)
WHERE id IN (
    SELECT id FROM kernel_outboxmessage
    WHERE claimed_until IS NULL OR claimed_until < clock_timestamp()
    ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 100)
RETURNING id, job_id
"""


def send_messages() -> int:
    """Send a batch of outbox messages. Sending one twice is harmless (jobs are claimed), so send first, then delete."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_MESSAGES, [CLAIM_SECONDS])
        rows = cursor.fetchall()
    kinds = dict(Job.objects.filter(pk__in=[job_id for _, job_id in rows]).values_list("id", "kind"))
    try:
        for _, job_id in rows:
            if job_id in kinds:
                current_app.send_task(kinds[job_id], args=[job_id], ignore_result=True, retry=False)
    except Exception:
        OutboxMessage.objects.filter(pk__in=[pk for pk, _ in rows]).update(claimed_until=None)
        raise
    Job.objects.filter(pk__in=list(kinds)).update(sent_at=ClockTimestamp())
    OutboxMessage.objects.filter(pk__in=[pk for pk, _ in rows]).delete()
    return len(rows)


async def _group_send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    await asyncio.wait_for(layer.group_send(group, message), PUBLISH_SECONDS)


class Relay:
    def __init__(self) -> None:
        self._reminded = 0.0

    def step(self) -> int:
        """Run one round and return how many messages and events were sent."""
        return self._guarded(send_messages) + self._guarded(self._send_events) + self._guarded(self._remind)

    def run(self) -> None:
        while True:
            try:
                sent = self.step()
            except OperationalError:
                logger.warning("waiting for the database")
                close_old_connections()
                time.sleep(1)
                continue
            if not sent:
                time.sleep(PAUSE)

    def _send_events(self) -> int:
        # All are numbered before the first is published: the channel layer may stall, and consoles catch up by number.
        numbered = {project_id: number_events(project_id=project_id) for project_id in projects_with_new_events()}
        sent = 0
        for project_id, events in numbered.items():
            if events:
                self._publish(project_id, {"type": "stream.delta", "events": events})
                sent += len(events)
        return sent

    def _remind(self) -> int:
        """Repeat the last number for a while, so that a socket that missed the final delta notices the gap.

        The database tells which streams changed: the relay that published the delta, or failed to, may be gone.
        """
        now = time.monotonic()
        if now - self._reminded < REMIND_SECONDS:
            return 0
        self._reminded = now
        recent = Stream.objects.filter(updated_at__gt=ClockTimestamp() - REMIND_FOR)
        for project_id, number in recent.values_list("project_id", "last_number"):
            self._publish(project_id, {"type": "stream.head", "number": number})
        return 0

    def _publish(self, project_id: int, message: dict[str, Any]) -> None:
        async_to_sync(_group_send)(project_group(project_id), message)

    def _guarded(self, part: Callable[[], int]) -> int:
        """Run a part of a round. Broker and channel layer fail independently; only a database error ends the round."""
        try:
            return part()
        except OperationalError:
            raise
        except Exception as error:  # drivers raise their own exception hierarchies
            logger.warning("relay step failed", step=part.__name__, error=f"{type(error).__name__}: {error}")
            time.sleep(0.5)
        return 0
