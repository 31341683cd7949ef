"""Voids the answers of a worker, as one step for whoever reads, and undoes that.

A short transaction writes the row of the repair. From its commit on, nothing reads the void answers any more, and no
release is built until the repair has ended: a release has the labels before it or those after it. A job then voids the
answers batch by batch (`repair_steps`, `repair_undo`), while work goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Actor, Organisation
from kernel.clock import ClockTimestamp, database_now
from kernel.events import record_event
from kernel.job_kinds import KEEP_TRYING, JobKind
from kernel.jobs import enqueue
from kernel.locks import lock_access
from kernel.queues import Queue
from projects.models import Project
from tasks.assignment.models import Assignment, Hand
from tasks.consensus.refit import request_refit
from tasks.flow.repair_steps import IN_RANGE, batches_to_void, params_of, update_voided, void_batch
from tasks.flow.repair_undo import restore_batch, rows_to_restore, update_returned
from tasks.pay.amounts import earned_so_far, terms_of
from tasks.pay.selectors import paid_again
from tasks.pay.services import post_correction
from tasks.repair.errors import NothingToVoid, NotUndoable, ReasonNeeded, RepairInProgress, RepairRefused, VoidAlready
from tasks.repair.models import MAX_REASON, Repair
from tasks.repair.selectors import IN_FORCE, UNFINISHED, lock_repairs, void

Pay = Repair.Pay
State = Repair.State


@dataclass(frozen=True, slots=True)
class RepairId:
    repair_id: int


REPAIR = JobKind("flow.repair", RepairId, queue=Queue.HEAVY, max_attempts=KEEP_TRYING)

#: An answer that is paid by time or objects, and is not yet: its price is still the most that it can pay. One to a
#: settled set came late, and waits for its job.
UNPAID = """
h.pay_terms IS NOT NULL AND (h.state = 'live' OR (a.submitted_at > h.settled_at AND NOT EXISTS (
    SELECT FROM tasks_ledgerentry c WHERE c.assignment_id = a.id AND c.kind = 'credit')))
"""
# Those are counted apart. Top-ups go with all answers of their set.
COUNT = f"""
SELECT count(*), coalesce(sum(a.price) FILTER (WHERE NOT ({UNPAID})), 0) + (
        SELECT coalesce(sum(l.amount), 0) FROM tasks_ledgerentry l
        WHERE l.project_id = %(project)s AND l.worker_id = %(worker)s AND l.kind = 'top_up' AND NOT EXISTS (
            SELECT FROM tasks_assignment a
            WHERE a.hand_id = l.hand_id AND a.state = 'submitted' AND NOT ({IN_RANGE}))),
    count(t.id) FILTER (WHERE a.counts AND a.round = t.round)
FROM tasks_assignment a JOIN tasks_hand h ON h.id = a.hand_id LEFT JOIN tasks_task t ON t.id = a.task_id
WHERE {IN_RANGE}
"""  # noqa: S608
SELECT_UNPAID = f"""
SELECT a.hand_id, a.id FROM tasks_assignment a JOIN tasks_hand h ON h.id = a.hand_id WHERE {IN_RANGE} AND {UNPAID}
"""  # noqa: S608

# Labels that people set rest on those people. Each label is compared with the answers to its own image alone.
RELEASES = f"""
SELECT i.snapshot_id, count(DISTINCT l.id)
FROM tasks_assignment a
JOIN tasks_annotation n ON n.assignment_id = a.id
JOIN tasks_consensuslabel l ON l.task_id = a.task_id
    AND l.evidence->'answers' @> jsonb_build_array(jsonb_build_object('annotation', n.public_id::text))
    AND l.method NOT IN ('review', 'gold')
JOIN tasks_snapshotitem i ON i.label_id = l.id
JOIN tasks_snapshot s ON s.id = i.snapshot_id AND s.state = 'ready'
WHERE {IN_RANGE} GROUP BY i.snapshot_id ORDER BY i.snapshot_id
"""  # noqa: S608
MARK = f"""
INSERT INTO tasks_repairedrelease (repair_id, snapshot_id, labels)
SELECT %(repair)s, found.snapshot_id, found.labels FROM ({RELEASES}) AS found (snapshot_id, labels)
ON CONFLICT (repair_id, snapshot_id) DO NOTHING
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class VoidRange:
    """Answers that a worker submitted in a project from `since` (None: the first) until just before `until`."""

    project: Project
    worker: Actor
    since: datetime | None
    until: datetime

    @property
    def repair(self) -> Repair:
        """A repair of this range that is not saved."""
        return Repair(project=self.project, worker=self.worker, since=self.since, until=self.until)


@dataclass(frozen=True, slots=True)
class VoidCounts:
    """answers: those in a range, check images and surplus included. amount: what they are paid. images: those whose
    answer counts."""

    answers: int
    amount: Decimal
    images: int


