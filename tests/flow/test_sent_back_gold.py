"""Check images that a reviewer sends back: like work, without being evidence, and never without work."""

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F

from accounts.models import Actor
from projects.models import Project
from tasks.annotation.models import Annotation
from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.flow.gold_images import retire_gold_image
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.gold.models import GoldResult
from tasks.review.appeal_lists import gold_drafts_of
from tasks.review.corrections import shown_corrections
from tasks.review.errors import SendingBackOff
from tasks.review.models import RejectedAnswer
from tasks.review.rejected_answers import reject_draft
from tasks.standing.models import Standing
from tests import factories
from tests.factories import a_project, wren
from tests.rejected import WHY, a_reviewer, a_wrong_gold_answer, an_answered_task, hash_of, show_now
from tests.worker_actions import answer, assert_invariants, leases_of, settle, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    policy: dict[str, Any] = {"appeal_days": 7, "send_back_days": 2, "price": Decimal("0.05")}
    return a_project(answers_min=1, answers_max=1, workers=[wren()], **policy)


def send_back(project: Project, *workers: Actor, task: Task | None = None) -> Task:
    task = task or an_answered_task(project, *workers)
    reject_label(reviewer=a_reviewer(), task=task, label_hash=hash_of(task), reason=WHY, send_back=True)
    show_now()
    return Task.objects.get(pk=task.pk)


def a_draft_sent_back(project: Project, worker: Actor) -> Assignment:
    """A wrong answer to gold that a reviewer sent back, shown together with work that was rejected."""
    wrong = a_wrong_gold_answer(project, worker)
    factories.a_credit(Annotation.objects.select_related("assignment").get(assignment=wrong))
    draft = RejectedAnswer.objects.create(project=project, worker=worker, assignment=wrong, state="draft")
    reject_draft(reviewer=a_reviewer(), project=project, public_id=draft.public_id, reason=WHY, send_back=True)
    return wrong


def a_draft_is_sent_back(project: Project, draft: RejectedAnswer) -> None:
    reject_draft(reviewer=a_reviewer(), project=project, public_id=draft.public_id, reason=WHY, send_back=True)


def test_a_project_sends_no_check_image_back_by_default(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(send_back_days=0)
    with pytest.raises(SendingBackOff):
        a_draft_sent_back(Project.objects.get(pk=project.pk), wren())


def test_gold_comes_back_like_work_when_work_does(project: Project) -> None:
    wrong = a_draft_sent_back(project, wren())
    assert not Assignment.objects.filter(is_correction=True).exists(), "it waits for work that is rejected"
    send_back(project, wren())
    work, gold = Assignment.objects.filter(is_correction=True).order_by("gold_id", "pk").reverse()
    if work.gold_id:
        work, gold = gold, work
    assert gold.gold_id == wrong.gold_id
    assert work.expires_at == gold.expires_at
    hand = take(wren(), project)
    assert {lease.gold_id for lease in leases_of(hand)} == {None, wrong.gold_id}
    assert len(shown_corrections(hand=hand)) == 2
    for lease in leases_of(hand):
        answer(lease, 1)
    settled = settle(hand)
    assert (settled.answers, settled.earned) == (2, Decimal(0))
    assert GoldResult.objects.count() == 1, "a correction is no evidence"
    assert RejectedAnswer.objects.get(assignment=wrong).is_corrected is True
    assert_invariants(project)


def test_a_wrong_correction_of_gold_is_drafted_when_one_of_work_is_rejected(project: Project) -> None:
    factories.some_evidence(project, wren(), incorrect=50)
    wrong = a_draft_sent_back(project, wren())
    task = send_back(project, wren())
    hand = take(wren(), project)
    for lease in leases_of(hand):
        answer(lease, 2)
    settle(hand)
    assert RejectedAnswer.objects.get(assignment=wrong).is_corrected is False
    Standing.objects.filter(worker=wren()).update(state="active")  # all that gold has paused them
    relabel(task_ids=[task.pk])
    gold_drafts_of(project=project).delete()
    send_back(project, task=Task.objects.get(pk=task.pk))
    draft = gold_drafts_of(project=project).get()
    assert draft.assignment.is_correction
    a_draft_is_sent_back(project, draft)


def test_retired_gold_does_not_come_back(project: Project) -> None:
    wrong = a_draft_sent_back(project, wren())
    send_back(project, wren())
    assert wrong.gold is not None
    retire_gold_image(gold=wrong.gold)
    assert {lease.gold_id for lease in leases_of(take(wren(), project))} == {None}


def test_a_worker_with_a_correction_of_gold_can_still_claim(project: Project) -> None:
    wrong = a_draft_sent_back(project, wren())
    send_back(project, wren())
    hand = take(wren(), project)
    for lease in leases_of(hand):
        answer(lease, 1)
    settle(hand)
    # The gold's image becomes work, which a worker who has had it as gold twice is not given.
    assert wrong.gold is not None
    Task.objects.filter(image_id=wrong.gold.image_id).update(state="open", wanted=F("taken") + 1)
    batch = Task.objects.get(image_id=wrong.gold.image_id).batch
    batch.wanted = F("taken") + 1
    batch.save(update_fields=["wanted"])
    assert claim_hand(worker=wren(), project=project) is None
