"""A project with very many settled answers and approved labels, generated inside the database in about a minute."""

from typing import Any

from django.db import connection

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from kernel.models import Stream
from projects.models import Project
from storage.models import Blob
from tests import factories
from tests.benchmarks.many_tasks import BATCH_SIZE, BATCHES, CHECKED, IMAGES, TASKS, UNCHECKED

CLASSES = ("cat", "dog", "fox", "owl", "hen")
ANSWERS = 3
WORKERS = 40

HANDS = """
INSERT INTO tasks_hand (public_id, project_id, worker_id, state, size, created_at, expires_at, settled_at)
SELECT gen_random_uuid(), %(project)s, worker, 'settled', 10, now(), now(), now()
FROM unnest(%(workers)s::bigint[]) worker
"""

ASSIGNMENTS = """
WITH numbered AS (
    SELECT id, row_number() OVER (ORDER BY id) AS n FROM tasks_task WHERE project_id = %(project)s
), hands AS (
    SELECT id, worker_id, row_number() OVER (ORDER BY worker_id) AS n FROM tasks_hand WHERE project_id = %(project)s
)
INSERT INTO tasks_assignment (public_id, project_id, hand_id, worker_id, task_id, round, position, state, counts, late,
    schema_id, rendition_id, width, height, price, leased_at, expires_at, closed_at, submitted_at)
SELECT gen_random_uuid(), %(project)s, hands.id, hands.worker_id, t.id, 1, 1, 'submitted', true, false,
    %(schema)s, %(blob)s, 640, 480, 0.02, now(), now(), now(), now()
FROM numbered t CROSS JOIN generate_series(0, %(wanted)s - 1) k
JOIN hands ON hands.n = (t.n * 7 + k * 11) %% %(people)s + 1
"""

# The true class of a task follows from its id. Workers are right in 55 to 95 of 100 answers, by their hand's id.
ANNOTATIONS = """
INSERT INTO tasks_annotation (public_id, project_id, assignment_id, task_id, actor_id, source, schema_id, revision,
    is_current, body, body_sha256, raw_sha256, created_at)
SELECT gen_random_uuid(), %(project)s, a.id, a.task_id, a.worker_id, 'worker', %(schema)s, 1, true,
    (%(bodies)s::jsonb[])[a.answer], (%(hashes)s::text[])[a.answer], (%(hashes)s::text[])[a.answer], now()
FROM (
    SELECT id, task_id, worker_id, CASE WHEN random() < 0.55 + (hand_id %% 40) / 100.0
        THEN task_id %% 5 + 1 ELSE floor(random() * 5)::int + 1 END AS answer
    FROM tasks_assignment WHERE project_id = %(project)s
) a
"""

LABELS = """
INSERT INTO tasks_consensuslabel (public_id, project_id, task_id, version, is_current, body, content_hash, method,
    confidence, evidence, created_at)
SELECT gen_random_uuid(), %(project)s, id, 1, true, (%(bodies)s::jsonb[])[id %% 5 + 1],
    (%(hashes)s::text[])[id %% 5 + 1], 'vote', 0.7, '{"round": 1, "method": "vote", "answers": []}', now()
FROM tasks_task WHERE project_id = %(project)s
"""

POSTERIORS = """
INSERT INTO tasks_posterior (task_id, project_id, answers, body, confidence, state_version, updated_at)
SELECT id, %(project)s, %(wanted)s, jsonb_build_object('objects', '{}'::jsonb,
    'class', jsonb_build_object((id %% 5 + 1)::text, 0.7)), 0.7, 0, now()
FROM tasks_task WHERE project_id = %(project)s
"""

REVIEWS = """
WITH approved AS (
    UPDATE tasks_task SET state = 'approved'
    WHERE id IN (SELECT id FROM tasks_task WHERE project_id = %(project)s ORDER BY id LIMIT %(approved)s) RETURNING id
)
INSERT INTO tasks_review (public_id, project_id, task_id, label_id, label_hash, reviewer_id, verdict, reason, by_policy,
    is_current, created_at)
SELECT gen_random_uuid(), %(project)s, l.task_id, l.id, l.content_hash, %(reviewer)s, 'approve', '', false, true, now()
FROM tasks_consensuslabel l JOIN approved ON approved.id = l.task_id
"""

ANSWERED = "UPDATE tasks_task SET state = 'answered', taken = wanted WHERE project_id = %(project)s"
FULL_BATCHES = "UPDATE tasks_batch SET taken = wanted WHERE project_id = %(project)s"
ANALYZE = """
ANALYZE tasks_image, tasks_batch, tasks_task, tasks_assignment, tasks_annotation, tasks_consensuslabel, tasks_posterior
"""


def a_project_with_answers(*, answers: int, approved: int, blob: Blob) -> Project:
    """Create an open project whose tasks have three answers each and a label; the first labels are approved."""
    workers = [factories.a_worker(f"crowd{number}") for number in range(WORKERS)]
    project = factories.a_project("Crowded", classes=CLASSES, answers_min=ANSWERS, answers_max=ANSWERS, workers=workers)
    params = _params(project, workers, answers // ANSWERS, approved, blob)
    steps = [
        IMAGES,
        BATCHES,
        TASKS,
        HANDS,
        ASSIGNMENTS,
        ANNOTATIONS,
        LABELS,
        POSTERIORS,
        ANSWERED,
        FULL_BATCHES,
        REVIEWS,
    ]
    with connection.cursor() as cursor:
        cursor.execute(UNCHECKED)
        for step in steps:
            cursor.execute(step, params)
        cursor.execute(CHECKED)
        cursor.execute(ANALYZE)
    Stream.objects.create(project_id=project.pk, totals={"settled": answers})
    return project


def add_tasks(project: Project, tasks: int, *, wanted: int = 1) -> None:
    """Add open tasks that want this many answers each."""
    params = {
        "project": project.pk,
        "dataset": project.dataset_id,
        "blob": factories.a_blob().pk,
        "tasks": tasks,
        "size": BATCH_SIZE,
        "wanted": wanted,
    }
    with connection.cursor() as cursor:
        for step in (IMAGES, BATCHES, TASKS, ANALYZE):
            cursor.execute(step, params)


def _params(project: Project, workers: list[Actor], tasks: int, approved: int, blob: Blob) -> dict[str, Any]:
    from psycopg.types.json import Jsonb

    bodies = [factories.class_answer(number) for number in range(1, len(CLASSES) + 1)]
    return {
        "project": project.pk,
        "dataset": project.dataset_id,
        "schema": project.schema_id,
        "blob": blob.pk,
        "reviewer": factories.ada().pk,
        "workers": sorted(worker.pk for worker in workers),
        "people": len(workers),
        "tasks": tasks,
        "approved": approved,
        "size": BATCH_SIZE,
        "wanted": ANSWERS,
        "bodies": [Jsonb(body) for body in bodies],
        "hashes": [content_hash(Answer.from_json(body)) for body in bodies],
    }
