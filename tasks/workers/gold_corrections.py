"""Corrects what was counted of answers to gold, when the gold turned out to be wrong or its answers are judged anew."""

from datetime import datetime
from typing import Any

from django.db import connection

from tasks.workers.evidence import Counts

# In the period in which the answer was counted; a row from an upgrade is younger than what was counted in it.
CORRECT = """
UPDATE tasks_workerevidence e
SET correct = greatest(0, e.correct + %(correct)s), incorrect = greatest(0, e.incorrect + %(incorrect)s)
WHERE e.id = (
    SELECT p.id FROM tasks_workerevidence p
    WHERE p.project_id = %(project)s AND p.worker_id = %(worker)s AND p.source = 'gold'
    ORDER BY p.started_at <= %(at)s DESC, CASE WHEN p.started_at <= %(at)s THEN p.period ELSE -p.period END DESC
    LIMIT 1)
"""


def correct_gold(*, project_id: int, worker_id: int, at: datetime, change: Counts) -> None:
    """Locks the worker's evidence; lock the standing before. Add to what was counted `at` this time; negative numbers
    take back."""
    params: dict[str, Any] = {"project": project_id, "worker": worker_id, "at": at}
    with connection.cursor() as cursor:
        cursor.execute(CORRECT, params | {"correct": change.correct, "incorrect": change.incorrect})
