"""A project after months of work: answers, gold, pay, labels, reviews, releases and events, written in the database."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from accounts.models import Actor
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from projects.models import Project
from storage.models import Blob
from tests import factories
from tests.benchmarks.many_tasks import BATCH_SIZE, BATCHES, CHECKED, IMAGES, TASKS, UNCHECKED

CLASSES = ("cat", "dog", "fox", "owl", "hen")
ANSWERS = 3
DAYS = 30
PRICE = 0.02
#: Below 1, the labels to review must be told from the others.
SHARE_REVIEWED = 0.2
#: Shares of the tasks, in the order of upload: approved, then answered, then open with some answers, then untouched.
APPROVED, ANSWERED, BEGUN = 0.6, 0.95, 0.98
#: Gold images, as a share of the tasks, and how many answers to gold each worker has given.
GOLDS, GOLD_ANSWERS = 0.01, 100
RELEASES, PROPOSALS, IMPORTS = 25, 400, 120

STATES = """
UPDATE tasks_task t SET
    state = CASE WHEN n.n <= %(approved)s THEN 'approved' WHEN n.n <= %(answered)s THEN 'answered' ELSE 'open' END,
    taken = CASE WHEN n.n <= %(answered)s THEN %(wanted)s WHEN n.n <= %(begun)s THEN 1 ELSE 0 END
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM tasks_task WHERE project_id = %(project)s) n
WHERE t.id = n.id
"""

BATCH_COUNTS = """
UPDATE tasks_batch b SET taken = t.taken, state = CASE WHEN t.approved THEN 'approved' ELSE 'open' END
FROM (SELECT batch_id, sum(taken) AS taken, bool_and(state = 'approved') AS approved FROM tasks_task
      WHERE project_id = %(project)s GROUP BY 1) t
WHERE b.id = t.batch_id
"""

# Workers are unequally busy, and the workers of a task differ: their numbers are a third of the crowd apart.
ANSWERS_GIVEN = """
CREATE TEMPORARY TABLE given AS
SELECT a.*, row_number() OVER (PARTITION BY worker ORDER BY at, task_id, gold_id) AS n FROM (
    SELECT t.id AS task_id, NULL::bigint AS gold_id,
        (%(workers)s::bigint[])[(t.first + k * (%(people)s / 3)) %% %(people)s + 1] AS worker,
        now() - make_interval(secs => %(seconds)s * (1 - t.share) + random() * 600) AS at
    FROM (
        SELECT id, taken, floor(%(people)s * power(random(), 2))::int AS first,
            row_number() OVER (ORDER BY id) / %(tasks)s::float AS share
        FROM tasks_task WHERE project_id = %(project)s AND taken > 0
    ) t CROSS JOIN LATERAL generate_series(0, t.taken - 1) k
    UNION ALL
    SELECT NULL, g.id, worker, now() - make_interval(secs => %(seconds)s * random())
    FROM unnest(%(workers)s::bigint[]) worker CROSS JOIN LATERAL (
        SELECT id FROM tasks_gold WHERE project_id = %(project)s ORDER BY (id * worker) %% 9973 LIMIT %(gold_answers)s
    ) g
) a
"""

HANDS = """
INSERT INTO tasks_hand (public_id, project_id, worker_id, state, size, created_at, expires_at, settled_at)
SELECT gen_random_uuid(), %(project)s, worker, 'settled', count(*), min(at), max(at), max(at)
FROM given GROUP BY worker, (n - 1) / 10 ORDER BY max(at)
"""

ASSIGNMENTS = """
WITH hands AS (
    SELECT id, worker_id, row_number() OVER (PARTITION BY worker_id ORDER BY id) AS n
    FROM tasks_hand WHERE project_id = %(project)s
)
INSERT INTO tasks_assignment (public_id, project_id, hand_id, worker_id, task_id, gold_id, round, position, state,
    counts, late, schema_id, rendition_id, width, height, price, leased_at, expires_at, closed_at, submitted_at)
