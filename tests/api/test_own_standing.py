"""What workers read about themselves through the API, and that it tells nothing about check images."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Actor
from kernel.clock import database_now
from projects.models import Project
from tasks.assignment.models import Hand
from tasks.gold.models import GoldResult
from tasks.pay.early_approval import approve_early
from tasks.pay.payouts import run_payouts
from tasks.qualification.skill_models import Skill, SkillValue
from tasks.standing.models import Standing
from tests import factories, worker_actions
from tests.api.people import member, with_key
from tests.qualifications import a_qualification, held
from tests.rejected import a_rejected_answer

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/work/standing/"


@pytest.fixture
def wren() -> Actor:
    return member("worker")


def a_project(wren: Actor, name: str = "Strays", **policy: Any) -> Project:
    values = {"gold_rate": 0, "hand_size": 4, "price": Decimal("0.05"), **policy}
    project = factories.a_project(name, workers=[wren], **values)
    factories.some_tasks(project, 8)
    return project


def read(wren: Actor) -> dict[str, Any]:
    answer = with_key(wren).get(ADDRESS)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def own(wren: Actor) -> dict[str, Any]:
    (project,) = read(wren)["projects"]
    found: dict[str, Any] = project
    return found


def test_answers_and_pay_from_the_first_answer_to_the_payout(wren: Actor) -> None:
    project = a_project(wren, approval_days=7)
    assert (own(wren)["stage"], own(wren)["answers"], own(wren)["money"]) == ("new", 0, [])
    hand = worker_actions.take(wren, project)
    worker_actions.answer(worker_actions.leases_of(hand)[0])
    begun = own(wren)
    assert (begun["answers"], begun["answers_in_set"], begun["answers_waiting"], begun["answers_approved"]) == (
        *(1, 1, 1),
        0,
    )
    assert begun["money"][0]["waiting"] == "0.050000"
    worker_actions.settle(hand)
    waiting = own(wren)
    assert (waiting["answers"], waiting["answers_in_set"], waiting["answers_waiting"]) == (1, 0, 1)
    assert waiting["money"][0]["next_approval"] is not None
    # Not more than has passed since the image was given, and not less than a second.
    assert waiting["measured_seconds"] == 1.0
    approve_early(project=project, by=factories.ada(), worker=wren)
    approved = own(wren)
    assert (approved["answers_waiting"], approved["answers_approved"]) == (0, 1)
    assert (approved["money"][0]["approved"], approved["money"][0]["next_approval"]) == ("0.050000", None)
    run_payouts(organisation=project.organisation, by=factories.ada())
    (paid,) = own(wren)["money"]
    assert (paid["approved"], paid["paid"]) == ("0.000000", "0.050000")
    assert paid["paid_at"] is not None


def test_a_pause_comes_with_its_reason_and_many_answers_are_no_longer_new(wren: Actor) -> None:
    project = a_project(wren, hand_size=20)
    factories.some_tasks(project, 20)
    hand = worker_actions.take(wren, project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    assert (own(wren)["stage"], own(wren)["reason"]) == ("working", "")
    Standing.objects.update(state="paused", reason="Look at the shadows.", awaits_decision=True)
    paused = own(wren)
    assert (paused["stage"], paused["reason"], paused["awaits_decision"]) == ("paused", "Look at the shadows.", True)


def test_rejections_that_can_be_appealed_come_with_the_time(wren: Actor) -> None:
    project = factories.a_project(workers=[wren], appeal_days=5)
    row = a_rejected_answer(project, wren)
    found = own(wren)
    assert (found["rejected"], found["appealable"]) == (1, 1)
    assert found["appeal_until"] is not None
    type(row).objects.filter(pk=row.pk).update(appeal_until=database_now() - timedelta(days=1))
    found = own(wren)
    assert (found["rejected"], found["appealable"], found["appeal_until"]) == (1, 0, None)


def test_only_what_ones_own_exams_have_set_is_shown_of_skills(wren: Actor) -> None:
    """A manager may have computed the others from check images."""
    project = a_project(wren)
    held(a_qualification(project), wren)
    for name, source in (("cats", "exam"), ("suspicion", "csv"), ("speed", "manager")):
        skill = Skill.objects.create(organisation=project.organisation, name=name)
        SkillValue.objects.create(skill=skill, worker=wren, value=0.75, source=source, created_at=database_now())
    body = read(wren)
    assert [(each["name"], each["value"]) for each in body["skills"]] == [("cats", 0.75)]
    assert [each["name"] for each in body["qualifications"]] == ["Cats and dogs"]


def test_a_key_reads_its_organization_alone_and_removed_workers_nothing(wren: Actor) -> None:
    project = a_project(wren)
    assert len(read(wren)["projects"]) == 1
    Standing.objects.filter(project=project).update(state="removed")
    assert read(wren)["projects"] == []


def test_what_is_measured_and_the_stage_that_follows_change_nothing(wren: Actor) -> None:
    a_project(wren)
    before = read(wren)
    for stage in ("coached", "watched", "none"):
        Standing.objects.update(stage=stage, findings=None)
        factories.some_evidence(Project.objects.get(), wren, correct=1, incorrect=19)
        assert read(wren) == before


def test_wrong_answers_to_check_images_read_like_right_ones_and_like_work(wren: Actor) -> None:
    """One works without check images; of the others, one answers all of them right, one wrong."""
    seen = []
    for name, gold, right in (("none", 0, True), ("right", 6, True), ("wrong", 6, False)):
        project = factories.a_project(name, gold_rate=0.5 if gold else 0, hand_size=6, price=Decimal("0.05"))
        worker = factories.a_worker(name)
        factories.admitted(project, worker)
        factories.some_tasks(project, 12 - gold)
        for _ in range(gold):
            factories.a_gold(project, accepted=[factories.class_answer(1 if right else 2)])
        client = with_key(worker)
        pages = []
        hand = worker_actions.take(worker, project)
        for lease in worker_actions.leases_of(hand):
            worker_actions.answer(lease)
            pages.append(of(client))
        worker_actions.settle(hand)
        Hand.objects.update(advised=False)  # drawn at random
        seen.append([*pages, of(client)])
    assert GoldResult.objects.filter(correct=True).exists()
    assert GoldResult.objects.filter(correct=False).exists()
    assert seen[0] == seen[1] == seen[2]


def of(client: APIClient) -> dict[str, Any]:
    (project,) = client.get(ADDRESS).json()["projects"]
    return {key: value for key, value in project.items() if key not in ("project", "name")}


def test_many_projects_take_the_statements_of_one(wren: Actor) -> None:
    def statements() -> int:
        client = with_key(wren)
        client.get(ADDRESS)
        with CaptureQueriesContext(connection) as captured:
            client.get(ADDRESS)
        return len(captured)

    def worked(name: str) -> None:
        project = a_project(wren, name)
        hand = worker_actions.take(wren, project)
        worker_actions.answer_all(hand)
        worker_actions.settle(hand)
        worker_actions.answer(worker_actions.leases_of(worker_actions.take(wren, project))[0])

    worked("First")
    one = statements()
    for number in range(5):
        worked(f"Project {number}")
    assert statements() == one
