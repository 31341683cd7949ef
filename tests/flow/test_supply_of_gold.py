"""How much gold a project needs, what happens when none is left, and labels that become gold."""

from typing import Any

import pytest

from projects.errors import PolicyRefused
from projects.models import Project
from tasks.analytics.gold_supply import gold_supply
from tasks.analytics.project_progress import Need, project_progress
from tasks.assignment.errors import ProjectNotOpen
from tasks.assignment.models import Assignment
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.consensus.models import ConsensusLabel
from tasks.consensus.services import update_labels
from tasks.flow.errors import NothingToPromote
from tasks.flow.gold_promotion import promote_labels, promotion_candidates
from tasks.flow.policy_change import change_project_policy
from tasks.gold.models import Gold
from tasks.review.services import approve_batch, approve_label
from tests import factories, worker_actions

pytestmark = pytest.mark.django_db


def a_project(**policy: Any) -> Project:
    workers = [factories.a_worker(f"w{number}") for number in range(4)]
    return factories.a_project(workers=workers, **{"gold_rate": 0.1, "answers_min": 3, "answers_max": 3, **policy})


def test_what_the_work_needs_is_workers_times_gold_each_by_answers_per_image() -> None:
    project = a_project()
    factories.some_tasks(project, 60, wanted=3)
    for _ in range(5):
        factories.a_gold(project, views_wanted=3)
    supply = gold_supply(project=project)
    assert (supply.answers_left, supply.workers, supply.per_image) == (180, 4, 3)
    assert (supply.gold_each, supply.needed) == (5, 7), "180 answers are nine tenths of 200, so 20 views"
    assert (supply.unused, supply.missing, supply.views_left) == (5, 2, 15)
    assert (supply.hours, supply.lasts_answers) == (None, 150)
    assert not supply.is_out
    assert not supply.is_scarce


def test_gold_at_a_task_is_no_longer_unused_but_will_be_seen() -> None:
    project = a_project()
    task = factories.a_task(project, wanted=3)
    factories.a_gold(project, views_wanted=3, site=task)
    factories.a_gold(project, state="retired")
    factories.a_gold(project)
    supply = gold_supply(project=project)
    assert (supply.unused, supply.views_left, supply.without_limit) == (0, 3, 1)
    assert not supply.is_scarce, "gold without a limit goes to everyone"


def test_a_manager_is_told_before_gold_runs_out_but_not_if_there_never_was_any() -> None:
    project = a_project()
    factories.some_tasks(project, 60, wanted=3)
    assert project_progress(project=project).need is None
    gold = factories.a_gold(project, views_wanted=3)
    progress = project_progress(project=project)
    assert (progress.need, progress.count) == (Need.ADD_GOLD, 6)
    Gold.objects.filter(pk=gold.pk).update(state="suspended")
    assert project_progress(project=project).need is Need.LOOK_AT_GOLD


def test_without_gold_work_goes_on_or_stops_as_the_manager_decides() -> None:
    project, worker = a_project(hand_size=2), factories.a_worker("w0")
    factories.some_tasks(project, 20, wanted=3)
    hand = worker_actions.take(worker, project)
    assert (hand.size, Assignment.objects.filter(hand=hand, gold__isnull=False).count()) == (2, 0)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    with pytest.raises(PolicyRefused):
        change_project_policy(project=project, changes={"gold_when_out": "maybe"})
    change_project_policy(project=project, changes={"gold_when_out": "stop"})
    with pytest.raises(ProjectNotOpen):
        claim_hand(worker=worker, project=project)
    factories.a_gold(project, views_wanted=3)
    assert worker_actions.take(worker, project).size == 2
    Project.objects.filter(pk=project.pk).update(gold_rate=0)
    Gold.objects.all().delete()
    assert claim_hand(worker=factories.a_worker("w1"), project=project) is not None, "no gold is wanted"


def approved(project: Project, *, number: int, answers: int, by_policy: bool = False) -> Task:
    task = factories.a_task(project, wanted=answers)
    for worker in range(answers):
        factories.an_answer(task, factories.a_worker(f"w{worker}"), factories.class_answer(number))
    update_labels(task_ids=[task.pk])
    label = ConsensusLabel.objects.get(task=task, is_current=True)
    if by_policy:
        project.share_reviewed = 0
        project.save(update_fields=["share_reviewed"])
        approve_batch(reviewer=factories.ada(), batch=task.batch)
    else:
        approve_label(reviewer=factories.ada(), task=task, label_hash=label.content_hash)
    return task


def test_labels_that_a_person_approved_are_promoted_with_their_views() -> None:
    project = a_project(answers_min=2, answers_max=5, confidence_target=0.5)
    cats = [approved(project, number=1, answers=3) for _ in range(4)]
    dog = approved(project, number=2, answers=3)
    approved(project, number=1, answers=3, by_policy=True)
    assert promotion_candidates(project=project).count == 5
    golds = promote_labels(project=project, count=2, by=factories.ada())
    assert {gold.image_id for gold in golds} - {task.image_id for task in cats} == {dog.image_id}, "one of each class"
    for gold in golds:
        assert (gold.source, gold.state, gold.views_before) == ("consensus", "active", 3)
        assert gold.views_wanted in (4, 5)
    assert promotion_candidates(project=project).count == 3
    assert len(promote_labels(project=project, count=10, by=factories.ada())) == 3
    assert Task.objects.filter(state="approved").count() == 6, "their labels stay approved"


def test_workers_who_labeled_an_image_do_not_get_it_as_gold() -> None:
    project = a_project(answers_min=2, answers_max=5, hand_size=2, gold_rate=0.5, confidence_target=0.5)
    task = approved(project, number=1, answers=3)
    (gold,) = promote_labels(project=project, count=1, by=factories.ada())
    factories.some_tasks(project, 8, wanted=4)
    for number in range(4):
        worker = factories.a_worker(f"w{number}")
        while (hand := claim_hand(worker=worker, project=project)) is not None:
            worker_actions.answer_all(hand)
            worker_actions.settle(hand)
    had = set(Assignment.objects.filter(gold=gold).values_list("worker__user__name", flat=True))
    assert had <= {"W3"}
    assert Assignment.objects.filter(task=task).count() == 3


def test_without_a_candidate_the_reason_is_told() -> None:
    fixed = a_project()
    assert "No label has been approved" in promotion_candidates(project=fixed).why
    approved(fixed, number=1, answers=3)
    candidates = promotion_candidates(project=fixed)
    assert candidates.count == 0
    assert "seen by 3 workers already" in candidates.why
    assert "dynamic" in candidates.why
    with pytest.raises(NothingToPromote, match="seen by 3 workers"):
        promote_labels(project=fixed, count=1, by=factories.ada())
