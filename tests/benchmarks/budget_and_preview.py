"""Time previews of a policy and claims within a budget: `python tests/benchmarks/budget_and_preview.py [tasks]`.

Writes a project with a million tasks in a temporary PostgreSQL, 60% of them approved and 30% answered, and prints the
time of previews; then the sets that eight workers claim a second without a budget, with one, and near its end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

MILLION = 1_000_000
CLAIMERS, SETS = 8, 40

FINISHED = """
UPDATE tasks_task t SET taken = 3, state = CASE WHEN b.number <= %(approved)s THEN 'approved' ELSE 'answered' END
FROM tasks_batch b WHERE b.id = t.batch_id AND b.project_id = %(project)s AND b.number <= %(answered)s;
UPDATE tasks_batch b SET taken = b.wanted, state = CASE WHEN b.number <= %(approved)s THEN 'approved' ELSE 'open' END
WHERE b.project_id = %(project)s AND b.number <= %(answered)s;
INSERT INTO tasks_consensuslabel (public_id, project_id, task_id, version, is_current, body, content_hash, method,
    confidence, evidence)
SELECT gen_random_uuid(), t.project_id, t.id, 1, true, '{}', '',
    CASE WHEN t.id %% 10 = 0 THEN 'review' ELSE 'blend' END, 0.7, '{}'
FROM tasks_task t WHERE t.project_id = %(project)s AND t.state <> 'open';
INSERT INTO tasks_posterior (task_id, project_id, answers, body, confidence, state_version)
SELECT t.id, t.project_id, 3, '{"class": {"1": 0.7, "2": 0.3}}', 0.7, 0
FROM tasks_task t WHERE t.project_id = %(project)s AND t.state <> 'open';
ANALYZE tasks_task, tasks_batch, tasks_consensuslabel, tasks_posterior;
"""


def report(tasks: int) -> Iterator[str]:
    from django.db import connection

    from tests import factories
    from tests.benchmarks.claims import machine
    from tests.benchmarks.many_tasks import BATCH_SIZE, CHECKED, UNCHECKED, a_big_project

    yield machine()
    veteran = factories.wren()
    project = a_big_project(tasks=tasks, behind=0, veteran=veteran)
    for number in range(CLAIMERS):
        factories.admitted(project, factories.a_worker(f"claimer{number}"))
    batches = tasks // BATCH_SIZE
    with connection.cursor() as cursor:
        cursor.execute(UNCHECKED)
        params = {"project": project.pk, "approved": batches * 6 // 10, "answered": batches * 9 // 10}
        cursor.execute(FINISHED, params)
        cursor.execute(CHECKED)
    project.refresh_from_db()
    yield from _previews(project)
    yield from _claims(project)


def _previews(project: Any) -> Iterator[str]:
    from tasks.flow.policy_preview import preview_policy

    for name, changes in (
        ("a higher minimum", {"answers_min": 4}),
        ("a higher maximum", {"answers_max": 7, "confidence_target": 0.95}),
        ("a lower minimum", {"answers_min": 2}),
    ):
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            preview = preview_policy(project=project, changes=changes)
            seconds.append(time.perf_counter() - start)
        groups = {group: (each.images, each.answers) for group, each in preview.groups.items()}
        yield f"preview of {name}: {min(seconds):.2f} s, estimated: {preview.is_estimate}, {groups}"


def _claims(project: Any) -> Iterator[str]:
    from projects.models import Project
    from tasks.assignment.budget import committed

    for name, budget in (("no budget", None), ("a budget", Decimal(1_000_000)), ("near its end", Decimal(150))):
        limit = None if budget is None else committed(project=project) + budget
        Project.objects.filter(pk=project.pk).update(budget=limit)
        seconds, waits = _claim_at_once(project)
        waits.sort()
        yield (
            f"claims with {name}: {CLAIMERS * SETS / seconds:.0f} sets/s by {CLAIMERS} at once,"
            f" p50 {waits[len(waits) // 2] * 1000:.1f} ms, p99 {waits[len(waits) * 99 // 100] * 1000:.1f} ms"
        )


def _claim_at_once(project: Any) -> tuple[float, list[float]]:
    from tasks.assignment.models import Assignment, Hand
    from tasks.assignment.services import claim_hand
    from tests import factories
    from tests.concurrency_helpers import together

    def work(worker: Any) -> list[float]:
        waits = []
        for _ in range(SETS):
            start = time.perf_counter()
            hand = claim_hand(worker=worker, project=project)
            waits.append(time.perf_counter() - start)
            assert hand is not None
            Assignment.objects.filter(hand=hand).update(state="submitted", submitted_at=hand.created_at)
            Hand.objects.filter(pk=hand.pk).update(state="settled", settled_at=hand.created_at)
        return waits

    crowd = [factories.a_worker(f"claimer{number}") for number in range(CLAIMERS)]
    start = time.perf_counter()
    results = together(*[lambda worker=worker: work(worker) for worker in crowd])
    waits = [wait for each in results for wait in each]
    return time.perf_counter() - start, waits


def main() -> int:
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "platform")]
    from tests.benchmarks.claims import a_database

    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else MILLION
    with a_database():
        for line in report(tasks):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
