"""The live stream of a project: an append-only log, numbered when it is sent.

Numbers taken at insert would skip rows that commit late; so events are written without one, and the relay numbers
what it sees, one holder a project at a time (the lock on its `Stream` row).
"""

import json
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from kernel.models import Event, Stream
from kernel.prepared import run_prepared

BATCH = 500
INSERT = """
INSERT INTO kernel_event (project_id, kind, data, delta, created_at)
VALUES (%(project)s, %(kind)s, %(data)s, %(delta)s, clock_timestamp())
RETURNING id
"""


def record_event(*, project_id: int, kind: str, data: dict[str, Any] | None = None, **delta: int) -> None:
    """Write an event in the caller's transaction. Keyword counts (`submitted=1`) are added to the project's totals.

    Both `data` and `delta` reach every manager of the project's console, so no personal data goes in.
    """
    # The busiest insert of all, so past the ORM, which would take most of its time.
    told = {"project": project_id, "kind": kind, "data": json.dumps(data or {}), "delta": json.dumps(delta)}
    run_prepared(INSERT, told)


@dataclass(frozen=True)
class Snapshot:
    number: int
    totals: dict[str, int]


def stream_snapshot(*, project_id: int) -> Snapshot:
    """Totals and the number of the last event in them: consistent, because both stand in one row."""
    row = Stream.objects.filter(project_id=project_id).values_list("last_number", "totals").first()
    return Snapshot(number=row[0], totals=row[1]) if row else Snapshot(number=0, totals={})


def projects_with_new_events() -> list[int]:
    return list(Event.objects.filter(number__isnull=True).values_list("project_id", flat=True).distinct()[:1000])


@transaction.atomic
def number_events(*, project_id: int) -> list[dict[str, Any]]:
    """Give the next numbers to a batch of a project's new events and return them; [] when another relay is at it."""
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
    stream.save(update_fields=["last_number", "totals", "updated_at"])
    return [
        {
            "number": event.number,
            "kind": event.kind,
            "data": event.data,
            "delta": event.delta,
            "at": event.created_at.isoformat(),
        }
        for event in events
    ]
