"""Measure "any work": `python tests/benchmarks/any_project.py [projects] [workers]`, 500 and 100,000 by default.

Starts a temporary PostgreSQL, writes the projects with their batches and standings, and prints the time to claim a set
in any project: for a worker of one project, of all of them, of all but nearly all exhausted or capped, and with all
limits; then the plans of the query that finds candidates. About two minutes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.benchmarks.claims import ServerTime, StatementTime, a_database, machine, spread

PROJECTS = 500
WORKERS = 100_000
# With another one in each project, 1,000 batches of 50: who has exhausted them has given 50,000 answers.
BATCHES = 1
TASKS = 10
CLAIMS = 100

# With 500 projects, each worker is in five of them.
STANDINGS = """
INSERT INTO tasks_standing (project_id, worker_id, state, reason, returns, qualifications, created_at, changed_at)
SELECT p.id, a.id, 'active', '', 0, '{}', now(), now()
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM projects_project) p
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM accounts_actor WHERE label = 'many') a
    ON mod(a.n, 100) = mod(p.n, 100)
"""
ACTORS = """
INSERT INTO accounts_actor (public_id, kind, label, created_at)
SELECT gen_random_uuid(), 'person', 'many', now() FROM generate_series(1, %(workers)s)
"""
BATCH_ROWS = """
INSERT INTO tasks_batch (public_id, project_id, number, state, priority, wanted, taken, generation, created_at)
SELECT gen_random_uuid(), p.id, n + 1000, 'open', 0, 150, 0, 1, now()
FROM projects_project p, generate_series(1, %(batches)s) n
"""
EXHAUSTED = """
INSERT INTO tasks_exhaustion (project_id, batch_id, worker_id, generation)
SELECT b.project_id, b.id, %(worker)s, b.generation FROM tasks_batch b
WHERE b.project_id <> %(but)s
"""
ANALYZE = """
ANALYZE tasks_batch, tasks_task, tasks_standing, tasks_exhaustion, tasks_hand, projects_project, accounts_actor,
    accounts_membership
"""


def write(projects: int, workers: int) -> tuple[list[Any], dict[str, Any]]:
    """Write the rows; return the projects, and the workers by what they are."""
    from django.db import connection

    from tests import factories

    kinds = {name: factories.a_worker(name) for name in ("one", "all", "exhausted", "capped", "limited")}
    many = [worker for name, worker in kinds.items() if name != "one"]
    rows = [factories.a_project(f"Project {n}", workers=many, gold_rate=0.1, hand_size=10) for n in range(projects)]
    factories.admitted(rows[0], kinds["one"])
    for project in rows:
        factories.some_tasks(project, TASKS, wanted=2000)
    with connection.cursor() as cursor:
        cursor.execute(ACTORS, {"workers": workers})
        cursor.execute(STANDINGS)
        cursor.execute(BATCH_ROWS, {"batches": BATCHES})
        cursor.execute(EXHAUSTED, {"worker": kinds["exhausted"].pk, "but": rows[-1].pk})
        cursor.execute(ANALYZE)
    return rows, kinds


def measure(worker: Any, claims: int, prepare: Callable[[], Any]) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of claims in any project: server CPU, statements, whole call."""
    from django.db import connection

    from tasks.assignment.models import Assignment, Hand
    from tasks.flow.claim_any import claim_any

    server, on_server, in_database, whole_call = ServerTime(), [], [], []
    for _ in range(claims):
        prepare()
        statements = StatementTime()
        before, start = server.now(), time.perf_counter()
        with connection.execute_wrapper(statements):
            claimed = claim_any(worker=worker)
        whole_call.append(time.perf_counter() - start)
        on_server.append(server.now() - before)
        in_database.append(statements.seconds)
        assert claimed is not None
        assert claimed.fresh
        # As if nothing had been claimed: each claim finds the same rows.
        Assignment.objects.filter(hand=claimed.hand).delete()
        Hand.objects.filter(pk=claimed.hand.pk).delete()
    return on_server, in_database, whole_call


def plan(worker: Any) -> Iterator[str]:
    from django.db import connection

    from tasks.flow.claim_any import SELECT_CANDIDATES

    params = {"worker": worker.pk, "organisation_id": None, "seed": 1, "tried": []}
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {SELECT_CANDIDATES}", params)
        yield from (f"  {row[0]}" for row in cursor.fetchall())


def report(projects: int, workers: int) -> Iterator[str]:
    from accounts.models import Organisation
    from projects.models import Project
    from tasks.standing.models import Standing

    yield machine()
    start = time.perf_counter()
    rows, kinds = write(projects, workers)
    standings = Standing.objects.count()
    seconds = time.perf_counter() - start
    yield f"{projects} projects, {workers:,} workers, {standings:,} standings, written in {seconds:.0f} s"
    everywhere = Project.objects.all()

    def nothing() -> None:
        pass

    cases: dict[str, tuple[Any, dict[str, Any], int]] = {
        "of 1 project": (kinds["one"], {}, 0),
        f"of {projects} projects": (kinds["all"], {}, 0),
        f"of {projects}, {projects - 1} exhausted": (kinds["exhausted"], {}, 0),
        f"of {projects}, all limits": (kinds["limited"], {"images_per_day": 10**6, "share_per_worker": 0.9}, 5),
    }
    yield "Claiming a set of ten in any project, by a worker"
    for name, (worker, policy, live_sets) in cases.items():
        everywhere.update(**({"images_per_day": 0, "share_per_worker": 1} | policy))
        Organisation.objects.update(live_sets=live_sets)
        measure(worker, 20, nothing)
        figures = zip(("server CPU", "statements", "whole call"), measure(worker, CLAIMS, nothing), strict=True)
        for what, values in figures:
            yield f"  {name:<28} {what:<12} {spread(values)}"
    everywhere.update(images_per_day=10, share_per_worker=1)
    Standing.objects.filter(worker=kinds["capped"]).exclude(project=rows[-1]).update(
        images_today=10, images_day=_today()
    )
    last = Standing.objects.filter(worker=kinds["capped"], project=rows[-1])
    capped = measure(kinds["capped"], CLAIMS, lambda: last.update(images_today=0))
    for what, values in zip(("server CPU", "statements", "whole call"), capped, strict=True):
        yield f"  {f'of {projects}, {projects - 1} capped':<28} {what:<12} {spread(values)}"
    yield "Candidates of the worker of all projects, and of the one who has exhausted all but one:"
    yield from plan(kinds["all"])
    yield ""
    yield from plan(kinds["exhausted"])


def _today() -> Any:
    from datetime import UTC

    from kernel.clock import database_now

    return database_now().astimezone(UTC).date()


def main() -> int:
    projects, workers = (int(number) for number in (*sys.argv[1:], *(str(PROJECTS), str(WORKERS))[len(sys.argv) - 1 :]))
    with a_database():
        for line in report(projects, workers):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
