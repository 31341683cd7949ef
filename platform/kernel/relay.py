"""The relay: sends outbox messages to the broker and new events to the channel layer. Any number may run.

It polls, because NOTIFY would serialize all commits on one lock, and polling two small partial indexes costs less.
If the broker or the channel layer is down, messages are delayed; none is lost, because rows are deleted only after they
are sent.
"""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from asgiref.sync import async_to_sync
from celery import current_app
from channels.layers import get_channel_layer
from django.db import OperationalError, close_old_connections, connection
from django.db.models import Q

from kernel.channels import project_group
from kernel.clock import ClockTimestamp
from kernel.events import merge_messages, number_events, projects_with_new_events
from kernel.models import Job, OutboxMessage, Stream
from kernel.queues import ALL_QUEUES, MAX_PER_PROJECT, MAX_SENT

logger = structlog.get_logger(__name__)

PAUSE = 0.1
# Few messages of a queue wait in the broker, and short jobs are done with them sooner than the pause above: while there
# is work, the next ones are sent this soon.
BUSY_PAUSE = 0.02
BUSY_FOR = 1.0
REMIND_SECONDS = 3.0
REMIND_FOR = timedelta(seconds=30)
CLAIM_SECONDS = 30.0
PUBLISH_SECONDS = 5.0

# Per queue, the next messages of the projects that have the fewest jobs with the broker or running. The pairs of queue
# and project are found by skipping through the index, so a backlog of a million messages costs as little as one.
_CLAIM_MESSAGES = """
WITH RECURSIVE pairs AS (
    (SELECT queue, project_id FROM kernel_outboxmessage ORDER BY queue, project_id LIMIT 1)
    UNION ALL
    SELECT following.queue, following.project_id FROM pairs CROSS JOIN LATERAL (
        SELECT o.queue, o.project_id FROM kernel_outboxmessage o
        WHERE (o.queue, o.project_id) > (pairs.queue, pairs.project_id) ORDER BY o.queue, o.project_id LIMIT 1
    ) following
), limits AS (
    SELECT * FROM unnest(%(queues)s::text[], %(sent)s::int[], %(per_project)s::int[]) AS l(queue, sent, per_project)
), served AS (
    SELECT * FROM unnest(%(served_queues)s::text[], %(served_projects)s::bigint[]) WITH ORDINALITY
        AS s(queue, project_id, number)
), in_flight AS (
    SELECT queue, COALESCE(project_id, 0) AS project_id, count(*) AS jobs,
        count(*) FILTER (WHERE state = 'queued') AS sent
    FROM kernel_job j
    WHERE (state = 'running' OR (state = 'queued' AND sent_at IS NOT NULL))
        AND (state = 'queued' OR lease_until > clock_timestamp())
        -- A relay that was killed before it sent left the message: the job is not with the broker.
        AND (state = 'running' OR NOT EXISTS (
            SELECT 1 FROM kernel_outboxmessage o
            WHERE o.job_id = j.id AND (o.claimed_until IS NULL OR o.claimed_until < clock_timestamp())))
    GROUP BY 1, 2
), places AS (
    SELECT l.queue, l.sent - COALESCE((SELECT sum(f.sent) FROM in_flight f WHERE f.queue = l.queue), 0) AS free,
        l.per_project
    FROM limits l
), candidates AS (
    SELECT pairs.queue, next.id, COALESCE(s.number, 0) AS served, COALESCE(f.jobs, 0) + row_number() OVER (
        PARTITION BY pairs.queue, pairs.project_id ORDER BY next.id) AS turn
    FROM pairs JOIN places ON places.queue = pairs.queue AND places.free > 0
    LEFT JOIN in_flight f ON f.queue = pairs.queue AND f.project_id = pairs.project_id
    LEFT JOIN served s ON s.queue = pairs.queue AND s.project_id = pairs.project_id
    CROSS JOIN LATERAL (
        SELECT o.id FROM kernel_outboxmessage o
        WHERE o.queue = pairs.queue AND o.project_id = pairs.project_id
            AND (o.claimed_until IS NULL OR o.claimed_until < clock_timestamp())
        ORDER BY o.id LIMIT GREATEST(places.free, 0)
    ) next
), ranked AS (
    SELECT c.id, row_number() OVER (PARTITION BY c.queue ORDER BY c.turn, c.served, c.id) AS place, p.free
    FROM candidates c JOIN places p ON p.queue = c.queue WHERE c.turn <= p.per_project
)
UPDATE kernel_outboxmessage SET claimed_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id IN (
    SELECT id FROM kernel_outboxmessage
    WHERE id IN (SELECT id FROM ranked WHERE place <= free)
        AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
    ORDER BY id FOR UPDATE SKIP LOCKED)
RETURNING id, job_id, queue, project_id
"""
_LIMITS: dict[str, Any] = {
    "queues": list(ALL_QUEUES),
    "sent": [MAX_SENT[queue] for queue in ALL_QUEUES],
    "per_project": [MAX_PER_PROJECT.get(queue, 1_000_000) for queue in ALL_QUEUES],
    "seconds": CLAIM_SECONDS,
}
# Among projects with as many jobs, the one that has waited longest is next. Each relay remembers on its own.
_REMEMBERED = 1000
_served: dict[tuple[str, int], None] = {}


