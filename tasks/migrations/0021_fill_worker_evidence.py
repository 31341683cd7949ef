"""Fills the record of evidence from the standings and the verdicts before it, some at a time, while work goes on."""

from typing import Any

from django.db import migrations, transaction

CHUNK = 10_000
NEXT = "SELECT max(id) FROM (SELECT id FROM tasks_standing WHERE id > %s ORDER BY id LIMIT %s) s"
FILL = """
SELECT tasks_fill_worker_evidence(s) FROM tasks_standing s
WHERE s.id > %s AND s.id <= %s AND (s.gold_seen > 0 OR s.trust_alpha <> 2 OR s.trust_beta <> 1)
"""

PROJECTS = """
SELECT DISTINCT project_id FROM tasks_review WHERE NOT by_policy AND annotation_id IS NULL ORDER BY 1
"""
# Whoever commits a verdict on this project holds it; those who wait are counted by the trigger, after this.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('tasks.reviews', %s))"
# A statement of its own after the lock: it sees the verdicts that committed until then, and counts them all anew.
REVIEWS = """
INSERT INTO tasks_workerevidence AS evidence (project_id, worker_id, source, correct, incorrect)
SELECT review.project_id, answer.actor_id, 'review',
    count(*) FILTER (WHERE review.verdict = 'approve'), count(*) FILTER (WHERE review.verdict = 'reject')
FROM tasks_review review JOIN tasks_annotation answer ON answer.task_id = review.task_id AND answer.is_current
    AND answer.source = 'worker' AND answer.body_sha256 = review.label_hash
WHERE review.project_id = %s AND NOT review.by_policy AND review.annotation_id IS NULL
    AND review.verdict IN ('approve', 'reject')
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (project_id, worker_id, source) WHERE is_current DO UPDATE
SET correct = excluded.correct, incorrect = excluded.incorrect
"""


def fill(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        after = 0
        while True:
            cursor.execute(NEXT, [after, CHUNK])
            [last] = cursor.fetchone()
            if last is None:
                break
            cursor.execute(FILL, [after, last])
            after = last
        cursor.execute(PROJECTS)
        for (project_id,) in cursor.fetchall():
            with transaction.atomic(using=connection.alias):
                cursor.execute(LOCK, [project_id])
                cursor.execute(REVIEWS, [project_id])


class Migration(migrations.Migration):
    # Each step commits on its own; running it again has no effect.
    atomic = False

    dependencies = [("tasks", "0020_worker_evidence")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
