"""Void very many answers of a worker: `python tests/benchmarks/repair.py [answers]`, 50,000 by default.

Starts a temporary PostgreSQL with a project of twice as many tasks, of which the worker has answered the first half:
half of these have two more answers and an approved label, which stays or changes; the others have one more, and are
labeled again. Prints how long the preview, the repair and its undo take, in how many transactions, the longest of
these, in which locks are held, and how long claims take before and meanwhile. Ends with status 1 if a transaction takes
over a second.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ANSWERS = 50_000
CLAIMERS = 4
QUIET_SECONDS = 10.0
#: Seconds between two sets of a worker: there are enough tasks for half an hour.
PAUSE = 0.5
#: Seconds that a transaction may hold its locks.
TARGET = 1.0

# A second worker has answered all of these tasks, and a third one every other.
HANDS = """
INSERT INTO tasks_hand (public_id, project_id, worker_id, state, size, created_at, expires_at, settled_at)
SELECT gen_random_uuid(), %(project)s, %(worker)s, 'settled', 10, now(), now(), now()
FROM generate_series(1, %(answers)s / 10)
"""
ASSIGNMENTS = """
WITH had AS (
    SELECT t.id, row_number() OVER (ORDER BY t.id) AS n FROM tasks_task t
    WHERE t.project_id = %(project)s AND t.taken > 0 AND t.id %% %(every)s = 0
), hands AS (
    SELECT id, row_number() OVER (ORDER BY id) AS n FROM tasks_hand WHERE worker_id = %(worker)s
)
INSERT INTO tasks_assignment (public_id, project_id, hand_id, worker_id, task_id, round, position, state, counts, late,
    schema_id, rendition_id, width, height, price, leased_at, expires_at, closed_at, submitted_at)
SELECT gen_random_uuid(), %(project)s, hands.id, %(worker)s, had.id, 1, (had.n - 1) %% 10 + 1, 'submitted', true, false,
    %(schema)s, %(blob)s, 640, 480, 0.02, now(), now(), now(), now()
FROM had JOIN hands ON hands.n = (had.n - 1) / 10 + 1
"""
ANNOTATIONS = """
INSERT INTO tasks_annotation (public_id, project_id, assignment_id, task_id, actor_id, source, schema_id, revision,
    is_current, body, body_sha256, raw_sha256, created_at)
SELECT gen_random_uuid(), %(project)s, a.id, a.task_id, a.worker_id, 'worker', %(schema)s, 1, true,
    (%(bodies)s::jsonb[])[a.answer], (%(hashes)s::text[])[a.answer], (%(hashes)s::text[])[a.answer], now()
FROM (
    SELECT id, task_id, worker_id, CASE WHEN worker_id = %(bad)s THEN 1 + (id %% 2)::int ELSE 1 END AS answer
    FROM tasks_assignment WHERE project_id = %(project)s
) a
"""
FINISHED = """
UPDATE tasks_task t SET taken = n.answers, wanted = n.answers,
    state = CASE n.answers WHEN 3 THEN 'approved' ELSE 'answered' END
FROM (SELECT task_id, count(*) AS answers FROM tasks_assignment WHERE project_id = %(project)s GROUP BY task_id) n
WHERE n.task_id = t.id
"""
LABELS = """
INSERT INTO tasks_consensuslabel (public_id, project_id, task_id, version, is_current, body, content_hash, method,
    confidence, evidence, created_at)
SELECT gen_random_uuid(), %(project)s, n.task_id, 1, true, (%(bodies)s::jsonb[])[1], (%(hashes)s::text[])[1], 'blend',
    0.9, jsonb_build_object('version', 1, 'round', 1, 'n', count(*), 'answers',
        jsonb_agg(jsonb_build_object('worker', w.public_id, 'annotation', n.public_id, 'weight', 0.8))), now()
FROM tasks_annotation n JOIN accounts_actor w ON w.id = n.actor_id WHERE n.project_id = %(project)s GROUP BY n.task_id
"""
POSTERIORS = """
INSERT INTO tasks_posterior (task_id, project_id, answers, body, confidence, state_version, updated_at)
SELECT id, project_id, taken, '{"class": {"1": 0.9, "2": 0.1}}', 0.9, 0, now() FROM tasks_task
WHERE project_id = %(project)s AND state IN ('answered', 'approved')
"""
REVIEWS = """
INSERT INTO tasks_review (public_id, project_id, task_id, label_id, label_hash, reviewer_id, verdict, reason, by_policy,
    is_current, created_at)
