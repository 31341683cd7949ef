"""Two of everything about appeals: tabs, reviewers, repairs, verdicts with drafts; each happens once."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Actor
from projects.models import Project
from tasks.flow.appeals import decide_appeal
from tasks.flow.bulk_review import Verdict, give_verdicts
from tasks.flow.repair import undo_repair
from tasks.pay.models import LedgerEntry, LedgerTotal
from tasks.repair.models import Repair
from tasks.review.class_checks import Looked, Outcome, check_class
from tasks.review.errors import AlreadyAppealed, AlreadyReviewed, AppealDecided
from tasks.review.models import RejectedAnswer, Review
from tasks.review.rejected_answers import appeal, reject_draft
from tasks.review.services import approve_label
from tasks.workers.evidence import worker_records
from tests import factories
from tests.concurrency_helpers import together
from tests.rejected import WHY, a_rejected_answer, a_reviewer, a_wrong_gold_answer, an_answered_task, hash_of
from tests.repairs import void_answers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> Project:
    workers = [factories.wren(), factories.finch()]
    project = factories.a_project(answers_min=1, answers_max=1, workers=workers, appeal_days=7, price=Decimal("0.05"))
    return Project.objects.get(pk=project.pk)


def appealed(project: Project) -> RejectedAnswer:
    row = a_rejected_answer(project, factories.wren())
    return appeal(worker=factories.wren(), public_id=row.public_id, statement="Look again.")


def test_an_answer_is_appealed_in_two_tabs(project: Project) -> None:
    row, wren = a_rejected_answer(project, factories.wren()), factories.wren()

    def tab(statement: str) -> RejectedAnswer:
        return appeal(worker=wren, public_id=row.public_id, statement=statement)

    results = together(lambda: tab("One."), lambda: tab("Two."), lambda: tab("One."))
    kept = RejectedAnswer.objects.get().statement
    assert kept in {"One.", "Two."}
    refused = [each for each in results if isinstance(each, AlreadyAppealed)]
    assert len(refused) == (1 if kept == "One." else 2)


def test_two_reviewers_decide_at_once(project: Project) -> None:
    row = appealed(project)
    ada, jay = factories.ada(), a_reviewer("jay")
    results = together(
        *(
            lambda by=by, uphold=uphold: decide_appeal(
                reviewer=by, public_id=row.public_id, uphold=uphold, reason="Decided."
            )
            for by, uphold in ((ada, True), (jay, False), (ada, True), (jay, False))
        )
    )
    final = RejectedAnswer.objects.get()
    for by, result in zip((ada, jay, ada, jay), results, strict=True):
        if by == final.decided_by:
            assert result.state == final.state
        else:
            assert isinstance(result, AppealDecided)
    record = worker_records(project_id=project.pk, worker_ids=[row.worker_id])[row.worker_id].reviews
    assert (record.correct, record.incorrect) == ((1, 0) if final.state == "upheld" else (0, 1))


def test_an_appeal_is_upheld_while_the_repair_that_took_its_pay_is_undone(project: Project) -> None:
    row = appealed(project)
    repair = void_answers(project, factories.wren(), pay=Repair.Pay.TAKE_BACK)
    ada, jay = factories.ada(), a_reviewer("jay")
    results = together(
        lambda: decide_appeal(reviewer=jay, public_id=row.public_id, uphold=True, reason="It is right."),
        lambda: undo_repair(repair=repair, by=ada, reason="The wrong worker."),
    )
    assert not [each for each in results if isinstance(each, Exception)]
    amounts = list(LedgerEntry.objects.values_list("amount", flat=True))
    assert sum(amounts) == Decimal("0.05"), amounts
    assert LedgerTotal.objects.get().earned == Decimal("0.05")


def test_rejections_with_drafts_of_the_same_gold_do_not_deadlock(project: Project) -> None:
    wren, finch, rook, jay = factories.wren(), factories.finch(), a_reviewer(), a_reviewer("jay")
    for worker in (wren, finch):
        factories.some_evidence(project, worker, incorrect=50)
    gold = factories.a_gold(project)
    for worker in (wren, finch):
        a_wrong_gold_answer(project, worker, gold=gold)
    tasks = [an_answered_task(project, *pair) for pair in ((wren, finch), (finch, wren), (wren,), (finch,))]
    verdicts = [Verdict(task.public_id, hash_of(task), "reject", WHY) for task in tasks]

    def give(by: Actor, chosen: list[Verdict]) -> Any:
        with transaction.atomic():
            return give_verdicts(reviewer=by, project=project, verdicts=chosen)

    results = together(lambda: give(rook, verdicts[:2]), lambda: give(jay, verdicts[:1:-1]))
    assert all(isinstance(each, Review) for result in results for each in result), results
    drafts = RejectedAnswer.objects.filter(state="draft")
    assert drafts.count() == 2
    first = drafts.first()
    assert first is not None
    done = together(
        *(
            lambda by=by: reject_draft(reviewer=by, project=project, public_id=first.public_id, reason=WHY)
            for by in (rook, jay)
        )
    )
    assert sorted(type(each).__name__ for each in done) == ["AppealDecided", "int"]
    assert drafts.count() == 0


def test_crops_are_approved_while_labels_are_reviewed_one_by_one(project: Project) -> None:
    tasks = [an_answered_task(project, factories.wren()) for _ in range(6)]
    ada, jay, rook = factories.ada(), a_reviewer("jay"), a_reviewer()
    seen = [Looked(task.public_id, hash_of(task)) for task in tasks]
    results = together(
        lambda: check_class(reviewer=ada, project=project, class_number=1, labels=seen),
        lambda: check_class(reviewer=jay, project=project, class_number=1, labels=seen[::-1]),
        *(lambda task=task: approve_label(reviewer=rook, task=task, label_hash=hash_of(task)) for task in tasks[:2]),
    )
    unexpected = [each for each in results if isinstance(each, Exception) and not isinstance(each, AlreadyReviewed)]
    assert not unexpected
    assert Review.objects.filter(is_current=True).count() == Review.objects.count() == 6
    for result, by in ((results[0], ada), (results[1], jay)):
        approved = {task for task, outcome in result.items() if outcome == Outcome.APPROVED}
        own = Review.objects.filter(reviewer=by).values_list("task__public_id", flat=True)
        assert approved == set(own)
