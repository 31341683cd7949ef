"""A worker appeals against a rejected answer, once and in time; a second person decides, and what followed ends."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.models import Actor
from kernel.clock import utc_now
from kernel.errors import NotFound
from projects.models import Project
from tasks.analytics.worker_signals import _newest_answers
from tasks.flow.appeals import decide_appeal
from tasks.flow.repair import undo_repair
from tasks.pay.models import LedgerEntry
from tasks.repair.models import Repair
from tasks.review.errors import (
    AlreadyAppealed,
    AppealDecided,
    AppealTooLate,
    CheckImageNamed,
    NotSecondReviewer,
    OwnWork,
    ReasonMissing,
    StatementRefused,
)
from tasks.review.models import RejectedAnswer
from tasks.review.rejected_answers import appeal
from tasks.review.services import approve_label
from tasks.standing.models import Standing
from tasks.standing.services import CHANCE_REASON, pause
from tasks.workers.evidence import Counts, worker_records
from tests.factories import (
    a_project,
    a_worker,
    ada,
    admitted,
    an_answer,
    class_answer,
    finch,
    gold_seen,
    some_evidence,
    wren,
)
from tests.rejected import (
    WHY,
    a_rejected_answer,
    a_reviewer,
    a_wrong_gold_answer,
    an_answered_task,
    hash_of,
)
from tests.repairs import undo, void_answers

pytestmark = pytest.mark.django_db
SAYS = "Look at the ears."


@pytest.fixture
def project() -> Project:
    return a_project(
        answers_min=1, answers_max=1, workers=[wren(), finch()], appeal_days=7, price=Decimal("0.05"), gold_rate=0.1
    )


def appealed(project: Project, worker: Actor | None = None) -> RejectedAnswer:
    row = a_rejected_answer(project, worker or wren())
    return appeal(worker=worker or wren(), public_id=row.public_id, statement=SAYS)


def decide(row: RejectedAnswer, *, uphold: bool = True, by: Actor | None = None) -> RejectedAnswer:
    return decide_appeal(reviewer=by or ada(), public_id=row.public_id, uphold=uphold, reason="You are right.")


def reviews_of(project: Project, worker: Actor) -> Counts:
    return worker_records(project_id=project.pk, worker_ids=[worker.pk])[worker.pk].reviews


def test_an_appeal_is_made_once(project: Project) -> None:
    row = appealed(project)
    assert (row.state, row.statement) == ("appealed", SAYS)
    assert appeal(worker=wren(), public_id=row.public_id, statement=f" {SAYS} ").appealed_at == row.appealed_at
    with pytest.raises(AlreadyAppealed):
        appeal(worker=wren(), public_id=row.public_id, statement="Look again.")


@pytest.mark.parametrize("statement", ["", "   ", "x" * 1001, "a\0b"])
def test_an_appeal_needs_a_statement(project: Project, statement: str) -> None:
    row = a_rejected_answer(project, wren())
    with pytest.raises(StatementRefused):
        appeal(worker=wren(), public_id=row.public_id, statement=statement)


def test_an_appeal_is_refused_after_its_date(project: Project) -> None:
    row = a_rejected_answer(project, wren())
    RejectedAnswer.objects.update(shown_from=utc_now() - timedelta(days=9), appeal_until=utc_now() - timedelta(days=2))
    with pytest.raises(AppealTooLate):
        appeal(worker=wren(), public_id=row.public_id, statement=SAYS)


def test_nobody_appeals_for_another_worker_or_before_the_answer_is_shown(project: Project) -> None:
    row = a_rejected_answer(project, wren())
    with pytest.raises(NotFound):
        appeal(worker=finch(), public_id=row.public_id, statement=SAYS)
    RejectedAnswer.objects.update(shown_from=F("shown_from") + timedelta(days=1))
    with pytest.raises(NotFound):
        appeal(worker=wren(), public_id=row.public_id, statement=SAYS)


def test_an_upheld_appeal_counts_as_right_in_the_workers_record(project: Project) -> None:
    row = appealed(project)
    assert reviews_of(project, wren()) == Counts(0, 1)
    decided = decide(row)
    assert (decided.state, decided.decided_by, decided.decision) == ("upheld", ada(), "You are right.")
    assert reviews_of(project, wren()) == Counts(1, 0)
    assert decide(row).decided_at == decided.decided_at
    assert reviews_of(project, wren()) == Counts(1, 0), "once"
    assert not LedgerEntry.objects.filter(kind="correction").exists(), "nothing had been taken back"


def test_a_denied_appeal_changes_nothing(project: Project) -> None:
    row = appealed(project)
    assert decide(row, uphold=False).state == "denied"
    assert reviews_of(project, wren()) == Counts(0, 1)
    with pytest.raises(AppealDecided):
        decide(row)
    with pytest.raises(AppealDecided):
        decide(row, uphold=False, by=a_reviewer("jay"))


def test_an_upheld_appeal_is_no_rejection_in_the_signals(project: Project) -> None:
    row = appealed(project)
    judged, rejected = _newest_answers(project, [wren().pk])[wren().pk][-2:]
    assert (judged, rejected) == (1, 1)
    decide(row)
    assert _newest_answers(project, [wren().pk])[wren().pk][-2:] == (1, 0)


def test_a_second_person_decides(project: Project) -> None:
    row = appealed(project)
    answered = a_reviewer("jay")
    assert row.assignment.task is not None
    an_answer(row.assignment.task, answered, class_answer(2), counts=False)
    for by in (a_reviewer(), wren(), answered):
        with pytest.raises(NotSecondReviewer):
            decide(row, by=by)
    with pytest.raises(IntegrityError), transaction.atomic():
        RejectedAnswer.objects.update(state="upheld", decided_by=a_reviewer(), decided_at=utc_now())
    assert decide(row).state == "upheld"


def test_who_answered_the_image_in_another_project_does_not_decide(project: Project) -> None:
    row = appealed(project)
    assert row.assignment.task is not None
    other = a_project("Others", answers_min=1, answers_max=1)
    jay = a_reviewer("jay")
    an_answered_task(other, jay, image=row.assignment.task.image)
    with pytest.raises(NotSecondReviewer):
        decide(row, by=jay)


@pytest.mark.parametrize("reason", ["", "  ", "This was a check image.", "the CHECK-IMAGE is wrong"])
def test_the_reason_is_for_the_worker(project: Project, reason: str) -> None:
    row = appealed(project)
    with pytest.raises((ReasonMissing, CheckImageNamed)):
        decide_appeal(reviewer=ada(), public_id=row.public_id, uphold=True, reason=reason)
    row.refresh_from_db()
    assert row.state == "appealed"


def test_pay_that_a_repair_took_back_is_paid_again_and_once(project: Project) -> None:
    row = appealed(project)
    an_answered_task(project, wren())
    repair = void_answers(project, wren(), pay=Repair.Pay.TAKE_BACK)
    assert repair.amount == Decimal("0.10")
    assert decide(row).amount == Decimal("0.05")
    assert decide(row).amount == Decimal("0.05")
    assert earned(wren()) == Decimal("0.05")
    undo_repair(repair=repair, by=ada(), reason="It was right.")
    assert earned(wren()) == Decimal("0.10"), "what the appeal paid is not paid twice"


def test_what_an_appeal_paid_again_is_subtracted_from_the_undo_of_its_own_repair_alone(project: Project) -> None:
    row = appealed(project)
    an_answered_task(project, wren())
    repair = void_answers(project, wren(), pay=Repair.Pay.TAKE_BACK)
    decide(row)
    undo(repair)
    assert earned(wren()) == Decimal("0.10")
    undo(void_answers(project, wren(), pay=Repair.Pay.TAKE_BACK))
    assert earned(wren()) == Decimal("0.10")


def test_the_repair_of_an_upheld_answer_takes_its_pay_back_once(project: Project) -> None:
    row = appealed(project)
    decide(row)
    repair = void_answers(project, wren(), pay=Repair.Pay.TAKE_BACK)
    assert earned(wren()) == 0
    undo_repair(repair=repair, by=ada(), reason="It was right.")
    assert earned(wren()) == Decimal("0.05")


def test_an_upheld_appeal_retires_wrong_gold(project: Project) -> None:
    row = appealed_gold(project)
    assert gold_seen(wren(), project) == (1, 0)
    decide(row)
    row.refresh_from_db()
    gold = row.assignment.gold
    assert gold is not None
    gold.refresh_from_db()
    assert (gold.state, gold_seen(wren(), project), reviews_of(project, wren())) == ("retired", (0, 0), Counts())
    decide(row)
    assert gold_seen(wren(), project) == (0, 0)


def test_a_denied_appeal_leaves_gold_as_it_is(project: Project) -> None:
    row = appealed_gold(project)
    decide(row, uphold=False)
    assert row.assignment.gold is not None
    row.assignment.gold.refresh_from_db()
    assert (row.assignment.gold.state, gold_seen(wren(), project)) == ("active", (1, 0))


def test_a_pause_by_a_rule_ends_and_one_by_a_manager_stays(project: Project) -> None:
    for by_rule, state in ((True, "active"), (False, "paused")):
        row = appealed(project)
        pause(project=project, worker=wren(), reason=CHANCE_REASON if by_rule else "Call me.")
        Standing.objects.filter(worker=wren()).update(awaits_decision=by_rule)
        decide(row)
        standing = Standing.objects.get(project=project, worker=wren())
        assert (standing.state, standing.awaits_decision) == (state, False)


def test_a_pause_for_which_there_is_other_evidence_stays(project: Project) -> None:
    rook = a_worker("robin")
    admitted(project, rook, gold=(0, 8))
    row = appealed(project, rook)
    pause(project=project, worker=rook, reason=CHANCE_REASON)
    Standing.objects.filter(worker=rook).update(awaits_decision=True)
    decide(row)
    assert Standing.objects.get(project=project, worker=rook).state == "paused"


def test_nobody_reviews_their_own_work(project: Project) -> None:
    jay = a_reviewer("jay")
    task = an_answered_task(project, jay)
    with pytest.raises(OwnWork):
        approve_label(reviewer=jay, task=task, label_hash=hash_of(task))


def appealed_gold(project: Project) -> RejectedAnswer:
    assignment = a_wrong_gold_answer(project, wren())
    some_evidence(project, wren(), incorrect=1)
    now = utc_now()
    shown: dict[str, Any] = {"shown_from": now - timedelta(hours=1), "appeal_until": now + timedelta(days=7)}
    row = RejectedAnswer.objects.create(
        project=project, worker=wren(), assignment=assignment, reviewer=a_reviewer(), reason=WHY, **shown
    )
    return appeal(worker=wren(), public_id=row.public_id, statement=SAYS)


def earned(worker: Actor) -> Decimal:
    return sum(LedgerEntry.objects.filter(worker=worker).values_list("amount", flat=True), Decimal(0))
