"""Sending images back over the API: what a worker gets is the same of gold and work."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from kernel.clock import utc_now
from tasks.assignment.models import Assignment, Hand
from tasks.batching.models import Task
from tasks.review.models import RejectedAnswer
from tests import factories
from tests.api.api_fixtures import World
from tests.api.people import member, with_key
from tests.api.test_appealing import shape
from tests.rejected import WHY, a_wrong_gold_answer, an_answered_task, hash_of, show_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(world: World) -> World:
    world.project.appeal_days, world.project.send_back_days = 7, 2
    world.project.answers_min = world.project.answers_max = 1
    world.project.save(update_fields=["appeal_days", "send_back_days", "answers_min", "answers_max"])
    Task.objects.filter(project=world.project).update(state="left_out")
    now = utc_now()
    Assignment.objects.filter(project=world.project, state="leased").update(state="released", closed_at=now)
    Hand.objects.filter(project=world.project, state="live").update(state="settled", settled_at=now)
    return world


@pytest.fixture
def wren(world: World) -> APIClient:
    return with_key(member("worker"), scopes=["work"])


@pytest.fixture
def rhea(world: World) -> APIClient:
    return with_key(member("reviewer"), scopes=["read", "review"])


def reject(client: APIClient, task: Task, **body: Any) -> Any:
    return client.post(
        f"/api/v1/tasks/{task.public_id}/review/",
        {"label_hash": hash_of(task), "verdict": "reject", "reason": WHY, **body},
    )


def test_gold_and_work_that_are_sent_back_look_the_same(world: World, wren: APIClient, rhea: APIClient) -> None:
    project = world.project
    gold = factories.a_gold(project, image=factories.an_image(project))
    wrong = a_wrong_gold_answer(project, member("worker"), gold=gold, number=1)
    draft = RejectedAnswer.objects.create(project=project, worker=member("worker"), assignment=wrong, state="draft")
    url = f"/api/v1/projects/{project.public_id}/explanations/{draft.public_id}/"
    assert rhea.post(url, {"reason": WHY, "send_back": True}).status_code == 200
    task = an_answered_task(project, member("worker"))
    assert reject(rhea, task, send_back=True).status_code == 200
    assert wren.get("/api/v1/work/rejections/").json()["results"] == []
    show_now()
    RejectedAnswer.objects.exclude(assignment__in=[wrong.pk]).exclude(assignment__task=task).delete()
    results = wren.get("/api/v1/work/rejections/").json()["results"]
    assert len({each["correct_until"] for each in results}) == 1
    hand = wren.post(f"/api/v1/projects/{project.public_id}/hands/").json()
    one, other = [each for each in hand["assignments"] if each["correction"]]
    assert shape(one) == shape(other)
    assert one["correction"] == other["correction"]
    assert one["correction"]["reason"] == WHY
    assert one["correction"]["answer"]["image"]["class"] == 1
    assert {each["correct_until"] for each in wren.get("/api/v1/work/rejections/").json()["results"]} == {None}


def test_only_a_rejection_sends_back(world: World, rhea: APIClient) -> None:
    task = an_answered_task(world.project, member("worker"))
    body = {"label_hash": hash_of(task), "verdict": "approve", "send_back": True}
    refused = rhea.post(f"/api/v1/tasks/{task.public_id}/review/", body)
    assert refused.status_code == 400
    assert "send_back" in str(refused.json())


def test_why_nothing_is_sent_back(world: World, rhea: APIClient) -> None:
    task = an_answered_task(world.project, member("worker"))
    world.project.standings.filter(worker=member("worker")).update(state="paused")
    refused = reject(rhea, task, send_back=True)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/nobody_to_correct/")
    world.project.send_back_days = 0
    world.project.save(update_fields=["send_back_days"])
    refused = reject(rhea, task, send_back=True)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/sending_back_off/")
    assert reject(rhea, task).status_code == 200