def send_messages() -> int:
    """Send messages from the outbox to the queues that have few waiting; projects take turns. Return their number.

    A job counts as sent before it is, so that a worker that is quicker than this function finds the final state.
    Sending one twice is harmless (jobs are claimed), so send first, then delete.
    """
    rows = _claim_messages()
    if not rows:
        return 0
    messages = OutboxMessage.objects.filter(pk__in=[row.id for row in rows])
    jobs = Job.objects.filter(pk__in=[row.job_id for row in rows])
    kinds = dict(jobs.values_list("id", "kind"))
    # A job that waits for its next attempt refuses the message; the sweep sends another one when it is due.
    due = Q(not_before__isnull=True) | Q(not_before__lte=ClockTimestamp())
    jobs.filter(due, state=Job.State.QUEUED).update(sent_at=ClockTimestamp())
    try:
        for row in rows:
            if row.job_id in kinds:
                _send(kinds[row.job_id], row)
    except Exception:
        jobs.filter(state=Job.State.QUEUED).update(sent_at=None)
        messages.update(claimed_until=None)
        raise
    messages.delete()
    return len(rows)


async def _group_send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    await asyncio.wait_for(layer.group_send(group, message), PUBLISH_SECONDS)


class _Message(NamedTuple):
    """An outbox message that this relay has claimed."""

    id: int
    job_id: int
    queue: str
    project_id: int


def _claim_messages() -> list[_Message]:
    served: dict[str, Any] = {
        "served_queues": [queue for queue, _ in _served],
        "served_projects": [project_id for _, project_id in _served],
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_MESSAGES, _LIMITS | served)
        return sorted(_Message(*row) for row in cursor.fetchall())


def _send(kind: str, message: _Message) -> None:
    current_app.send_task(kind, args=[message.job_id], queue=message.queue, ignore_result=True, retry=False)
    turn = message.queue, message.project_id
    _served.pop(turn, None)
    _served[turn] = None
    while len(_served) > _REMEMBERED:
        del _served[next(iter(_served))]


class Relay:
    def __init__(self) -> None:
        self._reminded = 0.0

    def step(self) -> int:
        """Run one round and return how many messages and events were sent."""
        return self._guarded(send_messages) + self._guarded(self._send_events) + self._guarded(self._remind)

    def run(self) -> None:
        last_sent = 0.0
        while True:
            try:
                sent = self.step()
            except OperationalError:
                logger.warning("waiting for the database")
                close_old_connections()
                time.sleep(1)
                continue
            if sent:
                last_sent = time.monotonic()
            else:
                time.sleep(BUSY_PAUSE if time.monotonic() - last_sent < BUSY_FOR else PAUSE)

    def _send_events(self) -> int:
        # All are numbered before the first is published: the channel layer may stall, and consoles catch up by number.
        numbered = {project_id: number_events(project_id=project_id) for project_id in projects_with_new_events()}
        sent = 0
        for project_id, events in numbered.items():
            if events:
                delta = merge_messages(events)
                # Encoded once, here, and not by every socket that it is sent to.
                text = json.dumps({"type": "delta", **delta})
                numbers = {"first": delta["first"], "number": delta["number"]}
                self._publish(project_id, {"type": "stream.delta", **numbers, "text": text})
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
