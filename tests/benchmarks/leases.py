"""Expire very many leases: `python tests/benchmarks/leases.py [leases]`, 100,000 by default; about three minutes.

Starts a temporary PostgreSQL with that many leases which are over, of sets of ten in batches of fifty, and workers who
claim sets all the time. Prints how long one sweep and two sweeps at once take, their longest transaction, in which
locks are held, and how long claims take before and meanwhile. Ends with status 1 if a transaction takes over a second.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

LEASES = 100_000
SIZE = 10
BATCH = 50
CLAIMERS = 4
QUIET_SECONDS = 10.0
#: Seconds that a transaction of the sweep may hold its locks.
TARGET = 1.0

CROWD = """
INSERT INTO accounts_actor (public_id, kind, label, created_at)
SELECT gen_random_uuid(), 'person', 'gone', now() FROM generate_series(1, %(leases)s / %(size)s)
"""
STANDINGS = """
INSERT INTO tasks_standing (project_id, worker_id, state, reason, qualifications, created_at, changed_at)
SELECT %(project)s, id, 'active', '', '{}', now(), now() FROM accounts_actor WHERE label = 'gone'
"""
HANDS = """
INSERT INTO tasks_hand (public_id, project_id, worker_id, state, size, created_at, expires_at)
SELECT gen_random_uuid(), %(project)s, id, 'live', %(size)s, now(),
    now() - interval '1 hour' + (row_number() OVER (ORDER BY id)) * interval '1 millisecond'
FROM accounts_actor WHERE label = 'gone'
"""
# The sets of workers who claimed one after the other: each from one batch, and a batch is held by several.
ASSIGNMENTS = """
INSERT INTO tasks_assignment (public_id, project_id, hand_id, worker_id, task_id, round, position, state, counts, late,
    schema_id, rendition_id, width, height, price, leased_at, expires_at)
SELECT gen_random_uuid(), %(project)s, h.id, h.worker_id, t.id, 1, (t.n - 1) %% %(size)s + 1, 'leased', true, false,
    %(schema)s, %(blob)s, 640, 480, 0.02, now(), h.expires_at
FROM (SELECT id, expires_at, worker_id, row_number() OVER (ORDER BY id) AS n FROM tasks_hand WHERE state = 'live') h
JOIN (SELECT id, row_number() OVER (ORDER BY batch_id, id) AS n FROM tasks_task WHERE project_id = %(project)s) t
    ON (t.n - 1) / %(size)s + 1 = h.n
