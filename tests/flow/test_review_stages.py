"""Stages of review: in order, each with its crowd, labels and price, and nobody in two of them."""

import uuid
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Actor, Membership, Role
from annotary_core.labels.answer import Answer
from annotary_core.labels.canonical import content_hash
from kernel.errors import Forbidden
from projects.models import Project
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.flow.rejection import reject_label
from tasks.flow.relabel import relabel
from tasks.pay.models import LedgerEntry
from tasks.qualification.skills import set_skill, skill_named
from tasks.review.class_checks import Looked, check_class
from tasks.review.errors import (
    NotYourStage,
    OwnWork,
    ReviewedInOtherStage,
    StageRefused,
    StagesReviewEach,
    StagesUnfinished,
)
from tasks.review.models import Review, ReviewStage, StagePass
from tasks.review.selectors import OwnQueue, count_to_review, review_counts, review_queue
from tasks.review.services import approve_batch, approve_label, fix_label
from tasks.review.stage_settings import StageSpec, set_stages
from tasks.review.stages import count_waiting, own_stages, stages_of
from tests import factories
from tests.factories import a_project, ada, class_answer, finch, wren
from tests.rejected import WHY, a_reviewer, an_answered_task, count_reviews, hash_of
from tests.worker_actions import assert_commitments_match_the_assignments, assert_totals_match_the_ledger

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return a_project(answers_min=1, answers_max=1, workers=[wren(), finch()], price=Decimal("0.05"))


def a_client(name: str = "carla") -> Actor:
    actor = factories.a_user(name).actor
    Membership.objects.get_or_create(
        organisation=factories.an_organisation(), actor=actor, defaults={"role": Role.CLIENT}
    )
    return actor


def stages(project: Project, *specs: StageSpec) -> list[ReviewStage]:
    return set_stages(project=project, specs=specs, by=ada())


def three(project: Project, **options: Any) -> list[ReviewStage]:
    return stages(
        project,
        StageSpec("Check", price="0.02"),
        StageSpec("Expert", members=[a_reviewer("eve").public_id], **options),
        StageSpec("Customer", role="client"),
    )


def approve(task: Task, by: Actor) -> Review | StagePass:
    return approve_label(reviewer=by, task=task, label_hash=hash_of(task))


def a_version(task: Task, *, confidence: float, number: int = 1) -> None:
    """A newer label of several workers."""
    before = ConsensusLabel.objects.get(task=task, is_current=True)
    ConsensusLabel.objects.filter(pk=before.pk).update(is_current=False)
    answer = Answer.from_json(class_answer(number))
    ConsensusLabel.objects.create(
        project_id=task.project_id,
        task=task,
        version=before.version + 1,
        body=answer.to_json(),
        content_hash=content_hash(answer),
        method="blend",
        confidence=confidence,
        evidence=before.evidence,
    )


def state(task: Task) -> str:
    return Task.objects.get(pk=task.pk).state


def waiting(project: Project) -> list[int]:
    return list(count_waiting(project=project, stages=stages_of(project=project)).values())


def queue(project: Project, actor: Actor) -> list[int]:
    rows = stages_of(project=project)
    own = own_stages(actor=actor, project=project, stages=rows)
    found = OwnQueue(project=project, batch=None, actor=actor, own=own, stages=rows)
    assert len(found) == len(found[:100])
    return [label.task_id for label in found[:100]]


def test_a_project_without_stages_is_reviewed_as_ever(project: Project) -> None:
    task = an_answered_task(project, wren())
    assert isinstance(approve(task, a_reviewer()), Review)
    assert state(task) == "approved"
    assert not StagePass.objects.exists()


