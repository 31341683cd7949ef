"""What it costs to settle a set: `python3 -m tests.benchmarks.settlement`; about two minutes.

Settling tests the worker's answers, with those of others to the same images. Prints the median time of settling a set
of ten for a worker without other answers and for one with many behind, in projects of several sizes, and the ratio to
the first line. Statements: as the client sees them.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tests.benchmarks.claims import StatementTime, a_database, machine, spread

SIZES = (60_000, 1_200_000)
SETS, WARM_UP, SET_SIZE = 60, 5, 10

# The answers of the generated project are in one hand a worker; people have them in hands of ten.
HANDS = """
WITH numbered AS MATERIALIZED (
    SELECT id, worker_id, (row_number() OVER (PARTITION BY worker_id ORDER BY task_id) - 1) / %(size)s AS number
    FROM tasks_assignment WHERE project_id = %(project)s
), made AS (
    INSERT INTO tasks_hand (public_id, project_id, worker_id, state, size, created_at, expires_at, settled_at)
    SELECT gen_random_uuid(), %(project)s, worker_id, 'settled', %(size)s, t.at, t.at, t.at
    FROM (SELECT DISTINCT worker_id, number FROM numbered) n, LATERAL (SELECT now() + number * interval '1 ms' AS at) t
    RETURNING id, worker_id
), ordered AS (
    SELECT id, worker_id, row_number() OVER (PARTITION BY worker_id ORDER BY id) - 1 AS number FROM made
)
UPDATE tasks_assignment a SET hand_id = o.id
FROM numbered n JOIN ordered o ON o.worker_id = n.worker_id AND o.number = n.number WHERE a.id = n.id
"""

# The newest batches get more answers to each of their tasks.
REOPENED = """
WITH batch AS (
    UPDATE tasks_batch SET wanted = wanted + 3 * %(tasks_of_a_batch)s
    WHERE id IN (SELECT id FROM tasks_batch WHERE project_id = %(project)s ORDER BY id DESC LIMIT %(batches)s)
    RETURNING id
)
UPDATE tasks_task t SET wanted = wanted + 3, state = 'open' FROM batch WHERE t.batch_id = batch.id
"""


def report(answers: int, medians: list[float]) -> Iterator[str]:
    from django.db import connection

    from accounts.models import Actor
    from projects.models import Project
    from tasks.assignment.models import Hand
    from tests import factories
    from tests.benchmarks.many_answers import WORKERS, a_project_with_answers
    from tests.benchmarks.many_tasks import BATCH_SIZE

    yield machine()
    project = a_project_with_answers(answers=answers, approved=0, blob=factories.a_blob())
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(HANDS, {"project": project.pk, "size": SET_SIZE})
        cursor.execute("SET session_replication_role = DEFAULT")
        batches = SETS * SET_SIZE // BATCH_SIZE * 2
        cursor.execute(REOPENED, {"project": project.pk, "batches": batches, "tasks_of_a_batch": BATCH_SIZE})
        cursor.execute("ANALYZE tasks_assignment, tasks_hand, tasks_task, tasks_batch")
    Project.objects.filter(pk=project.pk).update(hand_size=SET_SIZE, gold_rate=0)
    veteran = Actor.objects.get(
        pk=Hand.objects.filter(project=project).order_by("worker").values_list("worker", flat=True)[0]
    )
    newcomers = [factories.a_worker(f"new{number}") for number in range(SETS + WARM_UP)]
    for worker in newcomers:
        factories.admitted(project, worker)
    yield f"{answers:,} answers of {WORKERS} workers; settling a set of {SET_SIZE}:"
    for name, workers in (("first set", newcomers), (f"{answers // WORKERS:,} behind", [veteran])):
        statements, whole = settle_sets(project, workers)
        medians.append(statistics.median(statements) * 1000)
        yield f"  {name:<16} statements   {spread(statements)}   {medians[-1] / medians[0]:5.2f} times"
        yield f"  {'':<16} whole call   {spread(whole)}"


def settle_sets(project: Any, workers: Sequence[Any]) -> tuple[list[float], list[float]]:
    """Return the seconds of settling: in statements, and of the whole call."""
    from django.db import connection

    from tasks.annotation.services import submit_answer
    from tasks.assignment.models import Assignment
    from tasks.assignment.services import claim_hand
    from tasks.flow.settlement import settle_hand
    from tests import factories

    in_database, whole = [], []
    for number in range(SETS + WARM_UP):
        worker = workers[number % len(workers)]
        hand = claim_hand(worker=worker, project=project)
        assert hand is not None
        for lease in Assignment.objects.filter(hand=hand):
            body = factories.class_answer((lease.task_id or 0) % 5 + 1)
            submit_answer(worker=worker, assignment_id=lease.public_id, raw=body, raw_sha256="0" * 64)
        statements, start = StatementTime(), time.perf_counter()
        with connection.execute_wrapper(statements):
            settle_hand(worker=worker, hand_id=hand.public_id)
        whole.append(time.perf_counter() - start)
        in_database.append(statements.seconds)
    return in_database[WARM_UP:], whole[WARM_UP:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("answers", type=int, nargs="*", default=list(SIZES))
    medians: list[float] = []
    for answers in parser.parse_args().answers:
        with a_database():
            for line in report(answers, medians):
                print(line, flush=True)


if __name__ == "__main__":
    main()
