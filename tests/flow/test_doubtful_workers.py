"""What follows from a worker's answers when a set is settled: stages, a pause, and a manager's decision."""

import random
from typing import Any

import pytest

from accounts.models import Actor, Organisation
from kernel.models import Event
from projects.models import Project
from tasks.analytics.worker_figures import WorkerFigures
from tasks.assignment.errors import WorkerPaused
from tasks.assignment.models import Assignment, Hand
from tasks.assignment.services import claim_hand
from tasks.batching.models import Task
from tasks.flow.expiry import expire_leases
from tasks.flow.worker_review import review_coworkers
from tasks.gold.models import Gold
from tasks.gold.services import retire_gold
from tasks.standing.advice import is_advised
from tasks.standing.models import Standing
from tasks.standing.selectors import awaiting_decision
from tasks.standing.services import confirm_pause, resume
from tasks.standing.trust import Posterior, Stage, posterior, stage_of
from tests import factories, worker_actions
from tests.seeded import seed_services

pytestmark = pytest.mark.django_db

CLASSES = ("cat", "dog", "bird", "fish")


@pytest.fixture
def wren() -> Actor:
    return factories.wren()


def a_project(wren: Actor, *, answered: bool = True, gold_rate: float = 0.0, **policy: Any) -> Project:
    """Forty images, of which two others said the first class."""
    project = factories.a_project(
        classes=CLASSES, workers=[wren], hand_size=10, gold_rate=gold_rate, returns_per_day=1000, **policy
    )
    factories.some_tasks(project, 40, wanted=3)
    if answered:
        others_answer(project)
    return project


def others_answer(project: Project) -> None:
    for name in ("robin", "lark"):
        other = factories.a_worker(name)
        factories.admitted(project, other)
        for task in Task.objects.filter(project=project):
            factories.an_answer(task, other, factories.class_answer(1))


def a_set(worker: Actor, project: Project, number: int | None = None) -> Hand:
    """Answer a set with this class, or with one after the other, which is right on a quarter of the images."""
    hand = worker_actions.take(worker, project)
    for place, lease in enumerate(worker_actions.leases_of(hand)):
        worker_actions.answer(lease, number or 1 + place % len(CLASSES))
    worker_actions.settle(hand)
    return hand


def standing_of(worker: Actor) -> Standing:
    return Standing.objects.get(worker=worker)


def test_who_answers_at_chance_is_stopped_with_the_set_of_the_twentieth_answer(wren: Actor) -> None:
    project = a_project(wren)
    a_set(wren, project)
    assert standing_of(wren).state == "active"
    a_set(wren, project)
    standing = standing_of(wren)
    assert (standing.state, standing.awaits_decision) == ("paused", True)
    assert Event.objects.filter(project_id=project.pk, kind="worker.paused").count() == 1
    with pytest.raises(WorkerPaused):
        claim_hand(worker=wren, project=project)
    [figures] = WorkerFigures(project=project, workers=[wren.pk])
    assert figures["findings"] is not None
    assert figures["findings"]["compared"] == 20
    assert figures["findings"]["agreeing"] < 8
    assert figures["trust_low"] < figures["trust"] < figures["trust_high"] < 0.7


def test_who_answers_like_the_others_is_not(wren: Actor) -> None:
    project = a_project(wren)
    for _ in range(4):
        a_set(wren, project, 1)
    standing = standing_of(wren)
    assert (standing.state, standing.stage, standing.awaits_decision) == ("active", "none", False)


def test_who_answers_only_late_is_stopped_too(wren: Actor) -> None:
    project = a_project(wren)
    for _ in range(2):
        hand = worker_actions.take(wren, project)
        worker_actions.expire_hand(hand)
        expire_leases()
        for lease in worker_actions.leases_of(hand):
            worker_actions.answer(lease, 2)
        worker_actions.run_late_jobs()
        assert standing_of(wren).state == "active"
    hand = worker_actions.take(wren, project)
    worker_actions.expire_hand(hand)
    expire_leases()
    # Nothing of the third set was answered when it was settled; the late answers to the first two were compared then.
    assert standing_of(wren).state == "active"
    worker_actions.answer(worker_actions.leases_of(hand)[0], 2)
    a_set(wren, project)
    assert standing_of(wren).state == "paused"


def test_a_single_late_answer_changes_nothing_by_itself(wren: Actor) -> None:
    project = a_project(wren)
    a_set(wren, project)
    before = standing_of(wren).findings
    hand = worker_actions.take(wren, project)
    worker_actions.expire_hand(hand)
    expire_leases()
    for lease in worker_actions.leases_of(hand):
        worker_actions.answer(lease, 2)
    review_coworkers(task_ids=[lease.task_id for lease in worker_actions.leases_of(hand) if lease.task_id])
    found = standing_of(wren).findings
    assert before is not None
    assert found is not None
    assert found["compared"] == before["compared"]


