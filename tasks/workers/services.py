"""Records the evidence about workers: one statement a hand, and a new period when a paused worker is resumed."""

from django.db import connection

from tasks.workers.models import WorkerEvidence
from tasks.workers.selectors import Counts

COUNT = """
INSERT INTO tasks_workerevidence AS evidence (project_id, worker_id, source, correct, incorrect)
VALUES (%(project)s, %(worker)s, %(source)s, %(correct)s, %(incorrect)s)
ON CONFLICT (project_id, worker_id, source) WHERE is_current DO UPDATE
SET correct = evidence.correct + excluded.correct, incorrect = evidence.incorrect + excluded.incorrect
RETURNING correct, incorrect
"""


def record_gold(*, project_id: int, worker_id: int, correct: int, incorrect: int) -> Counts:
    """Locks the worker's evidence; lock the standing before. Count answers to gold, and return the counts since the
    last reset."""
    params = {"project": project_id, "worker": worker_id, "correct": correct, "incorrect": incorrect}
    with connection.cursor() as cursor:
        cursor.execute(COUNT, params | {"source": WorkerEvidence.Source.GOLD})
        return Counts(*cursor.fetchone())


def start_period(*, project_id: int, worker_id: int) -> None:
    """Locks the worker's evidence; lock the standing before. Count from zero; what was counted stays as history."""
    current = WorkerEvidence.objects.filter(project_id=project_id, worker_id=worker_id, is_current=True)
    rows = list(current.select_for_update(no_key=True).order_by("pk"))
    current.update(is_current=False)
    WorkerEvidence.objects.bulk_create(
        WorkerEvidence(project_id=project_id, worker_id=worker_id, source=row.source, period=row.period + 1)
        for row in rows
    )
