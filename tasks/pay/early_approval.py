"""Approving pay before its date: a manager has looked at the work and does not want to wait.

Sets are approved whole, check images with them: if some answers of a set waited longer than others, the statement would
tell which. The ledger stays as it is; each entry that is approved early is a row with the entry as its key.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Actor
from kernel.clock import database_now
from kernel.events import record_event
from kernel.locks import lock_named
from projects.models import Project
from tasks.batching.models import Batch
from tasks.pay.errors import ApprovalRefused, NothingToApprove
from tasks.pay.models import EarlyApproval

# A check image belongs to the batch of the task that it stands in front of, or of its group. One without such a place
# goes with the batch unless its set has work of others alone.
SETS_OF_BATCH = """
e.hand_id IN (
    SELECT a.hand_id FROM tasks_task t JOIN tasks_assignment a ON a.task_id = t.id AND a.state = 'submitted'
    WHERE t.batch_id = %(batch)s
    UNION ALL
    SELECT a.hand_id FROM tasks_gold g
    LEFT JOIN tasks_task site ON site.id = g.site_id
    JOIN tasks_assignment a ON a.gold_id = g.id AND a.state = 'submitted'
    WHERE g.project_id = %(project)s AND (coalesce(site.batch_id, g.batch_id) = %(batch)s
      OR coalesce(site.batch_id, g.batch_id) IS NULL AND NOT EXISTS (
        SELECT FROM tasks_assignment other JOIN tasks_task t ON t.id = other.task_id
        WHERE other.hand_id = a.hand_id AND t.batch_id <> %(batch)s))
)"""
SELECT_WAITING = """
SELECT e.id, e.amount, e.kind FROM tasks_ledgerentry e
WHERE e.project_id = %(project)s AND {whose} AND e.approved_at > clock_timestamp() AND e.created_at <= %(until)s
  AND NOT EXISTS (SELECT FROM tasks_earlyapprovalitem i WHERE i.entry_id = e.id)
"""
COUNT = """
SELECT count(*) FILTER (WHERE kind = 'credit'), coalesce(sum(amount), 0), coalesce(array_agg(id ORDER BY id), '{{}}')
FROM ({waiting}) found
"""
APPROVE = "INSERT INTO tasks_earlyapprovalitem (entry_id, approval_id) SELECT unnest(%s::bigint[]), %s"


@dataclass(frozen=True, slots=True)
class WaitingPay:
    """What waits for its approval: `answers` that are paid, and the amount with top-ups, in the project's currency; as
    of `until`, so that what is approved is what was shown."""

    answers: int
    amount: Decimal
    until: datetime
    entries: tuple[int, ...] = ()


def waiting_pay(
    *, project: Project, worker: Actor | None = None, batch: Batch | None = None, until: datetime | None = None
) -> WaitingPay:
    """Return what waits of a worker in the project, or in the sets with answers of a batch, which count whole.

    Of what was earned until then, or until now. Raises ApprovalRefused unless exactly one of the two is given.
    """
    if (worker is None) == (batch is None):
        raise ApprovalRefused
    now = database_now()
    if until is not None and (until.tzinfo is None or until > now):
        raise ApprovalRefused
    params: dict[str, Any] = {"project": project.pk, "until": until or now}
    if batch is not None:
        whose, params["batch"] = SETS_OF_BATCH, batch.pk
    else:
        assert worker is not None
        whose, params["worker"] = "e.worker_id = %(worker)s", worker.pk
    with connection.cursor() as cursor:
        cursor.execute(COUNT.format(waiting=SELECT_WAITING.format(whose=whose)), params)
        row = cursor.fetchone()
    assert row is not None
    return WaitingPay(answers=row[0], amount=row[1], until=params["until"], entries=tuple(row[2]))


@transaction.atomic
def approve_early(
    *,
    project: Project,
    by: Actor,
    worker: Actor | None = None,
    batch: Batch | None = None,
    until: datetime | None = None,
) -> EarlyApproval:
    """Waits for other approvals in the project. Approve what `waiting_pay` says, each entry once.

    What reaches its date meanwhile is approved by that. Raises NothingToApprove, and as `waiting_pay`.
    """
    lock_named(f"early approvals of project {project.pk}")
    found = waiting_pay(project=project, worker=worker, batch=batch, until=until)
    if not found.entries:
        raise NothingToApprove
    approval = EarlyApproval.objects.create(
        project=project,
        worker=worker,
        batch_number=batch.number if batch else None,
        answers=found.answers,
        amount=found.amount,
        currency=project.currency,
        created_by=by,
        created_at=database_now(),
    )
    with connection.cursor() as cursor:
        cursor.execute(APPROVE, [list(found.entries), approval.pk])
    data = {"by": str(by.public_id), "answers": found.answers, "amount": str(found.amount)}
    data |= {name: str(row.public_id) for name, row in (("worker", worker), ("batch", batch)) if row is not None}
    record_event(project_id=project.pk, kind="pay.approved", data=data)
    return approval


def early_approvals_of(*, project: Project) -> QuerySet[EarlyApproval]:
    """Return the project's early approvals, in no order, each with the worker and who approved."""
    return EarlyApproval.objects.filter(project=project).select_related("worker", "created_by").order_by()
