"""Rejected answers: what a worker is shown of them, drafts of those to gold, and the worker's appeal.

Workers must not tell gold from work by what is rejected (docs/decisions/0035-appeals.md). So an answer to gold is
rejected by a person too, with the same words; as rarely, compared with work, as a worker gets gold; about as long after
the answer; and it is shown together with work that was rejected. `tasks.flow.appeals` decides appeals.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts.models import Actor
from kernel.clock import database_now
from kernel.errors import NotFound
from kernel.events import record_event
from kernel.locks import lock_named
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Hand
from tasks.gold.models import Gold, GoldResult
from tasks.pay.models import LedgerTotal
from tasks.review.corrections import choose_to_send_back, require_sending_back, send_back_gold
from tasks.review.errors import (
    AlreadyAppealed,
    AppealDecided,
    AppealTooLate,
    StatementRefused,
)
from tasks.review.models import MAX_STATEMENT, RejectedAnswer, Review
from tasks.review.rejection_text import read_reason, read_region
from tasks.standing.access import require_may_work
from tasks.workers.evidence import worker_records

State = RejectedAnswer.State
#: A worker's newest wrong answers to gold of which one is drafted.
NEWEST = 200
_rng = random.SystemRandom()


def record_rejected_answers(*, review: Review, project: Project, send_back: bool = False) -> list[RejectedAnswer]:
    """Needs the task's row lock; locks the project's rejected answers. Show the workers whose answers equal a rejected
    label that it was rejected.

    Nothing is shown in a project without appeals. What was rejected of gold since the last time is shown with it, and
    sent back if that was chosen. Returns the rows, which are marked with `send_back`: the caller gives the corrections
    in the task's next round. Raises SendingBackOff and NobodyToCorrect.
    """
    if send_back:
        require_sending_back(project)
    if not project.appeal_days:
        return []
    rejected = _rejected_with(review, project)
    if send_back:
        choose_to_send_back(project=project, rows=rejected)
    if not rejected:
        return []
    _lock(project)
    RejectedAnswer.objects.bulk_create(rejected)
    _show_gold(project, rejected[0])
    for row in rejected:
        assert row.assignment.submitted_at is not None
        _draft_gold(
            project=project,
            worker_id=row.worker_id,
            near=row.assignment.submitted_at,
            of_corrections=row.assignment.is_correction,
        )
    return rejected


@transaction.atomic
def reject_draft(
    *,
    reviewer: Actor,
    project: Project,
    public_id: UUID,
    reason: str,
    region: object = None,
    send_back: bool = False,
) -> int:
    """Locks the project's rejected answers. Reject a wrong answer to gold as work would be, and those of others that
    equal it.

    They are shown to the workers together with the next work that is rejected, and with `send_back` they come back from
    then on to be corrected, like work. Returns how many there are. Raises AppealDecided if somebody else was first,
    ReasonMissing, CheckImageNamed, RegionRefused and SendingBackOff.
    """
    if send_back:
        require_sending_back(project)
    _lock(project)
    draft = _lock_draft(project, public_id)
    values: dict[str, Any] = {
        "state": State.REJECTED,
        "reviewer": reviewer,
        "reason": read_reason(reason),
        "region": read_region(region, width=draft.assignment.width, height=draft.assignment.height),
        "is_sent_back": send_back,
    }
    RejectedAnswer.objects.filter(pk=draft.pk).update(**values)
    return 1 + _reject_same(project, _same_answers(draft), values)


def _reject_same(project: Project, same: Sequence[tuple[int, int]], values: Mapping[str, Any]) -> int:
    """Work is rejected for all who gave the answer: one of two friends alone would tell gold."""
    drafts = RejectedAnswer.objects.filter(assignment__in=[pk for pk, _ in same], state=State.DRAFT).update(**values)
    new = [RejectedAnswer(project=project, assignment_id=pk, worker_id=worker, **values) for pk, worker in same]
    before = RejectedAnswer.objects.filter(assignment__in=[pk for pk, _ in same]).count()
    RejectedAnswer.objects.bulk_create(new, ignore_conflicts=True)
    return drafts + len(new) - before


@transaction.atomic
def dismiss_draft(*, project: Project, public_id: UUID) -> None:
    """Locks the draft. Leave an answer to gold as it is; the worker sees nothing. Raises AppealDecided."""
    draft = _lock_draft(project, public_id)
    RejectedAnswer.objects.filter(pk=draft.pk).update(state=State.DISMISSED)


@transaction.atomic
def appeal(*, worker: Actor, public_id: UUID, statement: str) -> RejectedAnswer:
    """Locks the rejected answer. Appeal against it, once; repeating it with the same words has no effect.

    Raises NotFound for what is not shown to this worker, AppealTooLate, AlreadyAppealed, StatementRefused, and
    WorkerRemoved, StaffCannotWork or ProjectEnded.
    """
    rows = RejectedAnswer.objects.select_for_update(no_key=True, of=("self",)).select_related("project")
    row = rows.filter(public_id=public_id, worker=worker).first()
    now = database_now()
    if row is None or row.shown_from is None or row.appeal_until is None or row.shown_from > now:
        raise NotFound
    require_may_work(worker=worker, project_id=row.project_id)
    cleaned = statement.strip()
    if not 0 < len(cleaned) <= MAX_STATEMENT or "\0" in cleaned:
        raise StatementRefused
    if row.state != State.REJECTED:
        if row.statement == cleaned:
            return row
        raise AlreadyAppealed
    if row.appeal_until <= now:
        raise AppealTooLate
    row.state, row.statement, row.appealed_at = State.APPEALED, cleaned, now
    row.save(update_fields=["state", "statement", "appealed_at"])
    record_event(project_id=row.project_id, kind="appeal.made", data={"appeal": str(row.public_id)})
    return row


def _lock(project: Project) -> None:
    """Waits for others who reject answers of the project: several verdicts of one transaction draft in any order."""
    lock_named(f"rejected answers {project.pk}")


def _next_day(now: datetime) -> datetime:
    """Return the next midnight in UTC."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def _rejected_with(review: Review, project: Project) -> list[RejectedAnswer]:
    """Return rows, not saved yet, for the answers in settled hands that equal a rejected label."""
    answers = Annotation.objects.filter(
        task_id=review.task_id,
        is_current=True,
        source=Annotation.Source.WORKER,
        body_sha256=review.label_hash,
        assignment__hand__state=Hand.State.SETTLED,
        assignment__rejected_answer__isnull=True,
    )
    rows = answers.select_related("assignment").order_by("assignment_id")
    shown_from = _next_day(database_now())
    common: dict[str, Any] = {
        "reviewer": review.reviewer,
        "reason": review.reason,
        "region": review.region,
        "shown_from": shown_from,
        "appeal_until": shown_from + timedelta(days=project.appeal_days),
    }
    return [
        RejectedAnswer(project=project, worker_id=row.actor_id, assignment=row.assignment, review=review, **common)
        for row in rows
        if row.assignment is not None
    ]