SELECT gen_random_uuid(), l.project_id, l.task_id, l.id, l.content_hash, %(manager)s, 'approve', '', true, true, now()
FROM tasks_consensuslabel l JOIN tasks_task t ON t.id = l.task_id AND t.state = 'approved'
"""
BATCHES = """
UPDATE tasks_batch b SET wanted = n.wanted, taken = n.taken
FROM (SELECT batch_id, sum(wanted) AS wanted, sum(taken) AS taken FROM tasks_task GROUP BY batch_id) n
WHERE n.batch_id = b.id
"""


def a_worked_project(answers: int) -> tuple[Any, Any, list[Any]]:
    """Create the project; return it with the worker whose answers are voided, and workers who can claim."""
    from django.db import connection

    from annotary_core.labels.answer import Answer
    from annotary_core.labels.canonical import content_hash
    from projects.models import Project
    from tests import factories
    from tests.benchmarks.many_tasks import CHECKED, UNCHECKED, a_big_project

    bad, good, better = (factories.a_worker(name) for name in ("bad", "good", "better"))
    project = a_big_project(tasks=2 * answers, behind=answers, veteran=bad)
    Project.objects.filter(pk=project.pk).update(answers_min=2, answers_max=2)
    project.refresh_from_db()
    bodies = [factories.class_answer(number) for number in (1, 2)]
    params: dict[str, Any] = {
        "project": project.pk,
        "schema": project.schema_id,
        "blob": factories.a_blob().pk,
        "answers": answers,
        "bodies": [json.dumps(body) for body in bodies],
        "hashes": [content_hash(Answer.from_json(body)) for body in bodies],
        "bad": bad.pk,
        "manager": factories.ada().pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(UNCHECKED)
        for worker, every in ((good, 1), (better, 2)):
            factories.admitted(project, worker)
            for step in (HANDS, ASSIGNMENTS):
                cursor.execute(step, params | {"worker": worker.pk, "every": every})
        for step in (ANNOTATIONS, FINISHED, LABELS, POSTERIORS, REVIEWS, BATCHES):
            cursor.execute(step, params)
        cursor.execute(CHECKED)
        cursor.execute("VACUUM ANALYZE")
    claimers = [factories.a_worker(f"claimer{number}") for number in range(CLAIMERS)]
    for worker in claimers:
        factories.admitted(project, worker)
    return project, bad, claimers


def report(answers: int) -> Iterator[str]:
    from tasks.flow import repair, repair_steps, repair_undo
    from tasks.flow.repair_preview import preview_repair, preview_undo
    from tasks.repair.models import Repair
    from tests import factories
    from tests.benchmarks.claims import machine, spread
    from tests.benchmarks.leases import Claims, noting, timed

    yield machine()
    (project, bad, claimers), took = timed(lambda: a_worked_project(answers))
    yield f"{answers:,} answers of one worker in a project of {2 * answers:,} tasks, written in {took:.0f} s"
    with Claims(project, claimers, pause=PAUSE) as before:
        time.sleep(QUIET_SECONDS)
    yield f"  claims of {CLAIMERS} workers before      {spread(before.seconds)}   ({len(before.seconds):,})"
    longest: list[float] = []
    for module, name in (
        (repair_steps, "void_some"),
        (repair_steps, "_mark_updated"),
        (repair_undo, "restore_some"),
        (repair, "_mark_releases"),
        (repair, "start_repair"),
        (repair, "undo_repair"),
    ):
        setattr(module, name, noting(getattr(module, name), longest))
    from tasks.consensus import services

    services._update_chunk = noting(services._update_chunk, longest)
    preview, took = timed(lambda: preview_repair(project=project, worker=bad))
    yield f"  the preview of {preview.answers:,} answers takes {took:.1f} s: {preview.reopened:,} images open again"
    by: dict[str, Any] = {"by": factories.ada(), "reason": "Random answers."}
    worst = 0.0

    def measured(name: str, begin: Any) -> Iterator[str]:
        nonlocal worst
        longest.clear()
        row, first = timed(begin)
        with Claims(project, claimers, pause=PAUSE) as meanwhile:
            _, took = timed(lambda: repair.run_repair(repair_id=row.pk))
        row.refresh_from_db()
        yield f"  {name} is in force after {first * 1000:.0f} ms, and done with {row.done:,} images in {took:.0f} s"
        yield f"  {len(longest):,} transactions, the longest {max(longest) * 1000:.0f} ms"
        yield f"  claims meanwhile              {spread(meanwhile.seconds)}   ({len(meanwhile.seconds):,})"
        worst = max(worst, *longest)

    yield from measured("the repair", lambda: repair.start_repair(project=project, worker=bad, **by))
    done = Repair.objects.get()
    undo, took = timed(lambda: preview_undo(repair=done))
    yield f"  the preview of the undo of {undo.answers:,} answers takes {took:.1f} s"
    yield from measured("the undo", lambda: repair.undo_repair(repair=done, **by))
    yield f"the longest transaction is {'within' if worst <= TARGET else 'above'} {TARGET:.0f} s"


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tests.benchmarks.claims import a_database

    line = ""
    with a_database():
        # Its threads work without requests, so every event would be logged.
        logging.disable(logging.INFO)
        for line in report(int(sys.argv[1]) if len(sys.argv) > 1 else ANSWERS):
            print(line, flush=True)
    return 0 if "within" in line else 1


if __name__ == "__main__":
    raise SystemExit(main())
