"""The live stream of a project: an append-only event log, numbered when it is sent.

Numbers assigned at insert would skip rows that commit late. So events are inserted without a number, and the relay
numbers the events it sees, one relay per project at a time (by the lock on the project's `Stream` row).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from structlog.contextvars import get_contextvars

from kernel.clock import ClockTimestamp, rfc3339
from kernel.errors import Gone
from kernel.models import Event, Stream
from kernel.statements import run_prepared

logger = structlog.get_logger(__name__)

BATCH = 2_000
#: A project's events are sent at most four times a second, however many relays run: consoles need no more.
SENT_EVERY = timedelta(milliseconds=250)
#: How many numbers a read looks at if it is for few kinds of events: a page without any costs no more than this.
SCANNED = 10_000
INSERT = """
INSERT INTO kernel_event (project_id, kind, data, delta, created_at)
VALUES (%(project)s, %(kind)s, %(data)s, %(delta)s, clock_timestamp())
RETURNING id
"""


def record_event(*, project_id: int, kind: str, data: dict[str, Any] | None = None, **delta: int) -> None:
    """Record an event in the caller's transaction. Keyword counts (`submitted=1`) are added to the project's totals.

    Both `data` and `delta` reach the console of every manager of the project, so they must not contain personal data.
    What other roles read of it is decided in `tasks.analytics.event_stream`, which lists every kind.
    """
    # The most frequent insert, so it bypasses the ORM, which would take most of the time.
    values = {"project": project_id, "kind": kind, "data": json.dumps(data or {}), "delta": json.dumps(delta)}
    run_prepared(INSERT, values)
    if "request_id" not in get_contextvars():
        # A job or a sweep caused it, and no request line tells the operator.
        transaction.on_commit(lambda: logger.info(kind, project_id=project_id, data=data or {}, delta=delta))


class EventsGone(Gone):
    """The next events of this stream no longer exist. Read its totals, and go on after their number."""

    code = "events_gone"


@dataclass(frozen=True)
class StreamSnapshot:
    number: int
    totals: dict[str, int]


def stream_snapshot(*, project_id: int) -> StreamSnapshot:
    """Return the totals and the number of the last event they include: consistent, because both are in one row."""
    row = Stream.objects.filter(project_id=project_id).values_list("last_number", "totals").first()
    return StreamSnapshot(number=row[0], totals=row[1]) if row else StreamSnapshot(number=0, totals={})


@dataclass(frozen=True, slots=True)
class EventPage:
    """The events after the number `after` up to `end`, without gaps; `last` is the number of the last event."""

    events: list[Event]
    after: int
    end: int
    last: int


def read_events(*, project_id: int, after: int, limit: int, kinds: Collection[str] | None = None) -> EventPage:
    """Return at most `limit` events after a number, of all kinds or some. Go on after `end`, even if there are none.

    Raises EventsGone if the next event was deleted, or if the stream has not come to `after`, as after a restore.
    """
    # Read first: whatever is numbered up to it was committed with it.
    last = stream_snapshot(project_id=project_id).number
    if after > last:
        raise EventsGone(
            f"This stream has no event {after}; its last one is {last}. It may have been restored from a backup. Read"
            " its totals, and go on after their number.",
            last=last,
        )
    end = min(last, after + SCANNED)
    numbered = Event.objects.filter(project_id=project_id, number__gt=after)
    rows = numbered.filter(number__lte=end) if kinds is None else numbered.filter(number__lte=end, kind__in=kinds)
    events = list(rows.order_by("number")[:limit])
    if after < last and (not events or events[0].number != after + 1):
        _refuse_deleted(numbered, after, last)
    if len(events) == limit:
        end = events[-1].number or end
    return EventPage(events, after, end, last)


def _refuse_deleted(numbered: QuerySet[Event], after: int, last: int) -> None:
    oldest = numbered.order_by("number").values_list("number", flat=True).first()
    if oldest != after + 1:
        kept = f"the oldest one that is kept is {oldest}" if oldest else "none is kept"
        raise EventsGone(
            f"Event {after + 1} was deleted; {kept}. Read the totals of the stream, and go on after their number.",
            oldest=oldest,
            last=last,
        )


def stream_heads(*, project_ids: Collection[int]) -> dict[int, int]:
    """Return the number of the last event of each of these projects that has any."""
    return dict(Stream.objects.filter(project_id__in=project_ids).values_list("project_id", "last_number"))


def latest_events(*, project_id: int, limit: int) -> list[Event]:
    """Return the project's last `limit` numbered events, newest first."""
    return list(Event.objects.filter(project_id=project_id, number__isnull=False).order_by("-number")[:limit])


def projects_with_new_events() -> list[int]:
    """Return the projects whose new events are due: none of theirs were numbered within the last `SENT_EVERY`."""
    # Later than now is the time before a clock was set back.
    recent = {"updated_at__gt": ClockTimestamp() - SENT_EVERY, "updated_at__lte": ClockTimestamp()}
    just_sent = Stream.objects.filter(project_id=OuterRef("project_id"), **recent)
    new = Event.objects.filter(~Exists(just_sent), number__isnull=True)
    return list(new.values_list("project_id", flat=True).distinct()[:1000])


def merge_messages(messages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return numbered events as one message: {"first", "number": the numbers that it covers, "events"}.

    Events of the same kind with the same data become one, with the sums of their deltas and their `count`, so that the
    message grows with the kinds of events and not with their number.
    """
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for message in messages:
        key = message["kind"], json.dumps(message["data"], sort_keys=True)
        event = merged.setdefault(key, {"kind": message["kind"], "data": message["data"], "delta": {}, "count": 0})
        event["count"] += 1
        event["at"] = message["at"]
        for name, change in message["delta"].items():
            event["delta"][name] = event["delta"].get(name, 0) + change
    numbers = [message["number"] for message in messages]
    return {"first": min(numbers), "number": max(numbers), "events": list(merged.values())}


@transaction.atomic
def number_events(*, project_id: int) -> list[dict[str, Any]]:
    """Locks the stream. Number a batch of new events and return them; [] if another relay holds the lock."""
    Stream.objects.bulk_create([Stream(project_id=project_id)], ignore_conflicts=True)
    stream = Stream.objects.select_for_update(skip_locked=True, no_key=True).filter(project_id=project_id).first()
    if stream is None:
        return []
    events = list(Event.objects.filter(project_id=project_id, number__isnull=True).order_by("id")[:BATCH])
    if not events:
        return []
    for number, event in enumerate(events, start=stream.last_number + 1):
        event.number = number
        for name, change in event.delta.items():
            stream.totals[name] = stream.totals.get(name, 0) + change
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE kernel_event e SET number = n.number"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS n(id, number) WHERE e.id = n.id",
            [[event.pk for event in events], [event.number for event in events]],
        )
    stream.last_number += len(events)
    stream.updated_at = ClockTimestamp()
    stream.save(update_fields=["last_number", "totals", "updated_at"])
    return [event_message(event) for event in events]


def event_message(event: Event) -> dict[str, Any]:
    """Return a numbered event as plain JSON types."""
    return {
        "number": event.number,
        "kind": event.kind,
        "data": event.data,
        "delta": event.delta,
        "at": rfc3339(event.created_at),
    }
