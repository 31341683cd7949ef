"""Instructions over the API: important changes, what is new in them, and their confirmation."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from tests import factories, worker_actions
from tests.api.people import member, outsider, with_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    project = factories.a_project(workers=[member("worker")], gold_rate=0, hand_size=2)
    factories.some_tasks(project, 6)
    return project


@pytest.fixture
def worker() -> APIClient:
    return with_key(member("worker"))


def url(project: Project, rest: str = "") -> str:
    return f"/api/v1/projects/{project.public_id}/{rest}"


def write(project: Project, **body: Any) -> Any:
    return with_key(member("manager")).put(url(project, "instructions/"), body, format="json").json()


def code_of(response: Any) -> str:
    return str(response.json()["type"]).strip("/").rpartition("/")[2]


def test_a_worker_reads_what_is_new_confirms_it_and_goes_on(project: Project, worker: APIClient) -> None:
    worker_actions.settle(worker_actions.take(member("worker"), project))
    written = write(project, body="Look very closely.", important=True)
    assert written == {"version": 2, "body": "Look very closely.", "important": True}
    refused = worker.post(url(project, "hands/"))
    assert (refused.status_code, code_of(refused)) == (409, "instructions_unread")
    (offer,) = worker.get("/api/v1/work/").json()["projects"]
    assert offer["refusal"] == "instructions_unread"
    news = worker.get(url(project, "instructions/news/")).json()
    assert (news["version"], news["since"], news["must_confirm"]) == (2, 1, True)
    assert {"kind": "added", "text": "very"} in news["paragraphs"][0]["pieces"]
    old = worker.post(url(project, "instructions/confirm/"), {"version": 1}, format="json")
    assert (old.status_code, code_of(old)) == (409, "instructions_replaced")
    for _ in range(2):
        assert worker.post(url(project, "instructions/confirm/"), {"version": 2}, format="json").status_code == 204
    assert worker.post(url(project, "hands/")).status_code == 201


def test_a_change_is_not_important_unless_the_manager_says_so(project: Project, worker: APIClient) -> None:
    assert write(project, body="Look very closely.")["important"] is False
    assert worker.post(url(project, "hands/")).status_code == 201


def test_others_learn_nothing_of_a_project(project: Project) -> None:
    client = with_key(outsider(), organisation=factories.an_organisation("Owen's own"))
    assert client.get(url(project, "instructions/news/")).status_code == 404
    assert client.post(url(project, "instructions/confirm/"), {"version": 1}, format="json").status_code == 404


@pytest.mark.parametrize("version", [0, -1, "one", None, 10**30])
def test_what_is_no_version_is_refused(project: Project, worker: APIClient, version: Any) -> None:
    response = worker.post(url(project, "instructions/confirm/"), {"version": version}, format="json")
    assert response.status_code in (400, 409), response.json()
