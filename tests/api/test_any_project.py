"""Work of any project, what limits leave, and where a manager sets both."""

from typing import Any

import pytest

from accounts.models import Membership, Organisation, Role
from projects.models import Project
from tests import factories, worker_actions
from tests.api.people import member, signed_in, with_key

pytestmark = pytest.mark.django_db
ANY = "/api/v1/work/hands/"


def a_project(name: str = "Strays", **policy: Any) -> Project:
    project = factories.a_project(name, workers=[member("worker")], gold_rate=0, **{"hand_size": 2, **policy})
    factories.some_tasks(project, 6)
    return project


def work_a_set(project: Project) -> None:
    hand = worker_actions.take(member("worker"), project)
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)


def offers() -> dict[str, dict[str, Any]]:
    found = with_key(member("worker")).get("/api/v1/work/").json()["projects"]
    return {row["name"]: row for row in found}


def test_a_set_of_any_project_is_that_of_its_project() -> None:
    project = a_project()
    client = with_key(member("worker"))
    first, second = client.post(ANY), client.post(ANY)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json()["project"] == str(project.public_id)
    assert client.post(f"/api/v1/projects/{project.public_id}/hands/").json() == first.json()


def test_without_images_in_any_project_there_is_no_content() -> None:
    response = with_key(member("worker")).post(ANY)
    assert (response.status_code, response.content) == (204, b"")


def test_a_key_sees_the_projects_of_its_organization_alone() -> None:
    elsewhere = Organisation.objects.create(name="Elsewhere")
    Membership.objects.create(organisation=elsewhere, actor=member("worker"), role=Role.WORKER)
    away = a_project("Away", priority=1000)
    Project.objects.filter(pk=away.pk).update(organisation=elsewhere)
    worker_actions.take(member("worker"), away)
    assert with_key(member("worker")).post(ANY).status_code == 204
    here = a_project("Here")
    response = with_key(member("worker")).post(ANY)
    assert (response.status_code, response.json()["project"]) == (201, str(here.public_id))
    response = with_key(member("worker"), organisation=elsewhere).post(ANY)
    assert (response.status_code, response.json()["project"]) == (200, str(away.public_id))


def test_a_limit_is_a_problem_that_says_when_to_come_back() -> None:
    project = a_project(images_per_day=2)
    work_a_set(project)
    response = with_key(member("worker")).post(f"/api/v1/projects/{project.public_id}/hands/")
    assert response.status_code == 429
    assert response.json() == {
        "type": "/problems/images_today_used/",
        "title": "You have had today's images in this project",
        "status": 429,
        "detail": "You have had today's 2 images in this project. More tomorrow at 00:00 UTC.",
    }
    assert 1 <= int(response["Retry-After"]) <= 86_400
    assert with_key(member("worker")).post(ANY).status_code == 204


def test_the_other_limits_are_conflicts() -> None:
    Organisation.objects.filter(pk=factories.an_organisation().pk).update(live_sets=1)
    shared, other = a_project("Shared", share_per_worker=0.4), a_project("Other")
    client = with_key(member("worker"))
    hand = worker_actions.take(member("worker"), shared)
    response = client.post(f"/api/v1/projects/{other.public_id}/hands/")
    assert (response.status_code, response.json()["type"]) == (409, "/problems/live_sets_reached/")
    assert "Retry-After" not in response
    worker_actions.answer_all(hand)
    worker_actions.settle(hand)
    response = client.post(f"/api/v1/projects/{shared.public_id}/hands/")
    assert (response.status_code, response.json()["type"]) == (409, "/problems/share_reached/")


def test_the_list_of_work_tells_what_is_left_beforehand() -> None:
    a_project("Free")
    daily, shared = a_project("Daily", images_per_day=3), a_project("Shared", share_per_worker=0.4)
    limits = ("images_left_today", "images_left", "refusal")
    found = offers()
    assert [found["Free"][name] for name in limits] == [None, None, None]
    assert [found["Daily"][name] for name in limits] == [3, None, None]
    assert [found["Shared"][name] for name in limits] == [None, 2, None]
    for project in (daily, shared):
        work_a_set(project)
    found = offers()
    assert [found["Daily"][name] for name in limits] == [1, None, None]
    assert [found["Shared"][name] for name in limits] == [None, 0, "share_reached"]
    Organisation.objects.filter(pk=factories.an_organisation().pk).update(live_sets=1)
    worker_actions.take(member("worker"), daily)
    assert offers()["Free"]["refusal"] == "live_sets_reached"


def test_a_manager_sets_priority_deadline_and_limits() -> None:
    project = a_project()
    client, url = with_key(member("manager")), f"/api/v1/projects/{project.public_id}/"
    changes = {
        "priority": -1000,
        "deadline_at": "2027-03-31T20:00:00+02:00",
        "images_per_day": 200,
        "share_per_worker": 0.25,
    }
    body = client.patch(url, changes, format="json").json()
    assert {name: body[name] for name in changes} == {**changes, "deadline_at": "2027-03-31T18:00:00.000000Z"}
    body = client.patch(url, {"deadline_at": None}, format="json").json()
    assert (body["deadline_at"], body["priority"]) == (None, -1000)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"priority": 1001}, 400),
        ({"images_per_day": -1}, 400),
        ({"share_per_worker": 0}, 400),
        ({"share_per_worker": 1.1}, 400),
        ({"deadline_at": "soon"}, 400),
        ({"deadline_at": "2027-03-31T18:00:00"}, 422),
        ({"deadline_at": "0001-01-01T00:00:00+14:00"}, 400),
    ],
)
def test_values_out_of_range_are_refused(changes: dict[str, Any], status: int) -> None:
    project = a_project()
    response = with_key(member("manager")).patch(f"/api/v1/projects/{project.public_id}/", changes, format="json")
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    before = (project.priority, project.images_per_day, project.share_per_worker, project.deadline_at)
    project.refresh_from_db()
    assert (project.priority, project.images_per_day, project.share_per_worker, project.deadline_at) == before


def test_an_owner_limits_the_sets_in_progress() -> None:
    client = signed_in(member("owner"))
    client.cookies["csrftoken"] = client.defaults["HTTP_X_CSRFTOKEN"] = "0" * 32
    url = f"/api/v1/organisations/{factories.an_organisation().public_id}/"
    body = client.patch(url, {"live_sets": 2}, format="json").json()
    assert (body["name"], body["live_sets"]) == ("Aviary", 2)
    assert client.patch(url, {"name": "Aviary of Ghent"}, format="json").json()["live_sets"] == 2
    assert client.patch(url, {"live_sets": 1001}, format="json").status_code == 400
    assert client.get("/api/v1/organisations/").json()["results"][0]["live_sets"] == 2