SELECT gen_random_uuid(), %(project)s, hands.id, g.worker, g.task_id, g.gold_id, 1, (g.n - 1) %% 10 + 1, 'submitted',
    g.gold_id IS NULL, false, %(schema)s, %(blob)s, 640, 480, %(price)s, g.at - interval '20 seconds', g.at, g.at, g.at
FROM given g JOIN hands ON hands.worker_id = g.worker AND hands.n = (g.n - 1) / 10 + 1 ORDER BY g.at
"""

# The true class of a task follows from its id. Workers are right in 55 to 95 of 100 answers.
ANNOTATIONS = """
INSERT INTO tasks_annotation (public_id, project_id, assignment_id, task_id, gold_id, actor_id, source, schema_id,
    revision, is_current, body, body_sha256, raw_sha256, seconds, created_at)
SELECT gen_random_uuid(), %(project)s, a.id, a.task_id, a.gold_id, a.worker_id, 'worker', %(schema)s, 1, true,
    (%(bodies)s::jsonb[])[a.answer], (%(hashes)s::text[])[a.answer], (%(hashes)s::text[])[a.answer],
    2 + 20 * random(), a.submitted_at
FROM (
    SELECT id, task_id, gold_id, worker_id, submitted_at, CASE WHEN random() < 0.55 + (worker_id %% 40) / 100.0
        THEN coalesce(task_id %% 5, 0) + 1 ELSE floor(random() * 5)::int + 1 END AS answer
    FROM tasks_assignment WHERE project_id = %(project)s ORDER BY submitted_at
) a
"""

GOLD_RESULTS = """
INSERT INTO tasks_goldresult (project_id, gold_id, worker_id, assignment_id, correct, score, why, created_at)
SELECT a.project_id, a.gold_id, a.worker_id, a.id, n.body = (%(bodies)s::jsonb[])[1], 1, '', a.submitted_at
FROM tasks_assignment a JOIN tasks_annotation n ON n.assignment_id = a.id
WHERE a.project_id = %(project)s AND a.gold_id IS NOT NULL
"""

EVIDENCE = """
INSERT INTO tasks_workerevidence (project_id, worker_id, source, correct, incorrect)
SELECT project_id, worker_id, 'gold', count(*) FILTER (WHERE correct), count(*) FILTER (WHERE NOT correct)
FROM tasks_goldresult WHERE project_id = %(project)s GROUP BY 1, 2
"""

# Triggers are off while rows are written in bulk, so the totals are summed like those of an old installation.
TOTALS = """
INSERT INTO tasks_ledgertotal (project_id, worker_id, currency, answers, earned, paid)
SELECT project_id, worker_id, currency, count(*) FILTER (WHERE kind = 'credit'),
    sum(amount) FILTER (WHERE kind <> 'payout'), coalesce(-sum(amount) FILTER (WHERE kind = 'payout'), 0)
FROM tasks_ledgerentry WHERE project_id = %(project)s GROUP BY 1, 2, 3
"""

CREDITS = """
INSERT INTO tasks_ledgerentry (public_id, project_id, worker_id, kind, assignment_id, hand_id, amount, currency, cause,
    created_at)
SELECT gen_random_uuid(), project_id, worker_id, 'credit', id, hand_id, price, 'USD', '', submitted_at
FROM tasks_assignment WHERE project_id = %(project)s ORDER BY submitted_at
"""

PAYOUTS = """
INSERT INTO tasks_ledgerentry (public_id, project_id, worker_id, kind, amount, currency, cause, created_at)
SELECT gen_random_uuid(), %(project)s, worker_id, 'payout', -sum(amount) / 2, 'USD', '', now()
FROM tasks_ledgerentry WHERE project_id = %(project)s GROUP BY worker_id
"""

LABELS = """
INSERT INTO tasks_consensuslabel (public_id, project_id, task_id, version, is_current, body, content_hash, method,
    confidence, evidence, created_at)
SELECT gen_random_uuid(), %(project)s, id, 1, true, (%(bodies)s::jsonb[])[id %% 5 + 1],
    (%(hashes)s::text[])[id %% 5 + 1], 'em', 1 - 0.4 * power(random(), 3),
    jsonb_build_object('round', 1, 'method', 'em', 'n', %(wanted)s, 'answers', '[]'::jsonb), now()
