"""Ends corrections that wait for their worker in vain, so that somebody else labels the image."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import structlog
from django.db import connection, transaction

from kernel.events import record_event
from tasks.assignment.caps import IS_WAITING
from tasks.assignment.models import Assignment
from tasks.assignment.slots import close_leases
from tasks.repair.selectors import VOID
from tasks.review.models import RejectedAnswer

logger = structlog.get_logger(__name__)

#: Corrections of one transaction, and of one sweep.
STEP, AT_ONCE = 100, 1000

# Gold and work alike: what is too old, or of a worker who is paused or has left, appeals against the rejection, or
# whose rejected answer is void. Rows of those that were taken, or that ended with their round, are only marked.
OVER = f"""
SELECT r.project_id, r.id, r.correction_id
FROM tasks_rejectedanswer r
JOIN tasks_assignment a ON a.id = r.correction_id
JOIN tasks_assignment rejected ON rejected.id = r.assignment_id
LEFT JOIN tasks_standing s ON s.project_id = r.project_id AND s.worker_id = r.worker_id
WHERE r.is_kept AND (
    NOT ({IS_WAITING}) OR r.kept_until <= clock_timestamp() OR r.state <> 'rejected'
    OR s.state IS DISTINCT FROM 'active' OR {VOID.format(row="rejected")})
ORDER BY r.project_id, r.id
LIMIT {AT_ONCE}
"""  # noqa: S608


def end_corrections() -> int:
    """Locks batches, tasks, assignments, rejected answers, for some corrections at a time. End those that nobody takes
    any more; returns how many. Failures are logged and retried by the next sweep."""
    with connection.cursor() as cursor:
        cursor.execute(OVER)
        rows = cursor.fetchall()
    ended = 0
    for project_id, group in groupby(rows, key=itemgetter(0)):
        found = list(group)
        for start in range(0, len(found), STEP):
            try:
                ended += _end(project_id, [row[1:] for row in found[start : start + STEP]])
            except Exception:
                logger.exception("corrections not ended; the next sweep retries it", project=project_id)
    return ended


@transaction.atomic
def _end(project_id: int, rows: Sequence[tuple[int, int]]) -> int:
    """A claim may have taken one meanwhile, which then stays in its set."""
    closed = close_leases(
        assignment_ids=[correction for _, correction in rows], state=Assignment.State.RELEASED, only_waiting=True
    )
    ended = sum(closed.values())
    if ended:
        record_event(project_id=project_id, kind="correction.ended", leased=-ended, released=ended)
    # An appeal that is being decided holds its row, and may wait for a batch: the next sweep marks it.
    free = RejectedAnswer.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=[pk for pk, _ in rows])
    RejectedAnswer.objects.filter(pk__in=list(free.order_by("pk").values_list("pk", flat=True))).update(is_kept=False)
    return ended
