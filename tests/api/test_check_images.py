"""Check images over the API: their answers, what is accepted, their supply, and promotion."""

import pytest

from tasks.assignment.models import Assignment
from tasks.flow.gold_judgement import suspend_contested_gold
from tasks.gold.models import Gold
from tests import factories, worker_actions
from tests.api.people import with_key

pytestmark = pytest.mark.django_db

NAMES = ("wren", "finch", "robin")


@pytest.fixture
def gold() -> Gold:
    """Suspended: three good workers answered dog, and the accepted answer is cat."""
    project = factories.a_project(hand_size=2, gold_rate=0.5, answers_min=3, answers_max=3)
    factories.some_tasks(project, 6)
    gold = factories.a_gold(project)
    for name in NAMES:
        worker = factories.a_worker(name)
        factories.admitted(project, worker, gold=(20, 1))
        while not Assignment.objects.filter(gold=gold, worker=worker).exists():
            hand = worker_actions.take(worker, project)
            worker_actions.answer_all(hand, 2)
            worker_actions.settle(hand)
    suspend_contested_gold()
    gold.refresh_from_db()
    assert gold.state == "suspended"
    return gold


def test_a_manager_sees_the_answers_accepts_one_and_uses_it_again(gold: Gold) -> None:
    client = with_key(factories.ada())
    rows = client.get(f"/api/v1/projects/{gold.project.public_id}/golds/?state=suspended").json()["results"]
    assert [row["id"] for row in rows] == [str(gold.public_id)]
    assert rows[0]["suspended_at"] is not None
    answers = client.get(f"/api/v1/golds/{gold.public_id}/answers/").json()["results"]
    assert [(row["answer"]["image"]["class"], row["correct"], row["counts"]) for row in answers] == [
        (2, False, False)
    ] * 3
    assert {row["name"] for row in answers} == {"Wren", "Finch", "Robin"}
    accepted = [factories.class_answer(1), factories.class_answer(2)]
    changed = client.patch(f"/api/v1/golds/{gold.public_id}/", {"accepted": accepted}, format="json")
    assert changed.status_code == 200, changed.content
    assert changed.json()["accepted"] == accepted
    again = client.post(f"/api/v1/golds/{gold.public_id}/reactivate/")
    assert (again.status_code, again.json()["state"]) == (200, "active")
    assert client.post(f"/api/v1/golds/{gold.public_id}/reactivate/").status_code == 409
    answers = client.get(f"/api/v1/golds/{gold.public_id}/answers/").json()["results"]
    assert {(row["correct"], row["counts"]) for row in answers} == {(True, True)}


def test_a_tolerance_and_accepted_answers_are_checked(gold: Gold) -> None:
    client, url = with_key(factories.ada()), f"/api/v1/golds/{gold.public_id}/"
    assert client.patch(url, {}, format="json").status_code in (400, 422)
    assert client.patch(url, {"tolerance": {"iou": 3}}, format="json").status_code in (400, 422)
    assert client.patch(url, {"accepted": []}, format="json").status_code in (400, 422)
    assert client.patch(url, {"accepted": [factories.class_answer(77)]}, format="json").status_code == 422
    changed = client.patch(url, {"tolerance": {"misses": 2}}, format="json")
    assert changed.json()["tolerance"] == {"iou": 0.5, "misses": 2, "extras": 0}


def test_the_supply_and_the_reason_why_nothing_can_be_promoted(gold: Gold) -> None:
    client, url = with_key(factories.ada()), f"/api/v1/projects/{gold.project.public_id}/golds/"
    supply = client.get(f"{url}supply/").json()
    assert (supply["suspended"], supply["unused"], supply["workers"], supply["candidates"]) == (1, 0, 3, 0)
    assert supply["why_no_candidates"].startswith("No label has been approved")
    refused = client.post(f"{url}promote/", {"count": 3}, format="json")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/nothing_to_promote/")
