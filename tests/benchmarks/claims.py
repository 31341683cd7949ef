"""Measure claims: `python tests/benchmarks/claims.py [tasks]`, a million by default; about three minutes.

Starts a temporary PostgreSQL, writes the tasks, and prints the time to claim a set of ten, for new workers and for one
with 50,000 completed tasks, and the overhead of the services over their own statements.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MILLION = 1_000_000
BEHIND = 50_000
CLAIMS = 300
PAIRS = 400
BEGINNERS = 20


class ServerTime:
    """CPU seconds of this connection's server process, which do not increase on a busy machine."""

    def __init__(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self._file = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def now(self) -> float:
        return int(self._file.read_text().split()[0]) / 1e9


class StatementTime:
    """Seconds spent in statements as seen by the client: network, planning and execution."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - start


def spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[int(len(ordered) * 0.95)]
    return f"p50 {statistics.median(ordered) * 1000:5.2f} ms   p95 {p95 * 1000:5.2f} ms"


def machine() -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
    # A busy machine makes all figures worse, so the load is printed with them.
    cores = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
    return f"{cores}, {platform.machine()}, PostgreSQL {version}, Python {platform.python_version()}"


def measure_claims(project: Any, workers: list[Any], claims: int) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of claims by these workers in turn: server CPU, statements, whole call."""
    from django.db import connection

    from kernel.clock import ClockTimestamp
    from tasks.assignment.models import Assignment
    from tasks.assignment.services import claim_hand
    from tasks.flow.settlement import settle_hand

    server, on_server, in_database, whole_call = ServerTime(), [], [], []
    for number in range(claims):
        worker = workers[number % len(workers)]
        statements = StatementTime()
        before, start = server.now(), time.perf_counter()
        with connection.execute_wrapper(statements):
            hand = claim_hand(worker=worker, project=project)
        whole_call.append(time.perf_counter() - start)
        on_server.append(server.now() - before)
        in_database.append(statements.seconds)
        assert hand is not None
        assert hand.size == 10
        # As answered, though without answers: returned images would come back in the next set.
        Assignment.objects.filter(hand=hand).update(state=Assignment.State.SUBMITTED, submitted_at=ClockTimestamp())
        settle_hand(worker=worker, hand_id=hand.public_id)
    return on_server, in_database, whole_call


def measure_pairs(project: Any, worker: Any) -> tuple[float, float]:
    """Return the median seconds to claim and submit one image: by the services, and by their statements alone."""
    from tasks.annotation.services import submit_answer
    from tasks.assignment.models import Assignment
    from tasks.assignment.services import claim_hand
    from tasks.flow.settlement import settle_hand
    from tests import factories
    from tests.benchmarks.raw_pair import RawPair

    body = factories.class_answer(1)
    services, raw = [], []
    pair = RawPair(project=project, worker=worker, body=body)
    for _ in range(PAIRS):
        start = time.perf_counter()
        hand = claim_hand(worker=worker, project=project)
        assert hand is not None
        lease = Assignment.objects.get(hand=hand)
        submit_answer(worker=worker, assignment_id=lease.public_id, raw=body, raw_sha256="0" * 64)
        services.append(time.perf_counter() - start)
        settle_hand(worker=worker, hand_id=hand.public_id)
        start = time.perf_counter()
        hand_id = pair.run()
        raw.append(time.perf_counter() - start)
        settle_hand(worker=worker, hand_id=hand_id)
    return statistics.median(services), statistics.median(raw)


def report(tasks: int) -> Iterator[str]:
    from projects.models import Project
    from tests import factories
    from tests.benchmarks.many_tasks import a_big_project

    yield machine()
    start = time.perf_counter()
    veteran = factories.wren()
    project = a_big_project(tasks=tasks, behind=min(BEHIND, tasks // 2), veteran=veteran)
    beginners = [factories.a_worker(f"beginner{number}") for number in range(BEGINNERS)]
    for worker in beginners:
        factories.admitted(project, worker)
    yield f"{tasks:,} tasks in {tasks // 50:,} open batches, written in {time.perf_counter() - start:.0f} s"
    yield "Claiming a set of ten (9 images and 1 check image):"
    for name, workers in (("new workers", beginners), (f"{BEHIND:,} tasks completed", [veteran])):
        measure_claims(project, workers, 20)
        figures = zip(("server CPU", "statements", "whole call"), measure_claims(project, workers, CLAIMS), strict=True)
        for what, seconds in figures:
            yield f"  {name:<22} {what:<20} {spread(seconds)}"
    Project.objects.filter(pk=project.pk).update(hand_size=1, gold_rate=0)
    services, raw = measure_pairs(project, beginners[0])
    yield "Claiming and submitting one image, one client:"
    yield f"  services {services * 1000:.2f} ms, their statements alone {raw * 1000:.2f} ms, ratio {services / raw:.2f}"


@contextmanager
def a_database() -> Iterator[None]:
    """Run a temporary database server with the tables of this checkout."""
    from annotary.runtime.temporary_stores import TemporaryStores

    stores = TemporaryStores()
    try:
        os.environ.update(stores.environment, DJANGO_SETTINGS_MODULE="annotary.settings.test")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield
    finally:
        stores.close()


def main() -> int:
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else MILLION
    with a_database():
        for line in report(tasks):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