FROM tasks_task WHERE project_id = %(project)s AND state <> 'open'
"""

POSTERIORS = """
INSERT INTO tasks_posterior (task_id, project_id, answers, body, confidence, state_version, updated_at)
SELECT task_id, project_id, %(wanted)s, jsonb_build_object('objects', '{}'::jsonb,
    'class', jsonb_build_object((task_id %% 5 + 1)::text, confidence)), confidence, 0, now()
FROM tasks_consensuslabel WHERE project_id = %(project)s
"""

# One label in ten was reviewed by a person, the others were approved with their batch; some labels were rejected.
REVIEWS = """
INSERT INTO tasks_review (public_id, project_id, task_id, label_id, label_hash, reviewer_id, verdict, reason, by_policy,
    is_current, created_at)
SELECT gen_random_uuid(), %(project)s, l.task_id, l.id, l.content_hash, %(reviewer)s, 'approve', '', l.id %% 10 <> 0,
    true, now()
FROM tasks_consensuslabel l JOIN tasks_task t ON t.id = l.task_id WHERE t.project_id = %(project)s
    AND t.state = 'approved'
"""

REJECTIONS = """
INSERT INTO tasks_review (public_id, project_id, task_id, label_id, label_hash, reviewer_id, verdict, reason, by_policy,
    is_current, created_at)
SELECT gen_random_uuid(), %(project)s, l.task_id, l.id, l.content_hash, %(reviewer)s, 'reject', 'Look again.', false,
    true, now()
FROM tasks_consensuslabel l JOIN tasks_task t ON t.id = l.task_id
WHERE t.project_id = %(project)s AND t.state = 'answered' AND t.id %% 100 = 0
"""

PROPOSED = """
INSERT INTO tasks_labelproposal (project_id, public_id, task_id, label_id, body, confidence, label_confidence, evidence,
    state_version, state, created_at)
SELECT %(project)s, gen_random_uuid(), task_id, id, (%(bodies)s::jsonb[])[(task_id + 1) %% 5 + 1], 0.9, 0.1,
    evidence, 1, 'open', now()
FROM tasks_consensuslabel WHERE project_id = %(project)s ORDER BY id LIMIT %(proposals)s
"""

SNAPSHOTS = """
INSERT INTO tasks_snapshot (public_id, project_id, number, state, schema_id, content_hash, items_count, counts, error,
    created_by_id, created_at, ready_at)
SELECT gen_random_uuid(), %(project)s, n, 'ready', %(schema)s, repeat('0', 64), 1000, '{}', '', %(reviewer)s, now(),
    now()
FROM generate_series(1, %(releases)s) n
"""

EXPORTS = """
INSERT INTO tasks_export (public_id, project_id, snapshot_id, format, state, blob_id, sha256, size, report, error,
    created_by_id, created_at, ready_at)
SELECT gen_random_uuid(), %(project)s, id, format, 'ready', %(blob)s, repeat('0', 64), 1, '{}', '', %(reviewer)s,
    now(), now()
FROM tasks_snapshot, unnest(array['coco', 'imagenet']) format WHERE project_id = %(project)s
"""

IMPORTED = """
INSERT INTO tasks_import (public_id, dataset_id, project_id, source, state, metadata, total, taken, duplicates, refused,
    announced, error, created_by_id, created_at, finished_at)
SELECT gen_random_uuid(), %(dataset)s, %(project)s, 'files', 'done', '{}', 1000, 900, 50, 50, 900, '', %(reviewer)s,
    now(), now()
