"""The clocks. Leases are compared with the database's `clock_timestamp()`: `now()` is fixed for a whole transaction, so
after a lock wait it can report an expired lease as live (measured)."""

from datetime import UTC, datetime

from django.db import connection
from django.db.models import DateTimeField, Func

RFC_3339 = "%Y-%m-%dT%H:%M:%S.%fZ"


class ClockTimestamp(Func):
    """`clock_timestamp()` as a queryset expression."""

    function = "clock_timestamp"
    template = "%(function)s()"
    output_field = DateTimeField()


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def utc_now() -> datetime:
    return datetime.now(tz=UTC)


def rfc3339(moment: datetime) -> str:
    """The one spelling of times in JSON: UTC with `Z`, always with six digits of microseconds, so that text sorts."""
    return moment.astimezone(UTC).strftime(RFC_3339)
