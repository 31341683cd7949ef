"""What the log says of two transactions that waited for each other."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import structlog

from kernel.outages import DatabaseContended, OutageReport, outage_of
from tests.concurrency_helpers import database_url

pytestmark = pytest.mark.django_db(transaction=True)

LOCK = "SELECT pg_advisory_xact_lock(%s)"


def test_the_log_says_which_waited_for_what() -> None:
    url = database_url()
    with psycopg.connect(url) as one, psycopg.connect(url) as two, ThreadPoolExecutor(2) as pool:
        one.execute(LOCK, [1])
        two.execute(LOCK, [2])
        waiting = [pool.submit(one.execute, LOCK, [2]), pool.submit(two.execute, LOCK, [1])]
        errors = [each.exception() for each in waiting if each.exception() is not None]
        one.rollback()
        two.rollback()
    (error,) = errors
    assert isinstance(error, psycopg.errors.DeadlockDetected)
    with structlog.testing.capture_logs() as lines:
        OutageReport().add(DatabaseContended(), error)
    assert isinstance(outage_of(error), DatabaseContended)
    assert lines[0]["waits"].count("waits for ExclusiveLock on advisory lock") == 2