def test_what_others_say_later_stops_a_worker_too(wren: Actor) -> None:
    project = a_project(wren, answered=False)
    for _ in range(2):
        a_set(wren, project)
    assert standing_of(wren).state == "active"
    others_answer(project)
    tasks = list(Assignment.objects.filter(worker=wren).values_list("task_id", flat=True))
    assert review_coworkers(task_ids=[task for task in tasks if task is not None]) == 1
    assert standing_of(wren).state == "paused"


def test_a_resumed_worker_starts_anew(wren: Actor) -> None:
    project = a_project(wren)
    for _ in range(2):
        a_set(wren, project)
    resume(project=project, worker=wren)
    standing = standing_of(wren)
    assert (standing.state, standing.stage, standing.awaits_decision, standing.findings) == (
        "active",
        "none",
        False,
        None,
    )
    a_set(wren, project, 1)
    assert standing_of(wren).state == "active"
    [figures] = WorkerFigures(project=project, workers=[wren.pk])
    assert figures["findings"] is not None
    assert figures["findings"]["compared"] == 10


def test_a_manager_confirms_a_pause(wren: Actor) -> None:
    project = a_project(wren)
    for _ in range(2):
        a_set(wren, project)
    assert [row.worker for row in awaiting_decision(project=project)] == [wren]
    for _ in range(2):
        assert confirm_pause(project=project, worker=wren).state == "paused"
    assert not awaiting_decision(project=project).exists()


def test_gold_that_was_retired_is_no_evidence(wren: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    seed_services(monkeypatch, random.Random(3))
    project = a_project(wren, answered=False, gold_rate=0.5)
    for _ in range(20):
        factories.a_gold(project)
    a_set(wren, project, 2)
    findings = standing_of(wren).findings
    assert findings is not None
    assert findings["gold_seen"] == 5
    for gold in Gold.objects.filter(project=project):
        retire_gold(gold=gold)
    resumed = resume(project=project, worker=wren) if standing_of(wren).state == "paused" else None
    a_set(wren, project, 1)
    findings = standing_of(wren).findings
    assert findings is None or findings["gold_seen"] == 0, resumed


def test_other_organizations_are_invisible(wren: Actor) -> None:
    here = a_project(wren)
    elsewhere = Organisation.objects.create(name="Elsewhere")
    theirs = factories.a_project("Theirs", classes=CLASSES, workers=[wren])
    ours = factories.a_project("Ours", classes=CLASSES, workers=[wren])
    boxes = factories.a_project("Boxes", classes=CLASSES, tools=("box",), workers=[wren])
    for project in (theirs, boxes):
        factories.some_evidence(project, wren, correct=0, incorrect=50)
    Project.objects.filter(pk=theirs.pk).update(organisation=elsewhere)
    [figures] = WorkerFigures(project=here, workers=[wren.pk])
    assert figures["trust"] == pytest.approx(2 / 3, abs=1e-4)
    factories.some_evidence(ours, wren, correct=0, incorrect=50)
    [figures] = WorkerFigures(project=here, workers=[wren.pk])
    assert figures["trust"] == pytest.approx(2 / 11, abs=1e-4)


def test_stages_rise_and_fall_with_the_evidence(wren: Actor) -> None:
    bad, better = posterior(correct=1, incorrect=9), posterior(correct=30, incorrect=9)
    assert stage_of(Stage.NONE, bad, chance=0.25, new_gold=3) == Stage.WATCHED
    assert stage_of(Stage.NONE, bad, chance=0.25, new_gold=2) == Stage.NONE
    assert stage_of(Stage.WATCHED, better, chance=0.25, new_gold=3) == Stage.NONE
    assert stage_of(Stage.NONE, Posterior(2, 1), chance=0.25, new_gold=100) == Stage.NONE
    unsure = posterior(correct=3, incorrect=3)
    assert stage_of(Stage.NONE, unsure, chance=0.25, new_gold=6) == Stage.NONE
    assert stage_of(Stage.WATCHED, unsure, chance=0.25, new_gold=6) == Stage.WATCHED


def test_advice_hardly_tells_the_stage() -> None:
    rng = random.Random(5)
    shown = {stage: sum(is_advised(stage, rng) for _ in range(4000)) / 4000 for stage in Stage}
    assert 0.22 < shown[Stage.NONE] < 0.28
    assert all(0.72 < shown[stage] < 0.78 for stage in (Stage.COACHED, Stage.WATCHED))


def test_copied_boxes_count_once(wren: Actor) -> None:
    """Two others with the very same boxes are one; who has them too has copied, or was copied from."""
    project = factories.a_project(classes=CLASSES, tools=("box",), workers=[wren], hand_size=4, gold_rate=0)
    tasks = factories.some_tasks(project, 4, wanted=3)
    same = factories.box_answer((1, 10, 10, 50, 50))
    for name in ("robin", "lark"):
        other = factories.a_worker(name)
        factories.admitted(project, other)
        for task in tasks:
            factories.an_answer(task, other, same)
    hand = worker_actions.take(wren, project)
    for lease in worker_actions.leases_of(hand):
        worker_actions.answer(lease, body=same)
    worker_actions.settle(hand)
    findings = standing_of(wren).findings
    assert findings is not None
    assert findings["compared"] == 0