@transaction.atomic
def start_repair(
    *, project: Project, worker: Actor, by: Actor, reason: str, since: datetime | None = None, pay: str = Pay.KEEP
) -> Repair:
    """Locks the access, the worker's unanswered assignments, then the project's repairs. Void the worker's answers.

    Without `since` all of them; those that are void already stay with their own repair. With Pay.TAKE_BACK, what they
    were paid is taken back by a correction. A job does the rest. Raises ReasonNeeded, RepairRefused, NothingToVoid,
    RepairInProgress and VoidAlready.
    """
    reason = clean_reason(reason)
    lock_access(actor_id=worker.pk)
    until = database_now()
    # An answer that is being submitted has its time already: it is awaited, and counted with the others.
    unanswered = Assignment.objects.filter(
        project=project, worker=worker, state__in=[Assignment.State.LEASED, Assignment.State.EXPIRED]
    )
    list(unanswered.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    chosen = void_range(project=project, worker=worker, since=since, until=until)
    counts = count_void(chosen)
    if not counts.answers:
        raise NothingToVoid
    repair = chosen.repair
    repair.answers, repair.images = counts.answers, counts.images
    repair.reason, repair.created_by, repair.created_at, repair.pay = reason, by, until, pay
    if pay == Pay.TAKE_BACK:
        repair.amount = counts.amount
        _correct(repair, -counts.amount, cause=f"repair {repair.public_id}")
    lock_repairs(project_id=project.pk)
    repair.save()
    _record(repair, "repair.started", by=by, reason=reason, answers=counts.answers)
    _enqueue(repair)
    return repair


@transaction.atomic
def start_repairs(
    *,
    organisation: Organisation,
    worker: Actor,
    by: Actor,
    reason: str,
    since: datetime | None = None,
    pay: str = Pay.KEEP,
) -> list[Repair]:
    """Locks as `start_repair`, for one project after the other. Void the worker's answers in all of them, or in none.

    Raises as `start_repair`; projects in which there is nothing to void are left out.
    """
    repairs = []
    for project in projects_of_worker(organisation=organisation, worker=worker):
        with suppress(NothingToVoid):
            options: dict[str, Any] = {"by": by, "reason": reason, "since": since, "pay": pay}
            repairs.append(start_repair(project=project, worker=worker, **options))
    if not repairs:
        raise NothingToVoid
    return repairs


def projects_of_worker(*, organisation: Organisation, worker: Actor) -> QuerySet[Project]:
    """The projects in which the worker's answers can be voided, in ascending order of their ids: none is archived."""
    rows = Project.objects.filter(organisation=organisation, archived_at=None, deleted_at=None)
    return rows.filter(standings__worker=worker).order_by("pk")


@transaction.atomic
def undo_repair(*, repair: Repair, by: Actor, reason: str) -> Repair:
    """Locks the access, then the project's repairs. Have the answers of a repair count again; a job does the rest.

    What was taken back is paid again. Raises ReasonNeeded, NotUndoable and RepairInProgress.
    """
    reason = clean_reason(reason)
    lock_access(actor_id=repair.worker_id)
    row = Repair.objects.select_related("project", "worker").get(pk=repair.pk)
    _refuse_unfinished(row.project, row.worker)
    if row.state != State.VOIDED:
        raise NotUndoable
    if row.amount:
        cause, worker = f"repair {row.public_id}", {"project_id": row.project_id, "worker_id": row.worker_id}
        # What an upheld appeal has paid again since for one of the answers is not paid twice.
        again = paid_again(**worker, since=row.since, until=row.until, after=cause)
        _correct(row, row.amount - again, cause=f"{cause} undone")
    lock_repairs(project_id=row.project_id)
    row.state, row.undone_by, row.undo_reason, row.undone_at = State.RESTORING, by, reason, database_now()
    row.finished_at, row.done, row.images = None, 0, rows_to_restore(row).count()
    row.save()
    _record(row, "repair.undone", by=by, reason=reason, answers=row.answers)
    _enqueue(row)
    return row


def void_range(*, project: Project, worker: Actor, since: datetime | None, until: datetime) -> VoidRange:
    """Return the part of the range that is not void yet. Raises RepairRefused, RepairInProgress and VoidAlready."""
    if since is not None and (since.tzinfo is None or since >= until):
        raise RepairRefused
    _refuse_unfinished(project, worker)
    start = since
    rows = Repair.objects.filter(project=project, worker=worker, state__in=IN_FORCE).order_by("until")
    for first, end in rows.values_list("since", "until"):
        if start is not None and start >= end:
            continue
        if first is not None and (start is None or start < first):
            raise VoidAlready
        start = end
    return VoidRange(project, worker, start, until)


def count_void(chosen: VoidRange) -> VoidCounts:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, params_of(chosen.repair))
        answers, amount, images = cursor.fetchone()
    return VoidCounts(answers, amount + _unpaid_amount(chosen), images)


