"""Corrects what was counted of a worker's answers: gold that is wrong or judged anew, and verdicts that were wrong."""

from datetime import datetime
from typing import Any

from django.db import connection

from tasks.workers.evidence import Counts
from tasks.workers.models import WorkerEvidence

# In the period in which the answer was counted; a row from an upgrade is younger than what was counted in it.
CORRECT = """
UPDATE tasks_workerevidence e
SET correct = greatest(0, e.correct + %(correct)s), incorrect = greatest(0, e.incorrect + %(incorrect)s)
WHERE e.id = (
    SELECT p.id FROM tasks_workerevidence p
    WHERE p.project_id = %(project)s AND p.worker_id = %(worker)s AND p.source = %(source)s
    ORDER BY p.started_at <= %(at)s DESC, CASE WHEN p.started_at <= %(at)s THEN p.period ELSE -p.period END DESC
    LIMIT 1)
"""


def correct_gold(*, project_id: int, worker_id: int, at: datetime, change: Counts) -> None:
    """Locks the worker's evidence; lock the standing before. Add to what was counted `at` this time; negative numbers
    take back."""
    _correct(WorkerEvidence.Source.GOLD, project_id, worker_id, at, change)


def correct_reviews(*, project_id: int, worker_id: int, at: datetime, change: Counts) -> None:
    """Like `correct_gold`, for what verdicts said of the worker's answers."""
    _correct(WorkerEvidence.Source.REVIEW, project_id, worker_id, at, change)


def _correct(source: str, project_id: int, worker_id: int, at: datetime, change: Counts) -> None:
    params: dict[str, Any] = {"project": project_id, "worker": worker_id, "source": source, "at": at}
    with connection.cursor() as cursor:
        cursor.execute(CORRECT, params | {"correct": change.correct, "incorrect": change.incorrect})
