"""Measure claims: `python tests/benchmarks/claims.py [tasks ...]`, a million by default; about three minutes.

Starts a temporary PostgreSQL, writes the tasks, and prints the time to claim a set of ten, for new workers and for one
with 50,000 completed tasks, and the overhead of the services over their own statements. For several numbers of tasks,
`claims.py 10000 1000000 10000000`, it does so for each in a database of its own, and prints a table with the ratio of
each to the first; ten million tasks take ten minutes and 15 GB of disk. `--plan` prints how a claim is executed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

MILLION = 1_000_000
BEHIND = 50_000
CLAIMS = 300
PAIRS = 400
BEGINNERS = 20
#: What the design allows: the time of a claim in milliseconds, and how many times that of the smallest project.
MOST_MS, MOST_TIMES = 3.0, 1.5
NEW, VETERAN = "new workers", "many tasks completed"


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


def report(tasks: int, medians: dict[str, float], *, plan: bool = False) -> Iterator[str]:
    """Yield the lines of the report; `medians` gets the milliseconds of the statements, by kind of worker."""
    from projects.models import Project
    from tests import factories
    from tests.benchmarks.many_tasks import a_big_project

    yield machine()
    start, behind = time.perf_counter(), min(BEHIND, tasks // 2)
    veteran = factories.wren()
    project = a_big_project(tasks=tasks, behind=behind, veteran=veteran)
    beginners = [factories.a_worker(f"beginner{number}") for number in range(BEGINNERS)]
    for worker in beginners:
        factories.admitted(project, worker)
    yield f"{tasks:,} tasks in {tasks // 50:,} open batches, written in {time.perf_counter() - start:.0f} s"
    yield "Claiming a set of ten (9 images and 1 check image):"
    for name, workers in ((NEW, beginners), (VETERAN, [veteran])):
        shown = name if name is NEW else f"{behind:,} tasks completed"
        measure_claims(project, workers, 20)
        figures = dict(
            zip(("server CPU", "statements", "whole call"), measure_claims(project, workers, CLAIMS), strict=True)
        )
        medians[name] = statistics.median(figures["statements"]) * 1000
        for what, seconds in figures.items():
            yield f"  {shown:<22} {what:<20} {spread(seconds)}"
    if plan:
        for name, worker in ((NEW, beginners[0]), (VETERAN, veteran)):
            yield f"How a claim of {name} is executed:"
            yield from execution_plan(project, worker)
    Project.objects.filter(pk=project.pk).update(hand_size=1, gold_rate=0)
    services, raw = measure_pairs(project, beginners[0])
    yield "Claiming and submitting one image, one client:"
    yield f"  services {services * 1000:.2f} ms, their statements alone {raw * 1000:.2f} ms, ratio {services / raw:.2f}"


def execution_plan(project: Any, worker: Any) -> Iterator[str]:
    """The plan of the statement that claims from a batch, and the rows and pages that it read; nothing is claimed."""
    from django.db import connection, transaction

    from tasks.assignment import claiming

    gold = asdict(claiming.GoldPlaces(sites=0.1))
    who = {"project": project.pk, "worker": worker.pk, "count": 10, "most": 150, "chosen": [], "golds": [], **gold}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {claiming.CLAIM_FROM_BATCH}", who)
        yield from (f"    {row[0]}" for row in cursor.fetchall())
        transaction.set_rollback(True)


def compare(sizes: Sequence[int], medians: Mapping[int, Mapping[str, float]]) -> Iterator[str]:
    """A table of the medians of all sizes, with their ratios to the first."""
    yield f"Statements of a claim, p50; the targets are {MOST_MS:g} ms and {MOST_TIMES:g} times the first line:"
    for name in (NEW, VETERAN):
        for size in sizes:
            ms, times = medians[size][name], medians[size][name] / medians[sizes[0]][NEW]
            met = "" if ms <= MOST_MS and times <= MOST_TIMES else "   above a target"
            yield f"  {size:>12,} tasks, {name:<22} {ms:6.2f} ms {times:6.2f} times{met}"


@contextmanager
def a_database() -> Iterator[None]:
    """Run a temporary database server with the tables of this checkout."""
    from annotary.runtime.temporary_stores import TemporaryStores

    stores = TemporaryStores()
    try:
        os.environ.update(stores.environment, DJANGO_SETTINGS_MODULE="annotary.settings.test")
        os.environ.setdefault("ANNOTARY_LOG_LEVEL", "WARNING")  # events without a request are logged
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield
    finally:
        stores.close()


def measure(tasks: int, *, plan: bool) -> dict[str, float]:
    medians: dict[str, float] = {}
    with a_database():
        for line in report(tasks, medians, plan=plan):
            print(line, file=sys.stderr, flush=True)
    return medians


def measure_each(sizes: Sequence[int], *, plan: bool) -> Iterator[str]:
    """Measure each size in a process of its own, whose database is deleted when it ends."""
    medians: dict[int, dict[str, float]] = {}
    for size in sizes:
        command = [sys.executable, __file__, "--medians", str(size), *(["--plan"] if plan else [])]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        medians[size] = json.loads(done.stdout.splitlines()[-1])
    if len(sizes) > 1:
        yield from compare(sizes, medians)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", type=int, nargs="*", default=[MILLION])
    parser.add_argument("--plan", action="store_true", help="print how PostgreSQL executes a claim")
    parser.add_argument("--medians", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.medians:
        print(json.dumps(measure(chosen.tasks[0], plan=chosen.plan)))
        return 0
    for line in measure_each(chosen.tasks, plan=chosen.plan):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
