"""Decides appeals against rejected answers, and makes good what an upheld one was about: pay, evidence, standing, gold.

The image itself is left alone: it is labeled again since the rejection, and its new label is reviewed like any other.
"""

from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from accounts.models import Actor
from kernel.clock import database_now
from kernel.events import record_event
from kernel.locks import lock_access
from projects.models import Project
from projects.selectors import object_tools_of
from tasks.assignment.models import Hand
from tasks.consensus.refit import request_refit
from tasks.flow.gold_images import retire_gold_image
from tasks.flow.worker_review import review_worker
from tasks.notices.models import Notice
from tasks.notices.services import write_notices
from tasks.pay.selectors import taken_back
from tasks.pay.services import post_correction
from tasks.review.appeal_lists import appeal_for, who_may_not_decide
from tasks.review.errors import AppealDecided, NotSecondReviewer
from tasks.review.models import RejectedAnswer
from tasks.review.rejection_text import read_reason
from tasks.standing.models import Standing
from tasks.standing.services import lift_pause
from tasks.workers.evidence import Counts
from tasks.workers.gold_corrections import correct_reviews

State = RejectedAnswer.State


@transaction.atomic
def decide_appeal(*, reviewer: Actor, public_id: UUID, uphold: bool, reason: str) -> RejectedAnswer:
    """Locks the worker's access, the appeal, then gold, standing and evidence. Decide an appeal, once.

    Upheld: what was taken of the answer's pay is paid again, the answer counts as right in the worker's record, a pause
    by a rule that this led to ends, and gold is retired. Repeating one's own decision has no effect. The worker reads
    the reason. Raises NotFound, NotSecondReviewer, AppealDecided, ReasonMissing and CheckImageNamed.
    """
    # Before the appeal, in the order of locks; a repair that takes pay back, or is undone, waits as well.
    lock_access(actor_id=appeal_for(public_id=public_id).worker_id)
    RejectedAnswer.objects.select_for_update(no_key=True).get(public_id=public_id)
    row = appeal_for(public_id=public_id)
    decision, after = read_reason(reason), State.UPHELD if uphold else State.DENIED
    if row.state != State.APPEALED:
        if (row.decided_by_id, row.state) == (reviewer.pk, after):
            return row
        raise AppealDecided
    if who_may_not_decide(actor=reviewer, rows=[row]):
        raise NotSecondReviewer
    row.state, row.decision, row.decided_by, row.decided_at = after, decision, reviewer, database_now()
    if uphold:
        row.amount = _pay_again(row)
    row.save(update_fields=["state", "decision", "decided_by", "decided_at", "amount"])
    if uphold:
        _make_good(row, reviewer)
    data = {"appeal": str(row.public_id), "by": str(reviewer.public_id), "upheld": uphold}
    record_event(project_id=row.project_id, kind="appeal.decided", data=data)
    # The same for work and gold, when the decision shows on the worker's page.
    write_notices(
        kind=Notice.Kind.APPEAL_DECIDED,
        project=row.project,
        recipients=[row.worker_id],
        key=f"appeal {row.public_id}",
    )
    return row


def _pay_again(row: RejectedAnswer) -> Decimal:
    amount = taken_back(assignment=row.assignment)
    cause = f"appeal {row.public_id}"
    post_correction(project=row.project, worker=row.worker, amount=amount, cause=cause, assignment=row.assignment)
    return amount


def _make_good(row: RejectedAnswer, reviewer: Actor) -> None:
    """Locks gold, standing, evidence."""
    gold = row.assignment.gold
    if gold is not None:
        # It takes back what was counted of everybody who answered it; nothing if it was retired before.
        retire_gold_image(gold=gold, by=reviewer)
    else:
        assert row.review is not None
        standing = Standing.objects.filter(project_id=row.project_id, worker_id=row.worker_id)
        list(standing.select_for_update(no_key=True).values_list("pk"))
        right_instead = Counts(correct=1, incorrect=-1)
        correct_reviews(
            project_id=row.project_id, worker_id=row.worker_id, at=row.review.created_at, change=right_instead
        )
    _restore_standing(row)
    request_refit(project_id=row.project_id)


def _restore_standing(row: RejectedAnswer) -> None:
    """Test all answers again of sets that are settled, and let the worker go on if that is why they were paused."""
    project = Project.objects.select_related("schema").get(pk=row.project_id)
    hands = Hand.objects.filter(project=project, worker=row.worker, state=Hand.State.SETTLED)
    until = hands.aggregate(latest=Max("settled_at"))["latest"]
    if until is not None:
        review_worker(project=project, worker_id=row.worker_id, until=until, may_pause=False)
    lift_pause(project_id=project.pk, worker_id=row.worker_id, by_gold=not object_tools_of(project=project))