def _unpaid_amount(chosen: VoidRange) -> Decimal:
    """Return what the answers in the range would pay that are not paid yet, where that depends on time or objects."""
    with connection.cursor() as cursor:
        cursor.execute(SELECT_UNPAID, params_of(chosen.repair))
        unpaid = cursor.fetchall()
    amounts: dict[int, Decimal] = {}
    for hand in Hand.objects.filter(pk__in={row[0] for row in unpaid}).select_related("project"):
        if (terms := terms_of(hand)) is not None:
            amounts |= earned_so_far(hand=hand, terms=terms).amounts
    return sum((amounts.get(row[1], Decimal(0)) for row in unpaid), Decimal(0))


def releases_with(chosen: VoidRange) -> dict[int, int]:
    """Return {row id of a release: how many of its labels rest on answers in the range}."""
    with connection.cursor() as cursor:
        cursor.execute(RELEASES, params_of(chosen.repair))
        return dict(cursor.fetchall())


def clean_reason(reason: str) -> str:
    """Raises ReasonNeeded."""
    cleaned = reason.strip()
    if not 0 < len(cleaned) <= MAX_REASON or "\0" in cleaned:
        raise ReasonNeeded
    return cleaned


def run_repair(
    *,
    repair_id: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    others_wait: Callable[[], bool] = lambda: False,
) -> bool:
    """Locks one batch, its tasks and their assignments at a time. Bring the tables up to what the repair's row says.

    Runs outside transactions. Returns False if it made room for others and queued the rest.
    """
    repair = Repair.objects.filter(pk=repair_id).first()
    if repair is None or repair.state == State.RESTORED or repair.project.deleted_at is not None:
        return True
    is_void = repair.state in IN_FORCE
    step, find, finish = (
        (void_batch, batches_to_void, _finish_void)
        if is_void
        else (restore_batch, _batches_to_restore, _finish_restore)
    )
    if repair.state == State.VOIDING:
        _mark_releases(repair)
    number = 0
    while batches := find(repair):
        for batch_id in batches:
            if number and others_wait():
                with transaction.atomic():
                    _enqueue(repair)
                return False
            number += 1
            step(repair, batch_id)
            progress(*Repair.objects.values_list("done", "images").get(pk=repair.pk))
    finish(repair)
    return True


def void_settled(*, project_id: int, worker_id: int, submitted: Iterable[Assignment]) -> None:
    """Needs the locks of these assignments. Queue the repair of answers that still count although they are void.

    An answer that was on its way when the job of the repair ended is void, too: it was submitted before that.
    """
    counting = [row.pk for row in submitted if row.counts]
    repairs = Repair.objects.filter(project_id=project_id, worker_id=worker_id, state__in=IN_FORCE)
    for repair in repairs.order_by("pk"):
        if Assignment.objects.filter(void(), pk__in=counting, submitted_at__lt=repair.until).exists():
            _enqueue(repair)


def _refuse_unfinished(project: Project, worker: Actor) -> None:
    """Needs the lock of the access."""
    if Repair.objects.filter(project=project, worker=worker, state__in=UNFINISHED).exists():
        raise RepairInProgress


def _correct(repair: Repair, amount: Decimal, *, cause: str) -> None:
    post_correction(project=repair.project, worker=repair.worker, amount=amount, cause=cause)


def _enqueue(repair: Repair) -> None:
    dedupe_key = f"{REPAIR.name}:{repair.pk}"
    enqueue(REPAIR, RepairId(repair.pk), project_id=repair.project_id, dedupe_key=dedupe_key)


def _batches_to_restore(repair: Repair) -> list[int]:
    rows = rows_to_restore(repair).order_by("batch_id").values_list("batch_id", flat=True)
    return list(rows.distinct())


@transaction.atomic
def _mark_releases(repair: Repair) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MARK, params_of(repair) | {"repair": repair.pk})


def _finish_void(repair: Repair) -> None:
    update_voided(repair)
    _finish(repair, State.VOIDING, State.VOIDED, "repair.finished")


def _finish_restore(repair: Repair) -> None:
    update_returned(repair)
    _finish(repair, State.RESTORING, State.RESTORED, "repair.restored")


@transaction.atomic
def _finish(repair: Repair, before: str, after: str, kind: str) -> None:
    """Of two jobs at once, the first records it."""
    rows = Repair.objects.filter(pk=repair.pk, state=before)
    if rows.update(state=after, finished_at=ClockTimestamp()):
        _record(repair, kind)
        request_refit(project_id=repair.project_id)


def _record(repair: Repair, kind: str, *, by: Actor | None = None, **data: Any) -> None:
    people = {"worker": str(repair.worker.public_id)} | ({} if by is None else {"by": str(by.public_id)})
    record_event(project_id=repair.project_id, kind=kind, data={"repair": str(repair.public_id), **people, **data})