def _show_gold(project: Project, work: RejectedAnswer) -> None:
    """Needs the lock of the project's rejected answers. Show what was rejected of gold since the last time with
    `work`."""
    waiting = RejectedAnswer.objects.filter(project=project, state=State.REJECTED, shown_from=None)
    rows = list(waiting.select_related("assignment__gold").order_by("pk"))
    if not rows:
        return
    waiting.update(shown_from=work.shown_from, appeal_until=work.appeal_until)
    for row in rows:
        row.shown_from = work.shown_from
    send_back_gold(rows=[row for row in rows if row.is_sent_back], project=project)


def _draft_gold(*, project: Project, worker_id: int, near: datetime, of_corrections: bool) -> None:
    """Draft the rejection of one wrong answer to gold, as often as the worker gets gold per work.

    The one that was given nearest to the time `near`, so that as much time has passed since; among corrections, if
    a correction of work was rejected.
    """
    seen = worker_records(project_id=project.pk, worker_ids=[worker_id])[worker_id].ever_gold.seen
    paid = LedgerTotal.objects.filter(project=project, worker=worker_id).aggregate(n=Sum("answers", default=0))["n"]
    if _rng.random() >= seen / max(1, paid - seen):
        return
    times = _wrong_corrections(project, worker_id) if of_corrections else _wrong_answers(project, worker_id)
    apart = [(abs(at - near), pk) for pk, at in times if at is not None]
    if apart:
        draft = RejectedAnswer(project=project, worker_id=worker_id, assignment_id=min(apart)[1], state=State.DRAFT)
        RejectedAnswer.objects.bulk_create([draft], ignore_conflicts=True)


def _wrong_answers(project: Project, worker_id: int) -> list[tuple[int, datetime | None]]:
    """The worker's newest wrong answers to gold of which none is drafted yet: (row id of the assignment, when)."""
    wrong = GoldResult.objects.filter(
        project=project,
        worker=worker_id,
        correct=False,
        counts=True,
        gold__state=Gold.State.ACTIVE,
        assignment__rejected_answer__isnull=True,
    )
    return list(wrong.order_by("-pk").values_list("assignment_id", "assignment__submitted_at")[:NEWEST])


def _wrong_corrections(project: Project, worker_id: int) -> list[tuple[int, datetime | None]]:
    """The same of corrections of gold."""
    wrong = RejectedAnswer.objects.filter(
        project=project,
        worker=worker_id,
        is_corrected=False,
        correction__gold__state=Gold.State.ACTIVE,
        correction__rejected_answer__isnull=True,
    )
    newest = wrong.order_by("-pk").values_list("correction_id", "correction__submitted_at")[:NEWEST]
    return [(pk, at) for pk, at in newest if pk is not None]


def _lock_draft(project: Project, public_id: UUID) -> RejectedAnswer:
    rows = RejectedAnswer.objects.select_for_update(no_key=True, of=("self",)).select_related("assignment")
    draft = rows.filter(project=project, public_id=public_id, assignment__gold__isnull=False).first()
    if draft is None:
        raise NotFound
    if draft.state != State.DRAFT:
        raise AppealDecided
    return draft


def _same_answers(draft: RejectedAnswer) -> Sequence[tuple[int, int]]:
    """The wrong answers of others to the same gold with the same content: (row id of the assignment, of the worker)."""
    own = Annotation.objects.filter(assignment=draft.assignment_id, is_current=True)
    same = Annotation.objects.filter(
        gold=draft.assignment.gold_id, is_current=True, body_sha256__in=own.values("body_sha256")
    )
    gold_id, found = draft.assignment.gold_id, same.values("assignment")
    wrong = GoldResult.objects.filter(gold=gold_id, correct=False, assignment__in=found)
    return list(wrong.exclude(assignment=draft.assignment_id).values_list("assignment_id", "worker_id"))