"""
TAKEN = """
UPDATE tasks_task t SET taken = 1 FROM tasks_assignment a WHERE a.task_id = t.id AND a.state = 'leased'
"""
BATCHES_TAKEN = """
UPDATE tasks_batch b SET taken = n.taken
FROM (SELECT batch_id, sum(taken) AS taken FROM tasks_task GROUP BY batch_id) n WHERE n.batch_id = b.id
"""


class Claims:
    """Workers who claim sets and hand them in at once, each on its own connection, until they are stopped.

    pause: seconds between two sets of a worker, so that they do not run out of tasks.
    """

    def __init__(self, project: Any, workers: list[Any], *, pause: float = 0.0) -> None:
        self._pause = pause
        self.seconds: list[float] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(project, worker)) for worker in workers]

    def __enter__(self) -> Claims:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, project: Any, worker: Any) -> None:
        from django.db import connection

        from kernel.clock import ClockTimestamp
        from tasks.assignment.models import Assignment
        from tasks.assignment.services import claim_hand
        from tasks.flow.settlement import settle_hand

        while not self._stop.is_set():
            start = time.perf_counter()
            hand = claim_hand(worker=worker, project=project)
            self.seconds.append(time.perf_counter() - start)
            assert hand is not None
            # As answered, though without answers: returned images would come back in the next set.
            Assignment.objects.filter(hand=hand).update(state="submitted", submitted_at=ClockTimestamp())
            settle_hand(worker=worker, hand_id=hand.public_id)
            time.sleep(self._pause)
        connection.close()


def over_leases(leases: int) -> tuple[Any, list[Any]]:
    """Create a project with this many leases that are over; return it, and workers who can claim more."""
    from django.db import connection

    from tests import factories
    from tests.benchmarks.many_tasks import a_big_project

    project = a_big_project(tasks=2 * leases, behind=0, veteran=factories.wren())
    params = {
        "project": project.pk,
        "schema": project.schema_id,
        "blob": factories.a_blob().pk,
        "leases": leases,
        "size": SIZE,
    }
    with connection.cursor() as cursor:
        for step in (CROWD, STANDINGS, HANDS, ASSIGNMENTS, TAKEN, BATCHES_TAKEN):
            cursor.execute(step, params)
        cursor.execute("VACUUM ANALYZE")
    workers = [factories.a_worker(f"claimer{number}") for number in range(CLAIMERS)]
    for worker in workers:
        factories.admitted(project, worker)
    return project, workers


def report(leases: int) -> Iterator[str]:
    from django.db import connection

    from tasks.assignment.models import Assignment
    from tasks.flow import expiry
    from tests.benchmarks.claims import machine, spread

    yield machine()
    start = time.perf_counter()
    project, workers = over_leases(leases)
    yield f"{leases:,} expired leases of {leases // SIZE:,} sets, written in {time.perf_counter() - start:.0f} s"
    with Claims(project, workers) as before:
        time.sleep(QUIET_SECONDS)
    yield f"  claims of {CLAIMERS} workers before      {spread(before.seconds)}   ({len(before.seconds):,})"
    longest: list[float] = []
    for name in ("_expire", "settle_if_over"):
        setattr(expiry, name, noting(getattr(expiry, name), longest))
    half = leases // 2
    rest = Assignment.objects.filter(state="leased").order_by("expires_at").values_list("expires_at", flat=True)[half]
    later = Assignment.objects.filter(state="leased", expires_at__gte=rest)
    for sweeps in (1, 2):
        if sweeps == 1:
            move(connection, "+ interval '1 day'", rest)
        else:
            move(connection, "- interval '1 day'", rest)
        waiting = Assignment.objects.filter(state="leased", expires_at__lte=database_now()).count()
        with Claims(project, workers) as meanwhile:
            counts, took = timed(partial(at_once, sweeps, partial(expiry._expire_all, until=float("inf"))))
        assert sum(counts) == waiting, counts
        how = "one sweep" if sweeps == 1 else f"two sweeps at once, {counts[0]:,} and {counts[1]:,}"
        most = f"the longest transaction {max(longest) * 1000:.0f} ms"
        yield f"  {waiting:,} leases expire in {took:.1f} s ({how}), {most}"
        yield f"  claims meanwhile              {spread(meanwhile.seconds)}   ({len(meanwhile.seconds):,})"
    assert not later.exists()
    with Claims(project, workers) as meanwhile:
        settled, took = timed(lambda: expiry.settle_expired_hands(seconds=60))
    most = f"the longest transaction {max(longest) * 1000:.0f} ms"
    yield f"  {settled:,} of {leases // SIZE:,} sets settle in {took:.1f} s, {most}"
    yield f"  claims meanwhile              {spread(meanwhile.seconds)}   ({len(meanwhile.seconds):,})"
    yield f"the longest transaction is {'within' if max(longest) <= TARGET else 'above'} {TARGET:.0f} s"


def move(connection: Any, by: str, since: Any) -> None:
    """Have the later half of the leases end tomorrow, or in the past again."""
    with connection.cursor() as cursor:
        for table in ("tasks_assignment", "tasks_hand"):
            state = "leased" if table == "tasks_assignment" else "live"
            cursor.execute(
                f"UPDATE {table} SET expires_at = expires_at {by}"
                f" WHERE state = '{state}' AND worker_id IN (SELECT id FROM accounts_actor WHERE label = 'gone')"
                " AND expires_at >= %s",
                [since],
            )
        cursor.execute("VACUUM ANALYZE tasks_assignment, tasks_hand")


def database_now() -> Any:
    from kernel.clock import database_now as now

    return now()


def at_once(number: int, call: Callable[[], int]) -> list[int]:
    from tests.concurrency_helpers import together

    results = together(*[call] * number) if number > 1 else [call()]
    assert all(isinstance(each, int) for each in results), results
    return results


def noting(function: Any, longest: list[float]) -> Any:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        result, seconds = timed(lambda: function(*arguments, **options))
        longest.append(seconds)
        return result

    return wrapped


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.benchmarks.claims import a_database

    line = ""
    with a_database():
        # Its threads work without requests, so every event would be logged.
        logging.disable(logging.INFO)
        for line in report(int(sys.argv[1]) if len(sys.argv) > 1 else LEASES):
            print(line, flush=True)
    return 0 if "within" in line else 1


if __name__ == "__main__":
    raise SystemExit(main())