def test_a_label_is_approved_by_the_last_stage(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    assert waiting(project) == [1, 0, 0]
    assert count_to_review(project=project) == 1
    assert isinstance(approve(task, a_reviewer()), StagePass)
    assert (state(task), waiting(project)) == ("answered", [0, 1, 0])
    approve(task, a_reviewer("eve"))
    assert (state(task), waiting(project)) == ("answered", [0, 0, 1])
    assert isinstance(approve(task, a_client()), Review)
    assert (state(task), waiting(project)) == ("approved", [0, 0, 0])
    passes = StagePass.objects.order_by("pk").values_list("stage__name", "reviewer__user__name")
    assert [name for name, _ in passes] == ["Check", "Expert", "Customer"]
    assert Review.objects.count() == 1, "workers are judged by one verdict"
    count_reviews()


def test_others_wait_for_their_stage(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    assert (queue(project, a_reviewer()), queue(project, a_client())) == ([task.pk], [])
    with pytest.raises(NotYourStage):
        approve(task, a_client())
    approve(task, a_reviewer())
    with pytest.raises(NotYourStage):
        approve(task, a_reviewer("jay"))
    assert (queue(project, a_reviewer()), queue(project, a_reviewer("eve"))) == ([], [task.pk])


def test_nobody_reviews_an_image_in_two_stages(project: Project) -> None:
    three(project)
    eve, task = a_reviewer("eve"), an_answered_task(project, wren())
    approve(task, eve)
    approve(task, eve)  # a retry
    assert waiting(project) == [0, 1, 0]
    with pytest.raises(ReviewedInOtherStage):
        fix_label(reviewer=eve, task=task, label_hash=hash_of(task), raw=class_answer(2), again=True)
    assert queue(project, eve) == []
    other = an_answered_task(project, finch())
    approve(other, a_reviewer())
    assert queue(project, eve) == [other.pk]


def test_approving_twice_in_a_stage_changes_nothing(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    assert approve(task, a_reviewer()) == approve(task, a_reviewer())
    assert StagePass.objects.count() == 1


def test_nobody_reviews_their_own_work(project: Project) -> None:
    stages(project, StageSpec("Check"))
    task = an_answered_task(project, wren())
    Membership.objects.filter(actor=wren()).update(role=Role.REVIEWER)
    assert queue(project, wren()) == []
    with pytest.raises(OwnWork):
        approve(task, wren())


def test_a_fix_passes_the_stages_up_to_its_own(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    approve(task, a_reviewer())
    fix_label(reviewer=a_reviewer("eve"), task=task, label_hash=hash_of(task), raw=class_answer(2))
    assert (state(task), waiting(project)) == ("answered", [0, 0, 1])
    approve(task, a_client())
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    assert (label.body["image"]["class"], state(task)) == (2, "approved")


def test_a_label_that_changes_begins_at_the_first_stage(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    approve(task, a_reviewer())
    a_version(task, confidence=0.8, number=2)
    assert waiting(project) == [1, 0, 0]


def test_a_rejection_in_a_later_stage_begins_again(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    approve(task, a_reviewer())
    reject_label(reviewer=a_reviewer("eve"), task=task, label_hash=hash_of(task), reason=WHY)
    assert (state(task), waiting(project)) == ("open", [0, 0, 0])
    task.refresh_from_db()
    factories.an_answer(task, finch(), class_answer(2))
    relabel(task_ids=[task.pk])
    assert waiting(project) == [1, 0, 0]


def test_each_image_is_paid_once_for_each_person_and_stage(project: Project) -> None:
    three(project)
    task, rook = an_answered_task(project, wren()), a_reviewer()
    reject_label(reviewer=rook, task=task, label_hash=hash_of(task), reason=WHY)
    task.refresh_from_db()
    factories.a_credit(factories.an_answer(task, finch(), class_answer(2)))
    relabel(task_ids=[task.pk])
    approve(task, rook)
    approve(task, rook)
    approve(task, a_reviewer("eve"))
    paid = LedgerEntry.objects.filter(kind="correction").values_list("worker", "amount")
    assert list(paid) == [(rook.pk, Decimal("0.02"))]
    assert_totals_match_the_ledger(project)
    assert_commitments_match_the_assignments(project)


def test_stages_are_for_a_share_for_doubt_and_for_what_was_rejected(project: Project) -> None:
    stages(
        project,
        StageSpec("Half", labels="share", share=0.5),
        StageSpec("Doubt", labels="doubtful", share=0.9),
        StageSpec("Again", labels="rejected"),
    )
    low, high = uuid.UUID(int=2**126), uuid.UUID(int=2**127 + 1)
    chosen, other = an_answered_task(project, wren()), an_answered_task(project, wren())
    Task.objects.filter(pk=chosen.pk).update(public_id=low)
    Task.objects.filter(pk=other.pk).update(public_id=high)
    assert waiting(project) == [1, 0, 0]
    assert review_counts(project=project, states=["to_review", "unseen"]) == {"to_review": 1, "unseen": 1}
    a_version(other, confidence=0.6)
    assert waiting(project) == [1, 1, 0]
    reject_label(reviewer=a_reviewer(), task=other, label_hash=hash_of(other), reason=WHY)
    other.refresh_from_db()
    factories.an_answer(other, finch(), class_answer(2))
    relabel(task_ids=[other.pk])
    a_version(other, confidence=0.99)
    assert waiting(project) == [1, 0, 1]


def test_a_filter_of_skills_chooses_the_experts(project: Project) -> None:
    eve, jay = a_reviewer("eve"), a_reviewer("jay")
    skill = skill_named(organisation=project.organisation, name="birds")
    set_skill(skill=skill, worker=eve, value=0.95, source="manager", by=ada())
    stages(project, StageSpec("Expert", people_filter="skill.birds >= 0.9"))
    task = an_answered_task(project, wren())
    assert (queue(project, eve), queue(project, jay)) == ([task.pk], [])


def test_a_batch_is_not_approved_around_its_stages(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    with pytest.raises(StagesUnfinished):
        approve_batch(reviewer=ada(), batch=task.batch)
    with pytest.raises(StagesReviewEach):
        check_class(
            reviewer=ada(), project=project, class_number=1, labels=[Looked(task.public_id, hash_of(task), wrong=False)]
        )
    for by in (a_reviewer(), a_reviewer("eve"), a_client()):
        approve(task, by)
    assert approve_batch(reviewer=ada(), batch=task.batch) == 0


def test_stages_change_while_labels_wait(project: Project) -> None:
    check, _expert, customer = three(project)
    task = an_answered_task(project, wren())
    approve(task, a_reviewer())
    kept = [
        StageSpec("First look", id=check.public_id),
        StageSpec("Customer", id=customer.public_id, role="client"),
    ]
    stages(project, *kept)
    assert waiting(project) == [0, 1]
    stages(project)
    assert not stages_of(project=project)
    approve(task, a_reviewer("eve"))
    assert state(task) == "approved"
    assert StagePass.objects.count() == 1


def test_clients_decide_in_their_stage_alone(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    for by in (a_reviewer(), a_reviewer("eve"), a_client()):
        approve(task, by)
    with pytest.raises(Forbidden):
        reject_label(reviewer=a_client(), task=task, label_hash=hash_of(task), reason=WHY, again=True)


@pytest.mark.parametrize(
    "spec",
    [
        StageSpec(" "),
        StageSpec("x" * 41),
        StageSpec("Check", role="worker"),
        StageSpec("Check", labels="some"),
        StageSpec("Check", labels="rejected"),
        StageSpec("Check", share=0),
        StageSpec("Check", share=float("nan")),
        StageSpec("Check", price="-1"),
        StageSpec("Check", price=0.1),
        StageSpec("Check", people_filter="skill."),
        StageSpec("Check", people_filter="skill.unknown"),
        StageSpec("Check", members=[uuid.uuid4()]),
        StageSpec("Check", id=uuid.uuid4()),
    ],
)
def test_what_is_wrong_with_a_stage(project: Project, spec: StageSpec) -> None:
    before = stages(project, StageSpec("Kept"))
    with pytest.raises(StageRefused):
        set_stages(project=project, specs=[spec], by=ada())
    assert stages_of(project=project) == before
    with pytest.raises(StageRefused):
        stages(project, StageSpec("Twice"), StageSpec("twice"))
    with pytest.raises(StageRefused):
        stages(project, *(StageSpec(f"Stage {n}") for n in range(7)))


def test_the_lists_of_the_queue_have_what_waits(project: Project) -> None:
    three(project)
    task = an_answered_task(project, wren())
    assert [row.task_id for row in review_queue(project=project)] == [task.pk]
    assert [row.task_id for row in review_queue(project=project, state="waiting")] == [task.pk]
    assert not review_queue(project=project, state="unseen").exists()