FROM generate_series(1, %(imports)s)
"""

REFUSED_ITEMS = """
INSERT INTO tasks_importitem (batch_import_id, name, state, code, reason)
SELECT i.id, 'photos/' || n || '.tif', 'refused', 'format', 'This format is not supported. Send a JPEG.'
FROM tasks_import i, generate_series(1, 50) n WHERE i.project_id = %(project)s
"""

EVENTS = """
INSERT INTO kernel_event (project_id, number, kind, data, delta, created_at)
SELECT %(project)s, row_number() OVER (ORDER BY n.at), n.kind, n.data, n.delta, n.at
FROM (
    SELECT 'answer.submitted' AS kind, '{}'::jsonb AS data, '{"leased": -1, "submitted": 1}'::jsonb AS delta,
        submitted_at AS at
    FROM tasks_assignment WHERE project_id = %(project)s AND submitted_at > now() - make_interval(days => 3)
    UNION ALL
    SELECT 'hand.settled', jsonb_build_object('worker', w.public_id),
        jsonb_build_object('settled', h.size, 'paid_micros', h.size * 20000), h.settled_at
    FROM tasks_hand h JOIN accounts_actor w ON w.id = h.worker_id
    WHERE h.project_id = %(project)s AND h.settled_at > now() - make_interval(days => 3)
) n
"""

STREAM = """
INSERT INTO kernel_stream (project_id, last_number, totals, updated_at)
SELECT %(project)s, (SELECT max(number) FROM kernel_event WHERE project_id = %(project)s),
    jsonb_build_object('submitted', count(*), 'settled', count(*), 'paid_micros', count(*) * 20000), now()
FROM tasks_assignment WHERE project_id = %(project)s
"""

STEPS = (
    IMAGES,
    BATCHES,
    TASKS,
    STATES,
    BATCH_COUNTS,
    "ANALYZE tasks_task, tasks_image, tasks_batch",
    ANSWERS_GIVEN,
    HANDS,
    ASSIGNMENTS,
    "ANALYZE tasks_assignment, tasks_hand",
    ANNOTATIONS,
    GOLD_RESULTS,
    EVIDENCE,
    CREDITS,
    PAYOUTS,
    TOTALS,
    LABELS,
    POSTERIORS,
    REVIEWS,
    REJECTIONS,
    PROPOSED,
    SNAPSHOTS,
    EXPORTS,
    IMPORTED,
    REFUSED_ITEMS,
    EVENTS,
    STREAM,
    "DROP TABLE given",
)


@dataclass(frozen=True, slots=True)
class Size:
    tasks: int = 200_000
    workers: int = 300
    batch: int = BATCH_SIZE


def a_worked_project(size: Size, blob: Blob) -> tuple[Project, list[Actor]]:
    """Create an open project in its third quarter, with its workers; the first one is busiest."""
    workers = [factories.a_worker(f"crowd{number}") for number in range(size.workers)]
    project = factories.a_project(
        "Worked",
        classes=CLASSES,
        answers_min=ANSWERS,
        answers_max=ANSWERS,
        workers=workers,
        price=PRICE,
        share_reviewed=SHARE_REVIEWED,
    )
    params = parameters(size, project, workers, blob)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute(UNCHECKED)
        for step in STEPS:
            cursor.execute(step, params)
            if step is STATES:
                _make_golds(project, round(size.tasks * GOLDS))
        cursor.execute(CHECKED)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return project, workers


def _make_golds(project: Project, count: int) -> None:
    for _ in range(count):
        factories.a_gold(project)


def parameters(
    size: Size, project: Project, workers: list[Actor], blob: Blob, *, bodies: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the parameters of the statements above; `bodies` are the labels, one for each class."""
    bodies = bodies or [factories.class_answer(number) for number in range(1, len(CLASSES) + 1)]
    return {
        "project": project.pk,
        "dataset": project.dataset_id,
        "schema": project.schema_id,
        "blob": blob.pk,
        "reviewer": factories.ada().pk,
        "workers": sorted(worker.pk for worker in workers),
        "people": size.workers,
        "tasks": size.tasks,
        "size": size.batch,
        "wanted": ANSWERS,
        "approved": int(size.tasks * APPROVED) // size.batch * size.batch,
        "answered": int(size.tasks * ANSWERED),
        "begun": int(size.tasks * BEGUN),
        "gold_answers": GOLD_ANSWERS,
        "seconds": DAYS * 86_400,
        "price": PRICE,
        "proposals": PROPOSALS,
        "releases": RELEASES,
        "imports": IMPORTS,
        "bodies": [Jsonb(body) for body in bodies],
        "hashes": [content_hash(Answer.from_json(body)) for body in bodies],
    }
