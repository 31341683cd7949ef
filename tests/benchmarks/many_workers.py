"""Measure claims of very many workers: `python tests/benchmarks/many_workers.py`; about two minutes.

First, the last hundred tasks of a project with 20,000, wanted by a thousand workers who claim at once through 32
connections: how long those wait who get one, and those who do not. Then the time to claim a set of ten in a project
with 20 workers and with 100,000 workers.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from structlog.contextvars import bind_contextvars

CONNECTIONS = 32
WORKERS_AT_THE_END, LAST_TASKS = 1_000, 100
TASKS = 20_000
CLAIMS = 300
CLAIMING = 20

LAST_OPEN = """
UPDATE tasks_task SET wanted = 1, taken = CASE WHEN id = ANY(ARRAY(
    SELECT id FROM tasks_task WHERE project_id = %(project)s ORDER BY random() LIMIT %(count)s)) THEN 0 ELSE 1 END
WHERE project_id = %(project)s
"""
BATCH_SUMS = """
UPDATE tasks_batch b SET wanted = t.wanted, taken = t.taken
FROM (SELECT batch_id, sum(wanted) AS wanted, sum(taken) AS taken FROM tasks_task GROUP BY batch_id) t
WHERE b.id = t.batch_id
"""


def admit_many(project: Any, count: int) -> list[Any]:
    """Create workers of the project in bulk; return their users."""
    from accounts.models import Actor, Membership, Role, User
    from tasks.standing.models import Standing

    tag = secrets.token_hex(4)
    actors = Actor.objects.bulk_create([Actor(kind=Actor.Kind.PERSON) for _ in range(count)], batch_size=5000)
    users = [
        User(actor=actor, email=f"{tag}-{number}@crowd.example", password="!") for number, actor in enumerate(actors)
    ]
    organisation = project.organisation_id
    members = [Membership(organisation_id=organisation, actor=actor, role=Role.WORKER) for actor in actors]
    Membership.objects.bulk_create(members, batch_size=5000)
    Standing.objects.bulk_create([Standing(project=project, worker=actor) for actor in actors], batch_size=5000)
    return User.objects.bulk_create(users, batch_size=5000)


def leave_tasks_open(project: Any, count: int) -> None:
    """Let all but `count` tasks of the project have their answers; each of these wants one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(LAST_OPEN, {"project": project.pk, "count": count})
        cursor.execute(BATCH_SUMS)
        cursor.execute("VACUUM ANALYZE")


def claim_at_once(project: Any, workers: list[Any]) -> tuple[list[float], list[float], float]:
    """Return the seconds of claims that got a set, of those that did not, and of all together."""
    from django.db import connection

    from tasks.assignment.services import claim_hand

    got: list[float] = []
    nothing: list[float] = []
    start = threading.Barrier(CONNECTIONS + 1)

    def run(mine: list[Any]) -> None:
        bind_contextvars(request_id="benchmark")  # events without a request are logged
        connection.ensure_connection()
        start.wait()
        for worker in mine:
            before = time.perf_counter()
            hand = claim_hand(worker=worker, project=project)
            (nothing if hand is None else got).append(time.perf_counter() - before)
        connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        running = [pool.submit(run, workers[number::CONNECTIONS]) for number in range(CONNECTIONS)]
        start.wait()
        before = time.perf_counter()
        for each in running:
            each.result()
    return got, nothing, time.perf_counter() - before


def the_end_of_a_project() -> Iterator[str]:
    from django.db.models import Sum

    from projects.models import Project
    from tasks.batching.models import Task
    from tests import factories
    from tests.benchmarks.claims import spread
    from tests.benchmarks.many_tasks import a_big_project

    project = a_big_project(tasks=TASKS, behind=0, veteran=factories.wren())
    Project.objects.filter(pk=project.pk).update(hand_size=1, gold_rate=0)
    workers = [user.actor for user in admit_many(project, WORKERS_AT_THE_END)]
    leave_tasks_open(project, LAST_TASKS)
    got, nothing, seconds = claim_at_once(project, workers)
    left = Task.objects.filter(project=project).aggregate(left=Sum("wanted") - Sum("taken"))["left"]
    yield (
        f"{WORKERS_AT_THE_END:,} workers want the last {LAST_TASKS} of {TASKS:,} tasks, {CONNECTIONS} connections:"
        f" {len(got)} got one, {len(nothing)} none, {left} left, in {seconds:.2f} s"
    )
    yield f"  who got one            {spread(got)}   max {max(got) * 1000:5.2f} ms"
    yield f"  who got none           {spread(nothing)}   max {max(nothing) * 1000:5.2f} ms"


def many_admitted(counts: list[int]) -> Iterator[str]:
    from django.db import connection

    from tests import factories
    from tests.benchmarks.claims import measure_claims, spread
    from tests.benchmarks.many_tasks import a_big_project

    project = a_big_project(tasks=TASKS, behind=0, veteran=factories.wren())
    admitted, first = 0, 0.0
    for count in counts:
        claiming = [user.actor for user in admit_many(project, count - admitted)[-CLAIMING:]]
        admitted = count
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        measure_claims(project, claiming, CLAIMING)
        _, statements, _ = measure_claims(project, claiming, CLAIMS)
        median = statistics.median(statements)
        first = first or median
        yield f"Claiming a set of ten, {count:>7,} workers: {spread(statements)}   {median / first:.2f} times"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=100_000, help="workers admitted to the second project")
    chosen = parser.parse_args()
    from tests.benchmarks.claims import a_database, machine

    with a_database():
        bind_contextvars(request_id="benchmark")
        print(machine(), flush=True)
        for lines in (the_end_of_a_project(), many_admitted([CLAIMING, chosen.workers])):
            for line in lines:
                print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
