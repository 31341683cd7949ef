"""A batch's deadline is set, changed and removed, with its time zone, and a set says how long it takes."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tasks.batching.models import Batch
from tests.api.api_fixtures import World
from tests.api.people import member, with_key

FRIDAY = "2035-01-05T18:00:00.000000Z"


@pytest.fixture
def ada(world: World) -> APIClient:
    return with_key(member("owner"))


def url(world: World) -> str:
    return f"/api/v1/batches/{world.ids['batch_id']}/"


def test_a_deadline_is_kept_in_utc_and_listed(ada: APIClient, world: World) -> None:
    answer = ada.patch(url(world), {"deadline_at": "2035-01-05T19:00:00+01:00", "priority": 3}, format="json")
    assert answer.status_code == 200
    assert (answer.json()["deadline_at"], answer.json()["priority"]) == (FRIDAY, 3)
    rows = ada.get(f"/api/v1/projects/{world.project.public_id}/batches/").json()["results"]
    assert FRIDAY in [row["deadline_at"] for row in rows]
    assert ada.patch(url(world), {"deadline_at": None}, format="json").json()["deadline_at"] is None


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"deadline_at": "2035-01-05T18:00:00"}, 400, "Add the time zone"),
        ({"deadline_at": "Friday"}, 400, "Datetime has wrong format"),
        ({"deadline_at": "2020-01-05T18:00:00Z", "priority": 3}, 422, "a time in the future"),
        ({"deadline_at": "2350-01-05T18:00:00Z"}, 422, "within ten years"),
        ({}, 400, "Send `priority`, `deadline_at`, `team`, or several of them."),
    ],
)
def test_a_bad_deadline_changes_nothing(
    ada: APIClient, world: World, sent: dict[str, Any], status: int, words: str
) -> None:
    answer = ada.patch(url(world), sent, format="json")
    assert answer.status_code == status
    assert words in answer.content.decode()
    batch = Batch.objects.get(public_id=world.ids["batch_id"])
    assert (batch.deadline_at, batch.priority) == (None, 0)


def test_the_work_list_says_how_large_a_set_is_and_how_long_it_takes(world: World) -> None:
    wren = with_key(member("worker"))
    offer = wren.get("/api/v1/work/").json()["projects"][0]
    assert (offer["set_size"], offer["set_seconds"]) == (
        world.project.hand_size,
        world.project.hand_size * world.project.seconds_per_answer,
    )
    policy = {"set_minutes": 5, "seconds_per_answer": 20}
    project = f"/api/v1/projects/{world.project.public_id}/"
    assert with_key(member("owner")).patch(project, policy, format="json").status_code == 200
    offer = wren.get("/api/v1/work/").json()["projects"][0]
    assert (offer["set_size"], offer["set_seconds"]) == (15, 300)


def test_minutes_must_fit_into_the_time_per_set(world: World) -> None:
    project = f"/api/v1/projects/{world.project.public_id}/"
    answer = with_key(member("owner")).patch(project, {"set_minutes": 31}, format="json")
    assert answer.status_code == 422
    assert "Lower the minutes or raise the time." in answer.json()["detail"]
