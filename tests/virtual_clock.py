"""A clock that a test sets. Time passes at once, for every connection, and leases run out.

Statements call `clock_timestamp()` without its schema, so a function of the same name that comes first in the search
path replaces it. It reads a sequence, which belongs to no transaction: like the time itself, an advance is seen by
transactions that run already. Each reading is a microsecond after the one before. `now()` and the defaults of columns
keep the real clock, with which the virtual one starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection

INSTALL = """
CREATE SCHEMA virtual_clock;
CREATE SEQUENCE virtual_clock.microseconds;
CREATE FUNCTION virtual_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$ SELECT timestamptz 'epoch' + nextval('virtual_clock.microseconds') * interval '1 microsecond' $$;
SELECT setval('virtual_clock.microseconds', (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint);
"""
REMOVE = "DROP SCHEMA IF EXISTS virtual_clock CASCADE"
USE = "SET search_path = virtual_clock, pg_catalog, public"
STOP_USING = "RESET search_path"
ADVANCE = """
SELECT setval('virtual_clock.microseconds', last_value + %s) FROM virtual_clock.microseconds
"""
READ = "SELECT timestamptz 'epoch' + last_value * interval '1 microsecond' FROM virtual_clock.microseconds"


class VirtualClock:
    """Reads and sets the clock through the connection of the calling thread."""

    def use(self) -> None:
        """Have this thread's connection read this clock; call it again after the connection was opened again."""
        with connection.cursor() as cursor:
            cursor.execute(USE)

    def advance(self, seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(ADVANCE, [round(seconds * 1_000_000)])

    def now(self) -> datetime:
        """Read the clock without a tick."""
        with connection.cursor() as cursor:
            cursor.execute(READ)
            moment: datetime = cursor.fetchone()[0]
        return moment


@contextmanager
def virtual_clock() -> Iterator[VirtualClock]:
    """Install the clock in the test's database, and use it on this thread's connection."""
    with connection.cursor() as cursor:
        cursor.execute(REMOVE)
        cursor.execute(INSTALL)
    clock = VirtualClock()
    clock.use()
    try:
        yield clock
    finally:
        with connection.cursor() as cursor:
            cursor.execute(STOP_USING)
            cursor.execute(REMOVE)
